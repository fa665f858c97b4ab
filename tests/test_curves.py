"""`--report-to`: the curves of training go where they are asked to go, and nowhere without being asked."""

import subprocess
import sys

import pytest
import tiny
from conftest import ROOT

from neutral import curves
from neutral.cli import main
from neutral.curves import Curves
from neutral.errors import NeutralError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("curves")
    tiny.saved(folder / "bert")
    (folder / "text").mkdir()
    lines = tiny.text(("en",)).train["en"][:40]
    (folder / "text" / "en.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def find(folder, study, *more):
    common = ["find", "--model", str(folder / "bert"), "--text", str(folder / "text"), "--study", str(study)]
    return main([*common, "--length", "32", "--steps", "3", "--sparsity", "0.1", "--device", "cpu", "--quiet", *more])


def test_a_package_that_is_missing_is_a_line_before_anything_starts(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(curves.importlib.util, "find_spec", lambda _name: None)
    for to in ("tensorboard", "trackio", "wandb"):
        assert find(folder, tmp_path / "study", "--report-to", to) == 2
        assert capsys.readouterr().err == (
            f"neutral: --report-to {to}: {to} is not installed; install it with `pip install {to}`\n"
        )
    assert not (tmp_path / "study").exists()
    Curves().require()
    with pytest.raises(NeutralError, match="wandb is not installed"):
        Curves("wandb").require()


def test_files_of_another_machine_are_refused_before_anything_starts(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(curves.importlib.util, "find_spec", lambda _name: True)
    more = ("--device", "auto", "--engine", "ray", "--address", "10.0.0.1:1", "--report-to", "tensorboard")
    assert find(folder, tmp_path / "study", *more) == 2
    assert "--report-to tensorboard: not with --address" in capsys.readouterr().err


def test_each_round_has_a_curve_of_its_own_name_in_the_study(folder, tmp_path):
    pytest.importorskip("tensorboardX")
    assert find(folder, tmp_path / "with", "--report-to", "tensorboard") == 0
    assert find(folder, tmp_path / "without") == 0
    logs = sorted(path.name for path in (tmp_path / "with" / "logs").iterdir())
    assert logs == [f"mlm_magnitude_en_seed_0_round_{n}" for n in (1, 2)]
    written = b"".join(path.read_bytes() for path in (tmp_path / "with" / "logs").rglob("events*"))
    for curve in (b"train/loss", b"train/learning_rate", b"train/grad_norm"):
        assert curve in written
    assert not (tmp_path / "without" / "logs").exists()
    one, other = ((tmp_path / name / "results.jsonl").read_text() for name in ("with", "without"))
    assert one == other, "to look on changes nothing"


@pytest.mark.long
def test_without_being_asked_no_such_package_is_imported(folder, tmp_path):
    code = (
        "import sys\nfrom neutral.cli import main\nassert main(sys.argv[1:]) == 0\n"
        "assert not {'tensorboard', 'tensorboardX', 'trackio', 'wandb'} & set(sys.modules)\n"
    )
    common = ["find", "--model", str(folder / "bert"), "--text", str(folder / "text"), "--study", str(tmp_path / "s")]
    words = [*common, "--length", "32", "--steps", "1", "--sparsity", "0.1", "--device", "cpu", "--quiet"]
    subprocess.run([sys.executable, "-c", code, *words], check=True, cwd=ROOT)


@pytest.mark.parametrize("to", ["trackio", "wandb"])
def test_the_trainer_is_told_the_name_and_that_nothing_is_published(to, monkeypatch):
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    curve = Curves(to, "folder").of("transfer", "en", "to", "fr", "seed 1")
    told = curve.arguments(500, 1, 3)
    assert told["run_name"] == "transfer en to fr seed 1 round 2"
    assert (told["report_to"], told["logging_steps"], told["project"]) == ([to], 5, "neutral")
    assert told["trackio_static_space_id"] is False
    assert curve.callbacks() == []


def test_a_name_leaves_no_folder(tmp_path):
    pytest.importorskip("tensorboardX")
    (callback,) = Curves("tensorboard", str(tmp_path / "logs")).of("..", "/x", "seed 0").callbacks()
    assert callback.logging_dir == str(tmp_path / "logs" / "x_seed_0")
