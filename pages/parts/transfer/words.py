"""What the Transfer page says: whose mask serves others, how sure that is, and what it must be compared with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from neutral.corpora import parts
from neutral.figures.costs import written as percent
from neutral.figures.theme import number, signed
from neutral.figures.transfer import source_words
from neutral.members import display
from neutral.metrics import SIGNIFICANT, metric
from neutral.study import FULL, same_sparsity
from neutral.transfer import answers, published
from neutral.transfer.sources import reseeded_from
from pages.parts import formats, pickers
from pages.parts.formats import Tile
from pages.parts.text import as_text, in_words
from pages.parts.transfer.tables import Experiment

LEAD = (
    "Take the mask that was found for one language, train it from the pretrained weights on another language's data, "
    "and compare with that language's own mask. What it costs is by how much the score is worse, in per cent of the "
    "own mask's score: above 0 is worse."
)
TOGETHER = {  # source that is made of the masks of all other languages -> what it is
    "core": "what all others keep, filled up by the largest pretrained weights",
    "union": "what any of them keeps, less its smallest pretrained weights",
    "vote": "what most of them keep",
}
TILES = {"full": "Full model", "core": "Core of others", "random": "Random mask", "reinitialised": "Random weights"}
"""Source that is no language -> the name of its tile."""
COST = "cost, % of the own's"
"""What the number of a tile is."""
MOST_TILES = 5
TESTED = "Paired bootstrap over held-out examples, not corrected for many pairs; it says nothing of training's chance."
MARKED = "\\* differs from the own mask (paired bootstrap over held-out examples, p < 0.05, not corrected)"
ALIKE = "° within one standard deviation of the own mask's seeds, or better (the paper's rule)"
ASSOCIATION = (
    "ρ of overlap and cost: below 0, the more two masks overlap, the less one costs the other's language. A point is "
    "one mask on one language; ρ is of the pairs, each by the mean of its two points."
)
ACROSS_TASKS = "A mask found on another task, for the same language, against the task's own mask."
COLUMNS = {
    "source": "Mask of",
    "target": "Trained and scored on",
    "metric": "Score",
    "value": "Mean score",
    "std": "± over seeds",
    "seeds": "Seeds",
    "paired": "Score under the own mask's seeds",
    "own": "Own mask's score",
    "own_std": "Own ± over seeds",
    "cost": "Cost, share of own",
    "successful": "As good, by the paper's rule",
}
"""Column of `results.against_own` -> its name in a table."""
DROP_COLUMNS = {"source": "Mask of", "line": "Runs", "cost": "Mean cost, share of own", "targets": "Languages"}
ACROSS_COLUMNS = {
    "source_task": "Mask found on",
    "target_task": "Trained and scored on",
    "language": "Language",
    "seeds": "Seeds",
    "metric": "Score",
    "own": "Own mask's score",
    "cost": "Cost, share of own",
    "difference": "Better by",
    "low": "Better by, at least",
    "high": "Better by, at most",
    "p": "p",
}
LEFT_OUT_COLUMNS = {
    "target": "Left out",
    "own": "Own mask",
    "core": "Core of the others",
    "union": "Union of the others",
    "vote": "Most of the others",
    "random": "Random mask",
    "pretrained": "Pretrained weights' mask",
    "full": "Full model",
    "best": "Best single mask",
    "mean": "Single masks, mean",
}
SEVERAL = "One mask from the mixed data of several languages, as many examples in all, beside single ones."
TABLE_1 = f"Table 1, mBERT, percent. {published.CITATION}."
NO_STUDY = """
There is no transfer of ours here yet, so this page shows the paper's. To train each language's mask on every language's
data, in a study that has masks:

