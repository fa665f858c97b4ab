"""Compressing a model's table into a study: what is written, what resumes, what is refused."""

import json
from dataclasses import replace

import numpy as np
import pytest
import tiny
import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer

from neutral import compression, corpora
from neutral.compression import tokens, variants
from neutral.compression.budget import Budget
from neutral.compression.calibration import output_metric
from neutral.compression.placement import put_in
from neutral.compression.retokenization import Retokenized, rewrite
from neutral.compression.trimming import trim
from neutral.errors import NeutralError
from neutral.progress import Progress, StoppedError
from neutral.runs import compression as runs
from neutral.runs.plans.compression import CompressionPlan, Trial
from neutral.runs.records import Finished
from neutral.tasks import IGNORED, LanguageModelling
from neutral.tasks.language_modelling import _EVALUATION_SEED


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.saved(tmp_path_factory.mktemp("bert"))


@pytest.fixture
def plan(folder):
    return CompressionPlan(
        str(folder),
        "mlm",
        ("en", "sw"),
        ("svd", "direction", "int8", "mixed"),
        (1.5, 5.0),
        length=32,
        held_out=4,
        calibration=2,
        neighbours=20,
    )


def compress(plan, path, text=None):
    return runs.compress(plan, text or tiny.text(), path, device="cpu", quiet=True)


def lines(study):
    return sorted((study.path / "results.jsonl").read_text().splitlines())


@pytest.fixture(scope="module")
def finished(folder, tmp_path_factory):
    plan = CompressionPlan(
        str(folder), "mlm", ("en", "sw"), ("svd", "int8"), (1.5,), length=32, held_out=4, calibration=2, neighbours=20
    )
    return plan, compress(plan, tmp_path_factory.mktemp("study"))


def test_every_table_has_its_sizes_errors_and_perplexities(plan, tmp_path):
    study = compress(replace(plan, words=(False, True)), tmp_path)
    tables, scores, errors = (study.table(kind) for kind in ("table", "perplexity", "error"))
    asked = set(zip(tables.method, tables.by, strict=True))
    assert asked == {(m, by) for m in ("svd", "direction") for by in ("parameters", "bytes")} | {
        ("int8", "bytes"),
        ("mixed", "bytes"),
    }
    reached = np.where(tables.by == "bytes", tables.ratio_bytes, tables.ratio_parameters)
    assert (reached >= tables.ratio).all()
    assert tables[tables.method.isin(["svd", "direction"])]["rank"].notna().all()
    assert (tables.cosine >= 0).all()
    full = scores[scores.method == "full"]
    assert len(full) == 2 * 2  # languages × masking
    assert set(full["where"]) == {"full"}
    assert len(scores) == len(full) + len(tables) * 2 * 2 * 2  # × where × languages × masking
    assert set(errors.group) == {"language", "script", "frequency"}
    assert set(errors[errors.group == "language"].name) == {"en", "sw"}
    assert study.info["about"] == "compression"
    assert study.info["tied"] is True


def test_the_score_is_that_of_a_model_whose_matrix_was_overwritten(finished, folder):
    _, study = finished
    scores = study.table("perplexity")
    row = scores[(scores.method == "svd") & (scores.by == "parameters") & (scores["where"] == "both")].iloc[0]
    model = AutoModelForMaskedLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    weight = model.get_input_embeddings().weight
    weight.data.copy_(compression.fit(weight.data.clone(), "svd", 1.5).matrix())
    task = LanguageModelling("mlm", tokenizer, length=32)
    blocks = task.blocks(tiny.text().held_out[row.language])[:4]
    assert task.evaluate(model, blocks).loss == pytest.approx(row.loss, rel=1e-6)


def test_the_same_command_again_adds_nothing(finished):
    plan, study = finished
    before = (study.path / "results.jsonl").read_bytes()
    compress(plan, study.path)
    assert (study.path / "results.jsonl").read_bytes() == before


def test_a_run_that_is_asked_to_stop_does_behind_each_piece_and_goes_on_to_the_same_results(finished, tmp_path):
    plan, whole = finished
    stops = 0
    while True:
        progress = Progress("compress", quiet=True)
        progress.stop_asked = False
        wrote = Finished.extend

        def extend(self, kind, rows, progress=progress, wrote=wrote):
            wrote(self, kind, rows)
            progress.stop_asked = True

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Finished, "extend", extend)
            try:
                study = runs.compress(plan, tiny.text(), tmp_path, device="cpu", progress=progress)
                break
            except StoppedError:
                stops += 1
    assert stops >= 8, "the full model's scores and each table's, a piece each"
    assert lines(study) == lines(whole)


