"""What the README of mini-mbert's token table says of the auto-encoder's losses, by other code than the app's."""

import numpy as np
import pytest
from claims import ROOT, rounds, rows, says

from neutral.study import Study

MINI = "data/studies/mini-mbert-compression/README.md"
LOSSES = {"cosine": "cosine", "paper": "linear", "power": "power", "rmse": "rmse", "cosine+rmse": "cosine+rmse"}
SIZES = (2.5, 5.0, 10.0)


class Ablation:
    """The tables of the auto-encoder by parameters, every token alike."""

    def __init__(self):
        self.study = Study(ROOT / "data/studies/mini-mbert-compression")
        scores = self.study.table("perplexity")
        scores = scores[~scores["words"].astype(bool)]
        self.full = scores[scores["method"] == "full"].groupby("language")["loss"].mean()
        self.scores = self._chosen(scores).assign(nats=lambda rows: rows["loss"] - rows["language"].map(self.full))
        self.tables = self._chosen(self.study.table("table"))

    @staticmethod
    def _chosen(rows):
        rows = rows[(rows["method"] == "autoencoder") & (rows["by"] == "parameters")]
        return rows[(rows["weights"] == "uniform") & ~rows["trimmed"].astype(bool)]

    def factors(self, loss, ratio, where):
        """Seed -> perplexity over the full model's, the geometric mean of eleven languages."""
        rows = self.scores[(self.scores["variant"] == LOSSES[loss]) & (self.scores["ratio"] == ratio)]
        by_seed = rows[rows["where"] == where].groupby("seed")["nats"].agg(["mean", "size"])
        assert (by_seed["size"] == 11).all()
        return np.exp(by_seed["mean"])

    def error(self, loss, ratio, name):
        """An error of the whole table, the mean of its seeds."""
        return self.tables[(self.tables["variant"] == LOSSES[loss]) & (self.tables["ratio"] == ratio)][name].mean()

    def languages(self, one, other, ratio, where):
        """In how many languages one loss is better than the other, in the mean over seeds."""
        rows = self.scores[(self.scores["ratio"] == ratio) & (self.scores["where"] == where)]
        means = rows.groupby(["variant", "language"])["nats"].mean()
        return int((means[LOSSES[one]] < means[LOSSES[other]]).sum())


@pytest.fixture(scope="module")
def ablation():
    return Ablation()


def mean(factors):
    return float(np.exp(np.log(factors).mean()))


def agrees(cell, factors):
    """Whether a cell "1.81 (1.76–1.86)" is the geometric mean over the seeds, and the best and the worst of them."""
    text, _, spread = cell.partition(" (")
    assert rounds(text, mean(factors)), (cell, mean(factors))
    if spread:
        low, _, high = spread.rstrip(")").partition("–")
        assert rounds(low, factors.min()), (cell, factors)
        assert rounds(high, factors.max()), (cell, factors)
    assert bool(spread) == (len(factors) > 1)


def test_every_cell_of_the_losses(ablation):
    cells = rows(MINI, "loss", "ratio", "seeds")
    assert {(loss, float(ratio)) for loss, ratio, *_ in cells} >= {
        (loss, ratio) for loss in ("cosine", "paper", "rmse") for ratio in SIZES
    }
    for loss, ratio, seeds, inside, both, cosine, rmse, length in cells:
        assert int(seeds) == len(ablation.factors(loss, float(ratio), "input"))
        agrees(inside, ablation.factors(loss, float(ratio), "input"))
        agrees(both, ablation.factors(loss, float(ratio), "both"))
        for text, name in ((cosine, "cosine"), (rmse, "rmse"), (length, "norm_ratio")):
            assert rounds(text, ablation.error(loss, float(ratio), name)), (loss, ratio, name)