```sh
python -m neutral transfer --study STUDY --model MODEL --text TEXT --sparsity 0.5 --baselines full,random,core --dry-run
```
"""


MAKE = "Train the masks of this study on every language"


def elsewhere(asked: str, name: str) -> str:
    """Say that the study chosen on other pages has no runs, and whose are shown instead."""
    return f"**These runs are of “{as_text(name)}”**: the study “{as_text(asked)}” has no transfer runs."


def to_make(asked: str) -> str:
    """Say how a study that has no runs gets some."""
    asked = as_text(asked)
    return f"`python -m neutral transfer --study` makes runs for “{asked}”, or the form on the page Runs."


def answer(one: Experiment) -> str:
    """Say whose mask costs the others least and most, against what, and whether overlap goes with it."""
    matrix = one.matrix()
    ranked = answers.ranked(matrix)
    if len(ranked) < 2:
        return "There are too few runs yet to compare languages."
    first, last = ranked.iloc[0], ranked.iloc[-1]
    mean, beside = answers.change(matrix), answers.change(matrix, "random")
    said = (
        f"**{in_words(first['source'])}'s mask serves other languages best**: trained on them it costs "
        f"{percent(first['cost'])} of their own masks' {unit(matrix)}, in the mean; {in_words(last['source'])}'s "
        f"serves them worst ({percent(last['cost'])}). Another's mask costs **{percent(mean.cost)}** in the mean"
    )
    said = f"{said}{f', a random mask {percent(beside.cost)}' if beside else ''}."
    dearest = answers.dearest(matrix)
    told = f" The most costly is {in_words(dearest['source'])}'s on {in_words(dearest['target'])}: "
    return " ".join([f"{said}{told}{percent(dearest['cost'])}.", *_to_full(one, matrix)]) + _why(one)


def _to_full(one: Experiment, matrix: pd.DataFrame) -> list[str]:
    """Say how far even the own masks are from the full model, where that is far."""
    far = answers.full_cost(matrix)
    if not far < 0 or metric(matrix["metric"].iloc[0]).higher_is_better:
        return []
    return [
        f"**Mind that at {one.sparsity:.0%} even a language's own mask has {1 / (1 + far):.2g} times the full model's "
        f"{unit(matrix)}**: what is asked here is only whether another's does still worse."
    ]


def pair(matrix: pd.DataFrame, source: str, target: str) -> str:
    """Say what one language's mask costs another language, beside the own mask and the full model."""
    rows = matrix[matrix["target"] == target].set_index("source")
    mask, language = f"{in_words(source)}'s mask", in_words(target)
    if source not in rows.index or rows.loc[source, "cost"] != rows.loc[source, "cost"]:
        return f"{mask} was not trained on {language} here."
    row, digits = rows.loc[source], ".0f" if abs(rows.loc[source, "value"]) >= 100 else ".3g"
    full = rows["value"].get(FULL)
    beside = f", full model {full:{digits}}" if full == full and full is not None else ""
    return (
        f"**{mask}, trained on {language}: {percent(row['cost'])}** of {unit(matrix)} (own mask {row['own']:{digits}}, "
        f"{in_words(source)}'s {row['paired']:{digits}}{beside})."
    )


def search_noise(matrix: pd.DataFrame) -> str:
    """Say what another search for the own mask costs, which no star allows for; "" where that was not trained."""
    rows = matrix[matrix["source"].map(lambda source: reseeded_from(source) is not None)]["cost"].dropna()
    if rows.empty:
        return ""
    return (
        f"No star allows for the search itself: an own mask that was found under another seed costs "
        f"{percent(rows.min())} to {percent(rows.max())}, see its row. Within that a star says little"
    )


def _why(one: Experiment) -> str:
    """Say whether masks that overlap more cost less; "" if that cannot be tested."""
    tested = one.association()
    known = tested[tested["scheme"] != "family"].dropna(subset="p") if len(tested) else tested
    if known.empty:
        return ""
    row = known.iloc[0]
    sure = row["p"] < SIGNIFICANT
    way = "costs less" if row["rho"] < 0 else "costs more"
    said = (
        f"The more two masks overlap, the {way.split()[1]} they cost each other's language"
        if sure
        else ("How far two masks overlap does not tell what they cost each other's language")
    )
    return f" {said} (ρ = {signed(row['rho'])}, p = {number(row['p'])})."