@pytest.mark.parametrize("kept", [1, 5, 9])
def test_a_run_that_was_cut_off_ends_with_the_same_results(finished, tmp_path, kept):
    plan, whole = finished
    study = tmp_path / "cut"
    study.mkdir()
    (study / "study.json").write_bytes((whole.path / "study.json").read_bytes())
    rows = (whole.path / "results.jsonl").read_bytes().split(b"\n")
    (study / "results.jsonl").write_bytes(b"\n".join(rows[:kept]) + b"\n" + rows[kept][:20])  # torn
    assert lines(compress(plan, study)) == lines(whole)


def test_a_study_of_other_text_or_another_model_is_not_continued(finished, tmp_path):
    plan, study = finished
    text = tiny.text()
    other = corpora.Corpus(text.name, text.train, text.held_out, dict.fromkeys(text.hashes, "0"))
    with pytest.raises(NeutralError, match="text of en, sw"):
        compress(plan, study.path, other)
    model = tiny.saved(tmp_path / "other")
    tiny.model(size=400, seed=5, pad_token_id=0).save_pretrained(model)
    with pytest.raises(NeutralError, match="weights"):
        compress(replace(plan, model=str(model)), study.path)


def test_an_untied_output_layer_is_left_alone_and_never_claimed(plan, tmp_path):
    model = tiny.saved(tmp_path / "llama", "llama")
    plan = replace(plan, model=str(model), task="clm", methods=("int8",))
    study = compress(plan, tmp_path / "study")
    assert study.info["tied"] is False
    assert set(study.table("perplexity")["where"]) == {"full", "input"}
    with pytest.raises(NeutralError, match="--where both"):
        compress(replace(plan, where=("both",)), tmp_path / "other")


def test_a_rank_sets_the_size_of_low_rank_methods_and_rows_carry_its_ratio(plan, tmp_path):
    plan = replace(plan, methods=("svd", "autoencoder", "mixed"), ranks=(3, 6), ratios=(5.0,), epochs=1)
    plan = replace(plan, where=("input",))
    study = compress(plan, tmp_path)
    tables = study.table("table")
    assert sorted(tables["rank"].dropna()) == [3] * 4 + [6] * 4  # methods × ways of counting
    assert (tables["method"] == "mixed").sum() == 1  # at its ratio
    for row in tables[tables["rank"].notna()].itertuples():
        numbers = row.rank * (400 + 16) + 16  # with the decoder's offset
        assert row.ratio == pytest.approx(400 * 16 / numbers * (1 if row.by == "parameters" else 2), abs=0.01)
        assert Budget(400, 16, row.ratio, row.by).rank == row.rank
    rows = lines(study)
    assert lines(compress(plan, tmp_path)) == rows
    trimmed = compress(replace(plan, methods=("svd",), ranks=(3,), trim=True), tmp_path / "trimmed").table("table")
    assert set(trimmed[trimmed.method == "svd"]["rank"]) == {3}
    with pytest.raises(NeutralError, match="rank 16: a table of 400 × 16 gets smaller, by parameters, with ranks of 1"):
        compress(replace(plan, methods=("svd",), ranks=(16,)), tmp_path / "other")


def test_variants_and_seeds_of_the_auto_encoder_live_in_one_study(plan, tmp_path):
    methods = ("autoencoder", "autoencoder:c1=1,c2=0", "autoencoder:rmse,stop=last", "autoencoder:elu,stop=held-out")
    plan = replace(plan, methods=methods, by=("parameters",), ratios=(2.0,), epochs=2)
    study = compress(plan, tmp_path)
    compress(replace(plan, seeds=(1,)), tmp_path)
    tables = study.table("table")
    assert tables["variant"].tolist() == ["linear", "cosine", "rmse,stop=last", "elu,stop=held-out"] * 2
    assert tables["seed"].tolist() == [0] * 4 + [1] * 4
    assert tables["cosine"].nunique() == 8
    full = study.table("perplexity").query("method == 'full'")
    assert len(full) == 2  # it is the same under every seed


