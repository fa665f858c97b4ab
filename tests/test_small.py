"""The rivals of the benchmark of small tables: pieces with known answers, and bytes that are those stored."""

import json
from functools import partial

import numpy as np
import pytest
import tiny
import torch
from conftest import ROOT

from benchmarks.small import distillation, methods, tables
from benchmarks.small.__main__ import main
from benchmarks.small.methods import METHODS, TRIM
from benchmarks.small.rivals import additive, feedback, residual, sharing
from benchmarks.small.rivals.kmeans import kmeans, nearest
from benchmarks.small.rivals.problem import Problem
from benchmarks.small.subject import Subject
from neutral.compression import METHODS as OWN
from neutral.compression.packing import pack
from neutral.errors import NeutralError
from neutral.tasks import stacked

pytestmark = pytest.mark.numeric
TEXT = ROOT / "data/sentences"
FITS = {
    "AQLM": partial(additive.fit, rounds=1, sweeps=1, steps=10),
    "CARVQ": partial(residual.fit, steps=30),
    "GPTQ": feedback.fit,
    "ASG": sharing.fit,
}


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def problem(matrix, ratio, *, metric=None, weights=None, damping=0.01):
    """A table to write in a `ratio`-th of its bytes."""
    metric = torch.eye(matrix.shape[1]) if metric is None else metric
    weights = torch.ones(len(matrix)) if weights is None else weights
    return Problem(matrix, weights, metric, int(4 * matrix.numel() / ratio), damping=damping)


def correlated(width, seed=1):
    """A second moment that is far from the identity: vectors that share a few directions."""
    hidden = drawn(4 * width, 3, seed=seed) @ drawn(3, width, seed=seed + 1) + 0.2 * drawn(4 * width, width, seed=seed)
    return hidden.T @ hidden


def test_kmeans_finds_points_that_are_few():
    centres = torch.tensor([[[0.0, 0], [10, 0], [0, 10]], [[5.0, 5], [-5, 5], [0, -9]]])
    points = centres.repeat_interleave(40, dim=1)
    books = kmeans(points, 3, torch.Generator().manual_seed(3))
    found = books.gather(1, nearest(points, books).unsqueeze(-1).expand(-1, -1, 2))
    assert torch.allclose(found, points, atol=1e-4)


def test_beam_search_finds_the_codes_of_a_sum():
    books, codes = drawn(3, 16, 6), torch.randint(16, (200, 3), generator=torch.Generator().manual_seed(1))
    target = sum(books[m][codes[:, m]] for m in range(3))
    whole = additive.search(target, books, beam=256)
    assert (whole == codes).all()
    assert (additive.search(target, books, beam=1) == codes).float().mean() < 0.9  # the nearest first is not enough


@pytest.mark.long
def test_rows_that_are_sums_of_few_codewords_come_back():
    books = drawn(2, 128, 4) * torch.tensor([1.0, 0.2])[:, None, None]
    codes = torch.randint(128, (3000, 2, 2), generator=torch.Generator().manual_seed(2))
    rows = additive.read(codes, books).flatten(1)
    asked = problem(rows, 1)
    plain, fitted = (
        additive.fit(asked, layout=additive.Layout(8, 4, books_, 7), rounds=4, steps=100) for books_ in (1, 2)
    )
    one, two = (float((made.matrix() - rows).square().mean() / rows.square().mean()) for made in (plain, fitted))
    assert two < 0.01 < one


def test_additive_codes_cost_less_when_they_know_the_metric():
    matrix, metric = drawn(600, 16), correlated(16)
    layout = additive.Layout(16, 4, 1, 7)
    asked = problem(matrix, 8, metric=metric)
    blind = additive.fit(problem(matrix, 8), layout=layout, rounds=2, steps=40)
    assert asked.cost(additive.fit(asked, layout=layout, rounds=2, steps=40).matrix()) < 0.8 * asked.cost(
        blind.matrix()
    )