def unit(matrix: pd.DataFrame) -> str:
    """Name the score of a matrix in a sentence."""
    label = metric(matrix["metric"].iloc[0]).label
    return label if label[1:2].isupper() or label[1:2].isdigit() else label[:1].lower() + label[1:]


def verdict(one: Experiment) -> str:
    """Say how sure the costs are, by test and by the paper's rule, and what must be minded."""
    matrix = one.matrix()
    if len(answers.ranked(matrix)) < 2:
        return ""
    name = matrix["metric"].iloc[0]
    sentences = []
    worse, better, corrected, pairs = answers.answers(one.bootstrap())
    if pairs:
        which = "all" if worse == pairs else f"{worse} of"
        also = f", in {better} better" if better else ""
        sentences.append(
            f"In {which} {pairs} pairs another's mask is significantly worse than the own one{also}. Corrected for so "
            f"many tests (Benjamini-Hochberg), it is worse in {corrected}."
        )
    sentences.append(_successes(matrix, printed=one.study is None))
    sentences += [*_far(matrix, name), *_unlearnt(matrix, name)]
    if one.fitted_seed is not None:
        sentences.append(
            f"**Mind the seed:** training seed {as_text(one.fitted_seed)} trains an own mask once more on the very "
            "examples it was found on. It is fitted to them, others' masks are not, and so it looks *worse* here, on "
            "text it has not seen, than it is. Under another training seed all masks meet new examples: believe that "
            "one."
        )
    return " ".join(sentences)


def _successes(matrix: pd.DataFrame, *, printed: bool) -> str:
    """Say how many transfers succeed by the paper's rule, which cannot be applied to `printed` scores."""
    successes, judged = answers.judged(matrix)
    if judged:
        return (
            f"By the paper's rule, within one standard deviation of the own mask, {successes} of {judged} transfers "
            "succeed."
        )
    if printed:
        return (
            "The paper calls a transfer successful within one standard deviation of the own mask's score; it prints no "
            "standard deviations, so that cannot be applied here."
        )
    return "The paper's rule (within one standard deviation over seeds) takes more than one seed."


def _unlearnt(matrix: pd.DataFrame, name: str) -> list[str]:
    """Say whose own masks have hardly learnt the task: any change relative to such a score is large."""
    weak = answers.unlearnt(matrix)
    if not weak:
        return []
    scores = ", ".join(f"{in_words(code)} {value:.2f}" for code, value in weak.items())
    label = metric(name).label
    return [f"Some own masks have hardly learnt the task ({label}: {scores}); changes relative to them are large."]


def _far(matrix: pd.DataFrame, name: str) -> list[str]:
    """Warn of a full model that is far from the own masks, so that differences between masks are read with care."""
    far = answers.full_cost(matrix)
    if far != far:
        return []
    if far < 0:
        times = "" if metric(name).higher_is_better else f" ({1 / (1 + far):.2g} times its perplexity)"
        return [f"All masks are far from the full model{times}: at this sparsity so few steps do not mend the cut."]
    return ["The full model has learnt less than its masks in as many steps: this tells how fast they learn."]


def change(cost: float) -> str:
    """Write a cost as better or worse."""
    return f"{abs(cost):.1%} {'better' if cost < 0 else 'worse'}"


def matrix(one: Experiment, table: pd.DataFrame, *, tested: bool, alike: bool) -> str:
    """Say what the marks and colours of a matrix mean: of cells that are `tested`, or `alike` by the paper's rule."""
    if one.study is None:
        return f"Mean of three runs, as printed. {published.CITATION}."
    marks = [MARKED, *filter(None, [search_noise(table)])] if tested else []
    marks += [ALIKE] * alike
    return ". ".join([*marks, f"{_seeds(one.seed, table)}. Red is worse than the own mask, blue better."])


