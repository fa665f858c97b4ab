"""`cluster slurm`: the script that is printed, what is refused, and its body run without Slurm."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time

import pytest
import tiny
from conftest import ROOT

from neutral import cli
from neutral.cli import main
from neutral.cluster import slurm
from neutral.errors import NeutralError

FIND = ("find", "--model", "m o", "--text", "t'x", "--study", "$HOME/`id`")


def printed(capsys, *words):
    code = main(["cluster", "slurm", *words])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_the_script_asks_slurm_for_what_was_asked_and_is_bash(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = (
        "--nodes",
        "2",
        "--gpus-per-node",
        "4",
        "--cpus-per-node",
        "16",
        "--time",
        "1-12:00:00",
        "--partition",
        "a",
    )
    code, text, _ = printed(capsys, *asked, "--account", "me", "--mem", "64G", "--", *FIND)
    assert code == 0
    lines = text.splitlines()
    assert lines[0] == "#!/bin/bash"
    directives = [line.removeprefix("#SBATCH --") for line in lines if line.startswith("#SBATCH ")]
    assert directives == [
        *("job-name=neutral-find", "nodes=2", "ntasks-per-node=1", "exclusive", "cpus-per-task=16", "gpus-per-node=4"),
        *("mem=64G", "time=1-12:00:00", "partition=a", "account=me", "signal=B:USR1@300", f'chdir="{tmp_path}"'),
    ]
    assert "symmetric-run" in text
    assert "--min-nodes 2" in text
    assert "--num-gpus=4" in text
    subprocess.run(["bash", "-n"], input=text.encode(), check=True)


def test_words_reach_the_command_as_they_are(tmp_path):
    """No shell reads anything in them: the line is taken apart by a shell, and gives the same words."""
    text = slurm.script(FIND, slurm.Allocation(1), folder=tmp_path)
    line = next(line for line in text.splitlines() if " -m neutral " in line)
    words = shlex.split(line.removesuffix("&"))
    assert tuple(words[3 : 3 + len(FIND)]) == FIND
    assert words[3 + len(FIND) :][:2] == ["--engine", "ray"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--nodes", "1", "--", "find", "--model", "m"), "the following arguments are required: --text, --study"),
        (("--nodes", "1", "--", *FIND, "--sparsities", "x"), "find"),
        (("--nodes", "1", "--", *FIND, "--engine", "ray"), "--engine: leave it out"),
        (("--nodes", "1", "--", *FIND, "--json-progress", "f"), "--json-progress: leave it out"),
        (("--nodes", "1", "--", *FIND, "--dry-run"), "--dry-run: leave it out"),
        (("--nodes", "1", "--", *FIND, "--report-to", "trackio"), "--report-to trackio: not with --address"),
        (("--nodes", "1", "--", *FIND, "--device", "cuda"), "--device cuda: only with --engine local"),
        (("--nodes", "1", "--", "pretrain"), "pretrain: not a command that Ray can run; there are find,"),
        (("--nodes", "1", "--", "rm", "-rf"), "rm: not a command that Ray can run"),
        (("--nodes", "0", "--", *FIND), "--nodes 0: a whole number, at least 1"),
        (("--nodes", "1", "--gpus-per-node", "-1", "--", *FIND), "--gpus-per-node -1: a whole number, at least 0"),
        (("--nodes", "1", "--time", "soon", "--", *FIND), "--time soon: a time of Slurm's"),
        (("--nodes", "1", "--mem", "lots", "--", *FIND), "--mem lots: an amount of Slurm's"),
        (("--nodes", "1", "--partition", "a\n#SBATCH --x", "--", *FIND), "--partition a #SBATCH --x: a name"),
    ],
)
def test_what_cannot_be_run_is_refused_in_a_line(words, said, capsys):
    code, out, err = printed(capsys, *words)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "a%j"])
def test_a_folder_that_slurm_cannot_read_is_refused(name, tmp_path):
    with pytest.raises(NeutralError, match="Slurm cannot read such a name"):
        slurm.script(FIND, slurm.Allocation(1), folder=tmp_path / name)


PROGRAMS = {
    "scontrol": "echo 127.0.0.1",
    "srun": 'while [[ "$1" == --* ]]; do shift; done\nexec "$@"',
    "ray": '[ "$1" = symmetric-run ] || exit 3\nwhile [ "$1" != -- ]; do shift; done\nshift\n"$@"',
    "python": """if [ "$1" = -c ]; then exec PYTHON "$@"; fi