def test_error_feedback_beats_plain_rounding_under_the_metric_only():
    matrix, metric = drawn(300, 32), correlated(32)
    asked = problem(matrix, 10, metric=metric)
    told, plain = feedback.fit(asked).matrix(), feedback.fit(asked, feedback=False).matrix()
    assert asked.cost(told) < 0.6 * asked.cost(plain)
    assert (told - matrix).square().mean() > (plain - matrix).square().mean()
    flat = problem(matrix, 10)
    assert torch.allclose(feedback.fit(flat).matrix(), feedback.fit(flat, feedback=False).matrix())


def test_rows_that_are_used_more_get_the_wider_integers():
    matrix, weights = drawn(400, 64), torch.arange(400.0) + 1
    made = feedback.fit(problem(matrix, 20, weights=weights))
    (narrow, one), (wide, two) = made.codes
    assert (one, two) == (1, 2)
    assert len(narrow) + len(wide) == 400
    error = (made.matrix() - matrix).square().mean(dim=1)
    assert error[-len(wide) :].mean() < 0.6 * error[: len(narrow)].mean()


def test_shared_concepts_of_few_segments_are_exact():
    segments = drawn(4, 8, 4)  # eight concepts at each of four places
    codes = torch.randint(8, (500, 4), generator=torch.Generator().manual_seed(5))
    rows = segments[torch.arange(4), codes].flatten(1)
    error = (sharing.fit(problem(rows, 5)).matrix() - rows).square().mean() / rows.square().mean()
    assert error < 0.02


@pytest.mark.long
def test_the_corrector_takes_off_what_codes_leave():
    """Rows in few directions, which groups of columns cannot see."""
    matrix = drawn(2000, 4) @ drawn(4, 48, seed=9)
    asked = problem(matrix, 6)
    layout = residual.layouts(2000, 48, asked.bytes)[1]
    trained, hardly = (residual._fit(asked, *layout, steps) for steps in (300, 1))
    assert asked.cost(trained.matrix()) < 0.7 * asked.cost(hardly.matrix())


@pytest.mark.parametrize("name", FITS)
@pytest.mark.parametrize("ratio", [6, 14])
def test_counted_bytes_are_those_of_packed_codes_and_tensors_and_rebuild_the_table(name, ratio):
    matrix = drawn(2000, 24) * torch.logspace(0, 0.5, 24)
    made = FITS[name](problem(matrix, ratio, metric=correlated(24), weights=torch.rand(2000) + 0.1))
    packed = sum(pack(codes.int(), np.full(codes.shape[1], bits)).nbytes for codes, bits in made.codes if len(codes))
    assert made.bytes == packed + sum(tensor.nbytes for tensor in made.tensors.values())
    assert 0.7 * 4 * matrix.numel() / ratio < made.bytes <= 4 * matrix.numel() / ratio
    assert all(int(codes.max()) < 2**bits and int(codes.min()) >= 0 for codes, bits in made.codes if len(codes))
    assert made.matrix().shape == matrix.shape
    assert (made.matrix() - matrix).square().mean() < matrix.square().mean()


@pytest.mark.parametrize("name", FITS)
def test_what_is_too_small_is_said_with_the_largest_ratio(name):
    with pytest.raises(NeutralError, match=rf"{name}: not reachable; at most \d+\.\d times smaller"):
        FITS[name](problem(drawn(400, 16), 200))


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    folder = tiny.saved(tmp_path_factory.mktemp("bert"))
    sizes = {"blocks": 2, "calibration": 1, "steps": 3, "length": 32, "languages": ["en", "sw"]}
    return Subject(str(folder), str(TEXT), str(TEXT), **sizes).case(0)


def test_seeds_fit_to_other_thirds_of_the_text_and_mask_other_places(case):
    cases = [case.subject.case(seed) for seed in range(3)]
    lines = [each.lines["en"] for each in cases]
    assert sorted(line for part in lines for line in part) == sorted(case.subject.train["en"])
    assert len({json.dumps(each.losses("held out")) for each in cases}) == 3
    assert case.losses("held out") == case.losses("held out")


def test_losses_are_those_of_the_task(case):
    """Summed over blocks and divided by the tokens, whatever the batches."""
    task, blocks = case.subject.task, case.subject.texts["held out"]["sw"]
    nats, counts = case.losses("held out")["sw"]
    examples = [task.example(block, (20261127, 0, i)) for i, block in enumerate(blocks)]
    each = [task.losses(case.model, {k: v[None] for k, v in example.items()})[0] for example in examples]
    assert nats == pytest.approx([float(losses.sum()) for losses in each], abs=2e-3)
    assert counts == [len(losses) for losses in each]