def _seeds(seed: int | None, table: pd.DataFrame) -> str:
    """Say how many trainings a cell is the mean of."""
    if seed is not None:
        return f"Training seed {as_text(seed)}"
    few, many = int(table["seeds"].min()), int(table["seeds"].max())
    count = formats.count(many, "seed") if few == many else f"{few} to {many} seeds"
    return f"{count} a cell, compared under the same seeds"


def beside(run: Experiment, paper: Experiment) -> str:
    """Say how far a study's run and the paper's agree, and how long each trained; "" if either has no pairs."""
    changes = []
    for each in (run, paper):
        between = answers.change(each.matrix())
        if between is None:
            return ""
        changes.append(change(between.cost))
    measured, printed = changes
    sentence = (
        f"**Beside the paper:** in the mean of pairs another's mask is {measured} than the own one here, "
        f"{printed} there."
    )
    if run.steps and published.MODELS[paper.model] == "mBERT":  # whose settings are printed
        sentence += f" A training has {run.steps:,} steps here, {published.steps(paper.task):,} there."
    if not same_sparsity(run.sparsity, paper.sparsity):
        sentence += f" But {run.sparsity:.0%} are removed here and {paper.sparsity:.0%} there, so they are not alike."
    return f"{sentence} Scores of different tasks and data do not compare, relative changes do."


def tiles(one: Experiment) -> list[Tile]:
    """Return at most five key numbers; empty without pairs of languages."""
    matrix = one.matrix()
    between = answers.change(matrix)
    if between is None:
        return []
    rows = [Tile("Another's mask", percent(between.cost), COST)]
    for source, label in TILES.items():
        if of_source := answers.change(matrix, source):
            rows.append(Tile(label, percent(of_source.cost), COST))
    worse, _, _, pairs = answers.answers(one.bootstrap())
    if pairs:
        rows[MOST_TILES - 1 :] = [Tile("Worse, p < 0.05", f"{worse}/{pairs}", "pairs of languages", TESTED)]
    return rows[:MOST_TILES]


def searched(one: Experiment) -> str:
    """Say how much an own mask costs that another search found, a line a search; "" if there is none.

    That much of what another's mask costs is the search's, the rest the language's.
    """
    lines = []
    for again in one.reseeded:
        matrix = one.matrix()
        own, between = answers.change(matrix, f"reseeded {again.own}"), answers.change(again.matrix())
        if own is None or between is None:
            continue
        line = (
            f"- The own mask found once more, under seed {as_text(again.own)}: {change(own.cost)} than the own "
            f"one in the mean of {formats.count(own.n, 'language')} ({change(own.least)} to {change(own.most)}). "
            f"Against *it*, another language's mask is {change(between.cost)}"
        )
        worse, better, corrected, pairs = answers.answers(again.bootstrap().dropna(subset="p"))
        if pairs:
            line += f", significantly worse in {worse} of {pairs} pairs and better in {better}"
            line += f" (worse in {corrected} after Benjamini-Hochberg)"
        lines.append(f"{line}.")
    if lines:
        lines.append("\nBoth own masks were found on the same text, so the rest is the language's or its text's.")
    return "\n".join(lines)


DROPS = "Mean over the other languages of what the mask costs; above 0 is worse than their own masks."


def left_out(table: pd.DataFrame) -> str:
    """Say for how many languages the joined masks of the others are better; `table` is that of `results.left_out`."""
    return "\n".join(
        f"- **{source.capitalize()}** ({what}): better than the mean of the others' single masks for "
        f"**{_wins(table, source, 'mean')}** languages, than the best of them for "
        f"**{_wins(table, source, 'best')}**, than a random mask for **{_wins(table, source, 'random')}**."
        for source, what in TOGETHER.items()
        if table[source].notna().any()
    )


def _wins(table: pd.DataFrame, source: str, other: str) -> str:
    return "{} of {}".format(*answers.wins(table, source, other))


