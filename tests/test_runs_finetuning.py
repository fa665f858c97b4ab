"""`compress --finetune`: rows of every task, split and metric, what trains, and what is refused."""

import json

import pandas as pd
import pytest
from test_glue import rows, write
from test_runs_tables import data, model, run, text  # noqa: F401 (fixtures)
from test_squad import original, row

from neutral.metrics import metric
from neutral.study import Study


@pytest.fixture(scope="module")
def tasks(tmp_path_factory):
    """Folders of four tasks: CoLA with a secret label, MNLI, STS-B, SQuAD's own files."""
    folder = tmp_path_factory.mktemp("tasks")
    write(folder / "cola", "cola", "csv", validation=rows("cola", [0, 1, -1, 1, 0]))
    write(folder / "mnli", "mnli", "tsv", validation_mismatched=rows("mnli", [2, 1]))
    write(folder / "stsb", "stsb", "jsonl", train=rows("stsb", [0.5, 4.0, 2.25]))
    (folder / "squad").mkdir()
    for name in ("train-v1.1", "dev-v1.1"):
        (folder / "squad" / f"{name}.json").write_text(original([row(), row("Who?", ("Ada Lovelace",))]))
    return folder


@pytest.mark.long
def test_every_task_gives_rows_of_each_split_and_metric_for_what_trains(model, text, tasks, tmp_path, capsys):  # noqa: F811
    study = Study.create(tmp_path / "study", {"about": "compression"})
    common = ("--finetune", *(tasks / name for name in ("cola", "mnli", "stsb", "squad")), "--finetune-steps", 2)
    common += ("--finetune-batch", 4, "--finetune-train", "factors,paper", "--finetune-length", 64)
    common += ("--finetune-stride", 8)
    assert run(model, text, study.path, *common) == 0
    tuned = study.table("finetune")
    runs = {("full", "table"), ("svd", "factors"), ("svd", "none"), ("int8", "none")}
    assert {(name.partition("_")[0], what) for name, what in zip(tuned["table"], tuned["train"], strict=True)} == runs
    first = tuned[tuned["table"] == "full"]
    assert first[["data", "task", "split", "metric", "examples"]].to_numpy().tolist() == [
        ["cola", "cola", "validation", "matthews", 4],
        ["mnli", "mnli", "validation_matched", "accuracy", 4],
        ["mnli", "mnli", "validation_mismatched", "accuracy", 2],
        ["stsb", "stsb", "validation", "pearson", 4],
        ["stsb", "stsb", "validation", "spearman", 4],
        ["squad", "squad", "validation", "exact_match", 2],
        ["squad", "squad", "validation", "answer_f1", 2],
    ]
    assert len(tuned) == 4 * len(first)
    for _, each in tuned.iterrows():
        parts = pd.DataFrame(each["parts"]).T.to_numpy(dtype=float)
        assert metric(each["metric"]).over(parts) == pytest.approx(each["value"], abs=1e-3, nan_ok=True)
    none = tuned[tuned["train"] == "none"]
    assert (none["numbers"] == 0).all()
    assert (tuned[tuned["train"] != "none"]["numbers"] > 0).all()
    before = (study.path / "results.jsonl").read_bytes()
    assert run(model, text, study.path, *common) == 0
    assert (study.path / "results.jsonl").read_bytes() == before
    assert capsys.readouterr().err == ""  # --quiet