words=()
while [ $# -gt 0 ]; do
  case "$1" in
    --engine | --address) shift ;;  # there is no Ray: this process does the work
    *) words+=("$1") ;;
  esac
  shift
done
exec PYTHON "${words[@]}"
""",
}
"""Slurm's programs and Ray's, for one machine. The real `ray` would stop all that the tests beside have started."""


@pytest.fixture
def job(tmp_path):
    """Run the script of a command, in a folder with a model and text, until `until`; returns exit code and progress."""
    work, programs = tmp_path / "with space", tmp_path / "bin"
    programs.mkdir()
    for name, body in PROGRAMS.items():
        path = programs / name
        path.write_text(f"#!/bin/bash\n{body}\n".replace("PYTHON", shlex.quote(sys.executable)))
        path.chmod(0o755)
    (work / "text").mkdir(parents=True)
    for code, lines in tiny.text(("en", "sw")).train.items():
        (work / "text" / f"{code}.txt").write_text("\n".join(lines[:40]) + "\n", encoding="utf-8")
    tiny.saved(work / "bert")

    def run(*words, until=lambda progress: None):
        common = ("find", "--model", "bert", "--text", "text", "--study", "a study", "--length", "32")
        text = slurm.script(
            (*common, *words), slurm.Allocation(1, cpus=2), folder=work, python=str(programs / "python")
        )
        (work / "job.sh").write_text(text)
        own = {"SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": "one", "PYTHONPATH": str(ROOT)}
        own["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"
        with subprocess.Popen(["bash", "job.sh"], cwd=work, env=os.environ | own) as process:
            until(process)
            code = process.wait(120)
        path = work / "neutral-7.json"
        return code, json.loads(path.read_text()) if path.exists() else None

    run.folder, run.programs = work, programs
    return run


@pytest.mark.long
def test_the_body_runs_the_command_and_a_signal_ends_it_behind_a_piece_with_the_same_file_to_go_on(job):
    words = ("--method", "magnitude", "--sparsity", "0.6", "--steps", "3", "--device", "cpu")

    def signalled(process):
        progress, deadline = job.folder / "neutral-7.json", time.monotonic() + 60
        while not (progress.exists() and json.loads(progress.read_text())["state"] == "running"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGUSR1)  # as Slurm does, to the batch script alone

    code, told = job(*words, until=signalled)
    assert code == 130
    assert told["state"] == "stopped"
    assert told["message"].startswith("stopped, as asked, behind what is done of magnitude en seed 0")
    code, told = job(*words)
    assert (code, told["state"], told["units"]["done"]) == (0, "done", 2)


def test_a_ray_that_does_not_start_is_no_success(job):
    (job.programs / "ray").write_text("#!/bin/bash\nexit 0\n")  # as the real one then ends
    assert job("--method", "wanda", "--sparsity", "0.5") == (1, None)


def test_the_files_in_the_document_are_yaml_with_a_command_that_parses():
    yaml = pytest.importorskip("yaml")
    text = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    sky, kube = (yaml.safe_load(part.split("```")[0]) for part in text.split("```yaml\n")[1:])
    assert set(sky) == {"name", "num_nodes", "resources", "workdir", "file_mounts", "setup", "run"}
    assert (kube["apiVersion"], kube["kind"]) == ("ray.io/v1", "RayJob")
    spec = kube["spec"]
    assert set(spec) == {"entrypoint", "shutdownAfterJobFinishes", "rayClusterSpec"}
    assert set(spec["rayClusterSpec"]) == {"rayVersion", "headGroupSpec", "workerGroupSpecs"}
    run = next(line.strip() for line in sky["run"].splitlines() if line.strip().startswith("neutral"))
    for line in (spec["entrypoint"], run):
        words = shlex.split(line)
        assert words[0] == "neutral"
        parsed = cli._parser().parse_args(words[1:])
        assert parsed.engine == "ray"