def association(tested: pd.DataFrame) -> str:
    """Say whether overlap goes with transfer, a line a scheme; the table is that of `association.with_overlap`."""
    return "\n".join(map(_tested, tested.itertuples()))


def _tested(row: object) -> str:
    if row.p != row.p:
        which = "Within families" if row.scheme == "family" else "All languages"
        return f"- {which}: cannot be tested here ({row.languages} languages, {row.pairs} pairs)."
    how = "exchanging relatives only" if row.scheme == "family" else "exchanging any languages"
    rho = row.tested if row.scheme == "family" else row.rho
    exact = "all" if row.exact else ""
    rests = f"{row.languages} languages, {row.pairs} pairs"
    return f"- ρ = **{rho:.2f}**, p = {row.p:.4f} ({rests}; Mantel, {exact} {row.permutations:,} permutations, {how})"


def foretold(rho: float, pairs: float) -> str:
    """Say how far the check without training ranks the masks as training does."""
    if rho != rho:
        return f"{formats.count(int(pairs), 'ordered pair')}: too few, or too alike, to rank."
    return (
        "The loss of a language under another's mask, *before* any training, ranks its loss after training with ρ = "
        f"**{rho:.2f}** over {pairs:.0f} ordered pairs; per target language:"
    )


def trained(seeds: Iterable[str]) -> str:
    """Say which seeds of the training scores are of: each text names the seeds of a row, "0, 1"."""
    named = as_text("; ".join(dict.fromkeys(seeds)))
    return f"Training seed{'s' if ',' in named or ';' in named else ''} {named}"


def across_tasks(target: str, rows: pd.DataFrame, languages: Iterable[str], *, printed: bool) -> str:
    """Say how masks of other tasks are compared, and what own masks score on the task `target`."""
    if printed:
        points = "points of perplexity" if target in ("mlm", "clm") else "points"
        return (
            f"Cost in {points}, above 0 is worse; own scores are not printed, so there are no per cent. "
            f"Figure 9, mBERT. {published.CITATION}."
        )
    own = dict(zip(rows["language"], rows["own"], strict=True))
    scores = ", ".join(f"{in_words(code)} {own[code]:.3g}" for code in languages)
    return f"{MARKED}. Own masks score {scores}. {trained(rows['seeds'])}."


def none_across(target: str) -> str:
    """Say that no masks of other tasks were trained on the task `target`."""
    return f"No masks were trained across to {as_text(pickers.task_name(target).lower())} here."


def mixture_names(mixture: str) -> Mapping[str, str]:
    """Name a mixture and the sources beside its mask: source -> name."""
    return {"full": "Full model", "own": "Own mask", mixture: f"{', '.join(map(display, parts(mixture)))} mixed"}


def mixture(task: str, rows: pd.DataFrame, means: pd.Series, *, printed: bool) -> str:
    """Say what a square of mixtures is of, and warn of a full model that is behind its own masks."""
    name = rows["metric"].iloc[0]
    sentence = f"{as_text(pickers.task_name(task))}, {metric(name).label}, trained and scored on. "
    if name == "perplexity":
        sentence += "Lower is better; means are geometric. "
    if not printed:
        sentence += f"{trained(rows['seeds'])}. "
    if answers.behind(means, name):
        sentence += (
            "The full model has learnt less than its masks in as many steps: this tells how fast they learn, not how "
            "well."
        )
    return sentence


def named(table: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """Return the columns of a table that have names, under these, with people's names of masks, tasks and scores."""
    names = {
        "source": source_words,
        "target": display,
        "language": display,
        "metric": lambda name: metric(name).label,
        "source_task": lambda task: "Random mask" if task == "random" else pickers.task_name(task),
        "target_task": pickers.task_name,
        "successful": lambda good: "–" if pd.isna(good) else "yes" if good else "no",
    }
    shown = table[[column for column in columns if column in table and table[column].notna().any()]]
    shown = shown.assign(**{column: shown[column].map(names[column]) for column in names if column in shown})
    return shown.rename(columns=columns)