def test_which_epoch_is_kept_is_an_option(plan):
    bench = runs.Bench(plan, tiny.text(), torch.device("cpu"))
    trial = Trial("autoencoder", "parameters", 2.0, "uniform")
    plan = replace(plan, epochs=3)
    tables = {stop: bench.fit(replace(trial, variant=f"stop={stop}"), plan) for stop in variants.STOPS}
    last = compression.fit(bench.matrix, "autoencoder", 2.0, epochs=3)
    assert torch.equal(tables["last"].matrix(), last.matrix())
    for stop, loss in (("train", bench.training_loss), ("held-out", bench.held_out_loss)):
        epochs = []
        compression.fit(
            bench.matrix, "autoencoder", 2.0, epochs=3, select=lambda t, e=epochs, f=loss: e.append(f(t)) or 0
        )
        assert loss(tables[stop]) == pytest.approx(min(epochs), rel=1e-6)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"methods": ("pca",)}, "--methods pca"),
        ({"methods": ("autoencoder:l1",)}, "autoencoder:l1: unknown variant; there is linear, elu"),
        ({"methods": ("autoencoder:rate=-1",)}, "rate=-1"),
        ({"ranks": (0,)}, "--rank"),
        ({"methods": ("mixed:fast",)}, "mixed:plain"),
        ({"by": ("size",)}, "--by size"),
        ({"where": ("output",)}, "--where output"),
        ({"weights": ("rare",)}, "--weights rare"),
        ({"ratios": (0.5,)}, "--ratios"),
        ({"methods": ("mixed",), "by": ("parameters",)}, "nothing to do"),
        ({"trim": True, "words": (True,)}, "--trim"),
        ({"ratios": (4000.0,), "methods": ("svd",)}, "leaves no rank"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(plan, tmp_path, change, complaint):
    with pytest.raises(NeutralError, match=complaint) as raised:
        compress(replace(plan, **change), tmp_path)
    assert "\n" not in str(raised.value)


def test_tables_and_pictures_are_kept_when_asked(plan, tmp_path):
    study = compress(replace(plan, methods=("svd",), by=("bytes",), ratios=(2.0,), keep=True), tmp_path)
    (file,) = (study.path / "tables").iterdir()
    assert compression.load(file).ratio("bytes") >= 2


def test_trimming_alone_is_a_table_and_loses_nothing_where_the_text_uses_what_stays(plan, tmp_path):
    study = compress(replace(plan, methods=("int8",), trim=True), tmp_path)
    tables, scores = study.table("table"), study.table("perplexity")
    assert tables.trimmed.all()
    row = tables[tables.method == "trim"].iloc[0]
    assert row.ratio_parameters == pytest.approx(400 / (row.parameters / 16))
    assert tables[tables.method == "int8"].iloc[0].ratio_bytes > row.ratio_bytes * 2
    assert set(scores[scores.method == "trim"].language) == {"en", "sw"}


def tasks_of(folder, lines):
    """A model trimmed to `lines`, and the tasks of the full tokenizer and of the trimmed one."""
    model = AutoModelForMaskedLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    task = LanguageModelling("mlm", tokenizer, length=32)
    cut = trim(model, tokenizer, lines)
    return model, task, Retokenized(task, cut.tokenizer, list(cut.keep)), cut


def test_a_trimmed_model_scores_the_same_where_no_token_was_dropped(folder):
    text = tiny.text()
    _, task, trimmed, cut = tasks_of(folder, text.train)
    kept = set(cut.keep)
    blocks = task.blocks(text.train["en"])
    blocks = blocks[[set(block.tolist()) <= kept for block in blocks]][:4]
    assert len(blocks)
    example, same = task.example(blocks[0], (1, 0, 0)), trimmed.example(blocks[0], (1, 0, 0))
    new = {old: i for i, old in enumerate(cut.keep)}
    scored = example["labels"] != IGNORED
    assert [new[i] for i in example["labels"][scored].tolist()] == same["labels"][same["labels"] != IGNORED].tolist()


def test_the_loss_of_a_dropped_token_is_that_of_its_pieces(folder):
    text = tiny.text()
    model, task, trimmed, cut = tasks_of(folder, {"en": text.train["en"][:3]})
    blocks = task.blocks(text.train["sw"])[:3]
    assert not set(blocks.ravel().tolist()) <= set(cut.keep)  # some are dropped
    score = trimmed.evaluate(model, blocks)
    plain, originals = 0.0, 0
    for i, block in enumerate(blocks):
        example = trimmed.example(block, (_EVALUATION_SEED, 0, i))
        with torch.no_grad():
            batch = {key: value.unsqueeze(0) for key, value in example.items() if key != "labels"}
            chances = model.eval()(**batch).logits[0].log_softmax(-1)
        for place, label in enumerate(example["labels"].tolist()):
            plain -= float(chances[place, label]) if label != IGNORED else 0.0
        originals += int((task.example(block, (_EVALUATION_SEED, 0, i))["labels"] != IGNORED).sum())
    assert score.count == originals
    assert score.loss == pytest.approx(plain / originals, rel=2e-2)  # bfloat16 where the processor has it


def test_dropped_tokens_are_spelled_with_kept_ones(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = tiny.model(size=400, pad_token_id=0)
    cut = trim(model, tokenizer, {"en": tiny.text().train["en"][:3]})
    spelled = rewrite(tokenizer.backend_tokenizer, cut.tokenizer.backend_tokenizer, cut.keep)
    assert len(spelled) == len(tokenizer)
    vocabulary = cut.tokenizer.get_vocab()
    unknown = cut.tokenizer.unk_token_id
    for old, new in enumerate(spelled):
        piece = tokenizer.convert_ids_to_tokens(old)
        if piece in vocabulary:
            assert new == [vocabulary[piece]]
        elif unknown not in new:
            text = "".join(cut.tokenizer.convert_ids_to_tokens(i).removeprefix("##") for i in new)
            assert text == piece.removeprefix("##")
            assert piece.startswith("##") == cut.tokenizer.convert_ids_to_tokens(new[0]).startswith("##")


def test_the_output_metric_is_the_second_moment_of_what_enters_the_head_even_over_languages(folder):
    model = AutoModelForMaskedLM.from_pretrained(folder).train()
    task = LanguageModelling("mlm", AutoTokenizer.from_pretrained(folder), length=32)
    text = tiny.text()
    blocks = {"en": task.blocks(text.train["en"])[:5], "sw": task.blocks(text.train["sw"])[:2]}
    found = output_metric(model, task, blocks)
    assert model.training
    assert float(found.trace()) == pytest.approx(16)
    each = [output_metric(model, task, {code: rows}) for code, rows in blocks.items()]
    assert torch.allclose(found, sum(each) / 2, rtol=1e-6)
    seen = []
    handle = model.get_output_embeddings().register_forward_pre_hook(lambda _m, inputs: seen.append(inputs[0]))
    model.eval()
    from neutral.compression.calibration import _SEED
    from neutral.tasks import autocast, stacked

    with torch.no_grad(), autocast(torch.device("cpu")):
        task.losses(model, stacked(task.example(block, (_SEED, i)) for i, block in enumerate(blocks["sw"])))
    handle.remove()
    rows = seen[0].flatten(0, -2).double()
    plain = rows.T @ rows
    assert torch.allclose(each[1], plain / plain.trace() * 16, rtol=1e-6)


def test_frequent_special_tokens_count_as_the_most_frequent(plan):
    from neutral.runs.compression import Bench

    subject = Bench(plan, tiny.text(), torch.device("cpu"))
    weights = tokens.weights("frequency", subject.frequency)
    assert weights[subject.tasks[False].first] == weights.max()


def test_results_hold_no_clock(finished):
    _, study = finished
    assert all(not {"time", "seconds"} & set(json.loads(line)) for line in lines(study))


def test_the_model_is_as_before_after_a_table_was_scored(plan):
    from neutral.runs.compression import Bench

    subject = Bench(plan, tiny.text(), torch.device("cpu"))
    before = subject.evaluate("en", False)
    with put_in(subject.model, compression.fit(subject.matrix, "svd", 3.0)):
        assert subject.evaluate("en", False).loss != before.loss
    assert subject.evaluate("en", False) == before


def test_a_refused_size_leaves_no_study_and_scores_nothing(plan, tmp_path):
    for wrong, message in (
        ({"ratios": (2.0, 1000.0), "by": ("parameters",)}, "ratio 1000 by parameters leaves no rank"),
        ({"ranks": (100,), "methods": ("svd",)}, "rank 100: a table of"),
    ):
        with pytest.raises(NeutralError, match=message):
            compress(replace(plan, **wrong), tmp_path / "study")
    assert not list(tmp_path.iterdir())


def test_a_table_of_zeros_is_refused_before_it_is_scored(plan, tmp_path):
    network = AutoModelForMaskedLM.from_pretrained(plan.model)
    torch.nn.init.zeros_(network.get_input_embeddings().weight)
    network.save_pretrained(tmp_path / "model")
    AutoTokenizer.from_pretrained(plan.model).save_pretrained(tmp_path / "model")
    with pytest.raises(NeutralError, match="every row of its token table is zero"):
        compress(replace(plan, model=str(tmp_path / "model")), tmp_path / "study")
    assert not (tmp_path / "study").exists()