def test_a_trimmed_case_has_the_bytes_of_the_full_table_and_counts_the_same_tokens(case):
    cut = case.trimmed()
    assert len(cut.matrix) < len(case.matrix)
    assert cut.bytes(4) == case.bytes(4) == case.subject.matrix.nbytes // 4
    counts = [[found[1] for found in each.losses("held out").values()] for each in (case, cut)]
    assert counts[0] == counts[1]
    assert cut.frequency.min() > 0 or (cut.frequency == 0).mean() < 0.5


@pytest.mark.long
def test_distillation_lowers_the_divergence_and_keeps_the_bytes(case):
    table = methods.fitted(case, case.bytes(6), "transform", "sqrt")
    learnt = distillation.train(case, table, steps=15)
    assert learnt.bytes == table.bytes
    assert torch.equal(learnt.tensors["codes"], table.tensors["codes"])
    assert {name: tensor.dtype for name, tensor in learnt.tensors.items()} == {
        name: tensor.dtype for name, tensor in table.tensors.items()
    }
    before, after = (divergence(case, made.matrix()) for made in (table, learnt))
    assert after < 0.95 * before


def divergence(case, rebuilt):
    """Of the predictions with a table from those without, on the fitting text."""
    batch = stacked(case.task.example(row, (5, i)) for i, row in enumerate(case.blocks["en"][:8]))
    with torch.no_grad():
        wanted = case.task.predictions(case.model, batch)[0].log_softmax(-1)
        with case.holding(rebuilt):
            given = case.task.predictions(case.model, batch)[0].log_softmax(-1)
    return float(torch.nn.functional.kl_div(given, wanted, log_target=True, reduction="batchmean"))


@pytest.mark.long
def test_a_run_goes_on_where_it_stopped_and_its_tables_say_what_it_found(tmp_path, monkeypatch, capsys):
    folder, out = tiny.saved(tmp_path / "model"), tmp_path / "results.jsonl"
    asked = ["small", "--model", str(folder), "--text", str(TEXT), "--other", str(TEXT), "--out", str(out)]
    asked += ["--languages", "en,sw", "--blocks", "2", "--calibration", "1", "--steps", "2", "--seeds", "2"]
    asked += ["--ratios", "4", "--only", "√frequency,svd,GPTQ"]
    monkeypatch.setattr("sys.argv", [*asked, "--seconds", "0"])
    main()
    assert "the time is up" in capsys.readouterr().out
    assert not out.exists()
    monkeypatch.setattr("sys.argv", asked)
    main()
    first = out.read_text(encoding="utf-8")
    main()
    assert out.read_text(encoding="utf-8") == first
    rows = [json.loads(line) for line in first.splitlines()]
    ran = [name for name in METHODS if any(part in name for part in ("√frequency", "svd", "GPTQ"))]
    assert [row["method"] for row in rows] == 2 * ["full", *ran]
    assert all(row["bytes"] <= row["full_bytes"] / 4 for row in rows if "bytes" in row)
    capsys.readouterr()
    monkeypatch.setattr("sys.argv", ["small", "--tables", str(out)])
    main()
    told = capsys.readouterr().out
    assert "### model, 4 times fewer bytes" in told
    assert all(f"| {name} |" in told for name in ran)


def rows_of(nats, *, seeds=1, count=100):
    """Results of two languages with two blocks each: the full model's rows, and a method's `nats` a token more."""
    full = [
        {"model": "m", "seed": seed, "ratio": 1.0, "method": "full"}
        | {
            "losses": {"t": {"en": [50.0, 70.0], "sw": [90.0, 10.0]}},
            "counts": {"t": dict.fromkeys(("en", "sw"), [count] * 2)},
        }
        for seed in range(seeds)
    ]
    made = [
        {"model": "m", "seed": seed, "ratio": 20.0, "method": "it", "full_bytes": 200, "bytes": 10}
        | {"fit_seconds": 1.0, "words": ""}
        | {"losses": {"t": {c: [loss + count * nats[c] for loss in row["losses"]["t"][c]] for c in ("en", "sw")}}}
        for seed, row in enumerate(full)
    ]
    return full, made