def test_a_study_of_before_goes_on_and_other_data_of_the_same_name_are_refused(
    model,  # noqa: F811
    text,  # noqa: F811
    data,  # noqa: F811
    tmp_path,
    capsys,
):
    study = Study.create(tmp_path / "study", {"about": "compression"})
    (tmp_path / "own").mkdir()
    for path in data.iterdir():
        (tmp_path / "own" / path.name).write_bytes(path.read_bytes())
    common = ("--finetune", tmp_path / "own", "--finetune-steps", 2)
    assert run(model, text, study.path, *common) == 0
    file = study.path / "results.jsonl"
    kept = [json.loads(line) for line in file.read_text().splitlines()]
    older = [{k: v for k, v in each.items() if k not in ("train", "split", "digest", "parts")} for each in kept]
    file.write_text("".join(json.dumps(each) + "\n" for each in older))
    assert run(model, text, study.path, *common) == 0
    assert len(file.read_text().splitlines()) == len(kept)
    file.write_text("".join(json.dumps(each) + "\n" for each in kept))
    (tmp_path / "own" / "train.csv").write_text("text,label\nrain,0\nbread,1\n")
    capsys.readouterr()
    assert run(model, text, study.path, *common) == 2
    assert "its results on own are of other data; choose another --study" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (("--finetune-train", "all"), "--finetune-train all: unknown; there are factors, decoder, none, paper"),
        (("--finetune-steps", 3, "--finetune-epochs", 1), "give one of them"),
        (("--finetune-length", 513), "has 512 positions only; use --finetune-length 512 or less"),
        (("--finetune-length", 2), "--finetune-length 2: leaves no text"),
        (("--trim",), "--finetune: not with --trim"),
        (("--finetune-batch", 0), "--finetune-batch 0: a number above 0"),
        (("--finetune-task", "qnli"), "has no column question; qnli has question, sentence, label"),
        (("--finetune-task", "axb"), "--finetune-task axb: unknown"),
        (("--finetune-task", "squad"), "has no column context"),
    ],
)
def test_a_mistake_is_one_line_before_the_long_work(model, text, tasks, tmp_path, capsys, more, complaint):  # noqa: F811
    assert run(model, text, tmp_path / "study", "--finetune", tasks / "cola", *more) == 2
    said = capsys.readouterr().err
    assert complaint in said
    assert said.count("\n") == 1
    assert not (tmp_path / "study").exists()


def test_the_new_head_stays_in_the_study(model, text, tasks, tmp_path):  # noqa: F811
    common = ("--finetune", tasks / "cola", "--finetune-steps", 1, "--finetune-seeds", "0,1")
    assert run(model, text, tmp_path / "study", *common) == 0
    heads = [note for note in Study(tmp_path / "study").info["notes"] if note.startswith("new weights")]
    assert len(heads) == 1, "of the first model; the others' is alike"
    assert "drawn from seed 0: bert.pooler.dense.bias, bert.pooler.dense.weight, classifier.bias" in heads[0]


def test_rows_left_out_are_told(model, tasks, capsys):  # noqa: F811
    from neutral.runs.finetuning import prepare
    from neutral.runs.plans.finetuning import FinetuningPlan

    prepare(FinetuningPlan((str(tasks / "cola"),)), model, 128)
    assert "validation: rows left out: no class (-1) 1" in capsys.readouterr().err


def test_the_papers_recipe_goes_over_the_examples_three_times():
    from neutral.runs.plans.finetuning import FinetuningPlan

    plan = FinetuningPlan(("x",), recipe="paper", warmup=0.1)
    recipe = plan.training("squad", 100)
    assert (recipe.steps, recipe.batch_size, recipe.rate, recipe.warmup) == (19, 16, 3e-5, 0.1)
    assert plan.training("mrpc", 320).steps == 30
    assert FinetuningPlan(("x",)).training("mrpc", 320).steps == 500
    assert (plan.tokens("squad", 128), plan.tokens("mrpc", 128)) == (384, 128)


def test_a_model_without_the_head_is_refused_before_the_long_work(tasks, tmp_path):
    from architectures import make

    from neutral.errors import NeutralError
    from neutral.runs.finetuning import prepare
    from neutral.runs.plans.finetuning import FinetuningPlan

    make("mamba", tmp_path)
    with pytest.raises(NeutralError, match="mamba has no head for the classes of texts"):
        prepare(FinetuningPlan((str(tasks / "cola"),)), tmp_path, 32, quiet=True)