def test_the_direction_loss_wins_where_the_table_is_not_ruined(ablation):
    at = {
        (loss, ratio, where): mean(ablation.factors(loss, ratio, where))
        for loss in ("cosine", "paper", "rmse")
        for ratio in SIZES
        for where in ("input", "both")
    }
    more = [100 * (ablation.error("cosine", r, "rmse") / ablation.error("rmse", r, "rmse") - 1) for r in SIZES]
    better = {(r, where): ablation.languages("cosine", "rmse", r, where) for r in SIZES for where in ("input", "both")}
    says(
        MINI,
        "the cosine distance alone gives {} and {} times the full perplexity, RMSE alone {} and {} times, although "
        "RMSE is {} and {} % higher with the first. It is better in {} and {} of eleven languages",
        *(at["cosine", 2.5, "input"], at["cosine", 5, "input"], at["rmse", 2.5, "input"], at["rmse", 5, "input"]),
        *(*more[:2], better[2.5, "input"], better[5, "input"]),
    )
    says(
        MINI,
        "swapped too it is {} and {} against {} and {}, better in {} and {}",
        *(at["cosine", 2.5, "both"], at["cosine", 5, "both"], at["rmse", 2.5, "both"], at["rmse", 5, "both"]),
        *(better[2.5, "both"], better[5, "both"]),
    )
    says(
        MINI,
        "{} times against {} in the input, where the cosine distance is better in {} languages, and with the output "
        "layer swapped {} k against {}, better in {}",
        *(at["cosine", 10, "input"], at["rmse", 10, "input"], better[10, "input"]),
        *(at["cosine", 10, "both"] / 1000, at["rmse", 10, "both"], better[10, "both"]),
    )
    says(
        MINI,
        "The paper's loss costs {}, {} and {} times in the input, the cosine distance alone {}, {} and {}",
        *(at[loss, r, "input"] for loss in ("paper", "cosine") for r in SIZES),
    )
    assert [r for r in SIZES if at["paper", r, "both"] < at["cosine", r, "both"]] == [2.5, 10.0]


def test_what_helps_is_length(ablation):
    svd = ablation.study.table("table").query("method == 'svd' and variant == '' and weights == 'uniform'")
    svd = svd[(svd["by"] == "parameters") & svd["ratio"].isin((2.5, 5))].sort_values("ratio")
    lengths = {loss: [ablation.error(loss, r, "norm_ratio") for r in SIZES] for loss in ("cosine", "rmse", "paper")}
    scores = ablation.study.table("perplexity").query("method == 'svd' and variant == '' and weights == 'uniform'")
    scores = scores[(scores["by"] == "parameters") & (scores["where"] == "input") & ~scores["words"].astype(bool)]
    nats = (scores["loss"] - scores["language"].map(ablation.full)).groupby(scores["ratio"]).mean()
    assert (svd["cosine"].to_numpy() <= [ablation.error("cosine", r, "cosine") for r in (2.5, 5)]).all()
    says(
        MINI,
        "({} and {} at 2.5 and 5 ×) but shortens them to {} and {} of their length, and costs {} and {} times",
        *(*svd["cosine"], *svd["norm_ratio"], np.exp(nats[2.5]), np.exp(nats[5])),
    )
    says(MINI, "which shortens them alike, to {} and {}", *lengths["rmse"][:2])
    says(MINI, "rows come out {} and {} times as long, and {} times at 10 ×", *lengths["cosine"])
    for paper, cosine in zip(lengths["paper"], lengths["cosine"], strict=True):
        assert abs(paper - 1) < abs(cosine - 1)


def test_how_far_two_seeds_lie_apart(ablation):
    apart = []
    for where in ("input", "both"):
        for ratio in SIZES[:2]:
            seeds = ablation.factors("paper", ratio, where)
            apart.append(100 * (seeds.max() / seeds.min() - 1))
            assert len(seeds) == 2
            assert seeds.max() < ablation.factors("rmse", ratio, where).min()
    says(MINI, "lie {} and {} % apart in the input at 2.5 and 5 ×, and {} and {} % with the output layer", *apart)
    assert {len(ablation.factors(loss, r, "input")) for loss in ("cosine", "rmse") for r in SIZES} == {1}