def test_the_tables_have_the_mean_the_worst_language_and_intervals():
    full, made = rows_of({"en": np.log(1.2), "sw": np.log(1.1)}, seeds=2)
    made[1]["losses"]["t"]["en"][0] += 10
    change = tables.Change.of(made, {row["seed"]: row for row in full}, "t")
    assert change.by_seed == pytest.approx(np.log([[1.2, 1.1], [1.2, 1.1]]) + np.array([[0, 0], [0.05, 0]]))
    assert change.languages[change.worst] == "en"
    assert change.most().startswith("en 1.230 (1.200–1.262); 1.200–1.262")
    assert "| it | 20.00 | 2 | 1.163 (" in tables.markdown([*full, *made])


def test_intervals_are_of_differences_so_hard_blocks_do_not_widen_them():
    full, made = rows_of({"en": 0.1, "sw": 0.1})
    change = tables.Change.of(made, {0: full[0]}, "t")
    assert np.ptp(change.drawn) < 1e-9
    assert tables.factor(20.0) == "> 1000"


def test_methods_are_the_librarys_and_rivals_and_most_come_trimmed_too():
    named = {name.removeprefix(TRIM).split(",")[0] for name in METHODS}
    assert set(FITS) <= named
    assert {"transform", "mixed", "pq", "direction", "svd"} <= named & {*OWN} | named
    assert {"AQLM", "CARVQ", "GPTQ", "ASG", "transform, √frequency", "pq", "svd", "direction"} <= {
        name.removeprefix(TRIM) for name in METHODS if name.startswith(TRIM)
    }


def test_the_page_has_the_tables_of_the_results_and_says_of_the_aims_what_they_say():
    page = (ROOT / "benchmarks/small.md").read_text(encoding="utf-8")
    found = tables.read(sorted((ROOT / "benchmarks/small/results").glob("*.jsonl")))
    assert tables.markdown(found).strip() in page
    said = " ".join(page.split())
    small, large = ("mini-mbert", "gemma-3-270m")
    at = {
        (model, ratio, name): most(found, model, ratio, name)
        for model in (small, large)
        for ratio in (20.0, 10.0)
        for name in ("transform, √frequency", "transform, frequency", "transform, expected")
    }
    twenty, ten = at[small, 20.0, "transform, √frequency"], at[small, 10.0, "transform, √frequency"]
    assert max(twenty) <= 1.1
    assert max(ten) <= 1.03
    assert (
        "is at {:.3f} held out and {:.3f} in the other domain at 20 ×, at {:.3f} and {:.3f} at 10 ×".format(
            *twenty, *ten
        )
        in said
    )
    assert (
        "On Gemma the worst is at {:.3f} held out and {:.3f} in the other domain at 10 ×".format(
            *at[large, 10.0, "transform, expected"]
        )
        in said
    )
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert f"[{ten[0]:.3f} times the full perplexity at 10 × and {twenty[0]:.3f} at 20 ×]" in readme
    assert f"on news {ten[1]:.3f} and {twenty[1]:.3f}" in readme
    assert "{:.3f} at 10 × (news {:.3f})".format(*at[large, 10.0, "transform, expected"]) in readme
    held, other = zip(
        *(worst for (model, ratio, _), worst in at.items() if (model, ratio) == (large, 20.0)), strict=True
    )
    assert min(held) > 1.1
    assert f"{min(held):.3f} held out at best without training" in said
    assert f"and {min(other):.3f} in the other domain" in said


def most(found, model, ratio, name):
    """What a method's worst language pays on each text."""
    own = [row for row in found if row["model"] == model]
    fulls = {row["seed"]: row for row in own if row["method"] == "full"}
    made = [row for row in own if (row["ratio"], row["method"]) == (ratio, name)]
    changes = [tables.Change.of(made, fulls, text) for text in ("held out", "other domain")]
    return [float(np.exp(change.by_language.max())) for change in changes]
