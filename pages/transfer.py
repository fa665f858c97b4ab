"""Transfer: does a language's sub-network work for another language, after training on it?"""

import pandas as pd
import streamlit as st

from neutral import figures
from neutral.members import display, order
from neutral.metrics import better, metric
from neutral.transfer import published, results
from neutral.transfer.sources import FULL, is_language
from pages.parts import pickers, show, words
from pages.parts.frame import page
from pages.parts.transfer import across, tables
from pages.parts.transfer.tables import MARKED, PAPER, SIGNIFICANT, Experiment

LEAD = (
    "Take the mask that was found for one language, train it from the pretrained weights on another language's data, "
    "and compare with that language's own mask."
)
TOGETHER = {  # source that is made of the masks of all other languages -> what it is
    "core": "what all others keep, filled up by the largest pretrained weights",
    "union": "what any of them keeps, less its smallest pretrained weights",
    "vote": "what most of them keep",
}
TESTED = "Paired bootstrap over held-out examples, not corrected for many pairs; it says nothing of training's chance."
SHOWN = {"gain": "Difference from own mask", "relative": "Relative change", "value": "Score"}


def matrix(one: Experiment, show_as: str) -> None:
    """Show masks against languages."""
    table, tested = one.matrix(), one.bootstrap()
    order = _languages(table)
    marks = {(r.source, r.target): "*" for r in tested.itertuples() if r.p < SIGNIFICANT}
    alike = {
        (r.source, r.target): "°"
        for r in table.itertuples()
        if r.source != r.target and r.successful is not pd.NA and r.successful
    }
    show.figure(figures.transfer_matrix(table, order, show_as, marks=alike | marks), f"matrix-{one.key}")
    said = []
    if marks:
        said.append(MARKED)
    if alike:
        said.append("° within one standard deviation of the own mask's seeds, or better (the paper's rule)")
    said.append(f"{_seeds(one, table)}. Blue is better than the own mask, red worse.")
    st.caption(". ".join(said) if one.study else f"Mean of three runs, as printed. {published.CITATION}.")
    show.table(table.drop(columns="untrained"), "Transfer", f"matrix-{one.key}")


def _languages(table: pd.DataFrame) -> list[str]:
    """The languages that masks are of, or are trained on, relatives beside each other."""
    return order(list(dict.fromkeys([*filter(is_language, table["source"]), *table["target"]])))


def _seeds(one: Experiment, table: pd.DataFrame) -> str:
    """Say how many trainings a cell is the mean of."""
    if one.seed is not None:
        return f"Training seed {one.seed}"
    few, many = int(table["seeds"].min()), int(table["seeds"].max())
    count = words.count(many, "seed") if few == many else f"{few} to {many} seeds"
    return f"{count} a cell, compared under the same seeds"


def verdict(one: Experiment) -> str:
    """Say which mask transfers best, and whether any does as well as the own one."""
    table, tested = one.matrix(), one.bootstrap()
    drop = results.relative_drop(table)
    drop = drop[drop["source"].map(is_language)].dropna(subset="value")
    if len(drop) < 2:
        return "There are too few runs yet to compare languages."
    name = table["metric"].iloc[0]
    drop = drop.sort_values("value", ascending=not metric(name).higher_is_better)
    first, last = drop.iloc[0], drop.iloc[-1]
    said = [
        f"**{display(first['source'])}'s mask transfers best** ({_change(first['value'], name)} than their own masks, "
        f"mean over the other languages), {display(last['source'])}'s worst ({_change(last['value'], name)})."
    ]
    cells = tested[tested["source"].map(is_language)]
    if len(cells):
        lost, won = _sure(cells)
        which = "all" if lost == len(cells) else f"{lost} of"
        also = f", in {won} better" if won else ""
        said.append(f"In {which} {len(cells)} pairs another's mask is significantly worse than the own one{also}.")
    judged = table[table["source"].map(is_language) & (table["source"] != table["target"])]["successful"].dropna()
    if len(judged):
        said.append(
            f"By the paper's rule, within one standard deviation of the own mask, {judged.sum()} of {len(judged)} "
            "transfers succeed."
        )
    elif one.study is None:
        said.append(
            "The paper calls a transfer successful within one standard deviation of the own mask's score; it prints no "
            "standard deviations, so that cannot be applied here."
        )
    else:
        said.append("The paper's rule (within one standard deviation over seeds) takes more than one seed.")
    said.extend(_distance(table, name))
    said.extend(_unlearnt(table, name))
    if one.own_examples:
        said.append(
            f"**Mind the seed:** training seed {one.own_examples} trains an own mask once more on the very examples it "
            "was found on. It is fitted to them, others' masks are not, and so it looks *worse* here, on text it has "
            "not seen, than it is. Under another training seed all masks meet new examples: believe that one."
        )
    return " ".join(said)


def _sure(cells: pd.DataFrame) -> tuple[int, int]:
    """Return in how many cells of a bootstrap a mask is significantly worse, and better."""
    sure = cells[cells["p"] < SIGNIFICANT]["gain"]
    return (sure < 0).sum(), (sure > 0).sum()


def _unlearnt(table: pd.DataFrame, name: str) -> list[str]:
    """Say whose own masks have hardly learnt the task: any change relative to such a score is large."""
    if not metric(name).higher_is_better:
        return []
    own = table[table["source"] == table["target"]].set_index("target")["value"]
    weak = own[own < own.median() / 2]
    if weak.empty:
        return []
    scores = ", ".join(f"{display(code)} {value:.2f}" for code, value in weak.items())
    label = metric(name).label
    return [f"Some own masks have hardly learnt the task ({label}: {scores}); changes relative to them are large."]


def _distance(table: pd.DataFrame, name: str) -> list[str]:
    """Say where the full model is far from the own masks, so that differences between masks are read with care."""
    full = table[table["source"] == FULL]["relative"].dropna().mean()
    if not abs(full) > 0.5:
        return []
    if (full > 0) == metric(name).higher_is_better:
        times = "" if metric(name).higher_is_better else f" ({1 / (1 + full):.2g} times its perplexity)"
        return [f"All masks are far from the full model{times}: at this sparsity so few steps do not mend the cut."]
    return ["The full model has learnt less than its masks in as many steps: this tells how fast they learn."]


def _change(value: float, name: str) -> str:
    """Write a relative change as better or worse."""
    better = (value > 0) == metric(name).higher_is_better
    return f"{abs(value):.1%} {'better' if better else 'worse'}"


def _told(value: float, name: str) -> tuple[str, str]:
    """Return a relative change as a tile's number and note."""
    if abs(value) >= 1:
        return f"{1 + value:.3g} ×", "the own mask's"
    number, way = _change(value, name).split()
    return number, f"{way} than own"


def beside(ours: Experiment, paper: Experiment) -> None:
    """Say how far our run and the paper's agree, and how long each trained."""
    tables = [e.matrix() for e in (ours, paper)]
    between = [t[t["source"].map(is_language) & (t["source"] != t["target"])]["relative"].dropna() for t in tables]
    if not all(map(len, between)):
        return
    names = [t["metric"].iloc[0] for t in tables]
    here, there = (_change(b.mean(), name) for b, name in zip(between, names, strict=True))
    said = f"**Beside the paper:** in the mean of pairs another's mask is {here} than the own one here, {there} there."
    steps, theirs = ours.steps, published.steps(paper.task)
    if steps and published.MODELS[paper.model] == "mBERT":  # whose settings are printed
        said += f" A training has {steps:,} steps here, {theirs:,} there."
    st.markdown(f"{said} Scores of different tasks and data do not compare, relative changes do.")


def tiles(one: Experiment) -> None:
    """Show the key numbers."""
    table, tested = one.matrix(), one.bootstrap()
    between = table[(table["source"] != table["target"]) & table["source"].map(is_language)].dropna(subset="relative")
    if between.empty:
        return
    name = table["metric"].iloc[0]
    found = [("Runs", str(len(table)), f"{one.sparsity:.0%} removed", None)]
    found.append(("Another's mask", *_told(between["relative"].mean(), name), None))
    for source, label in (("full", "Full model"), ("core", "Core of others"), ("random", "Random mask")):
        rows = table[table["source"] == source]["relative"].dropna()
        if len(rows):
            value = rows.mean()
            found.append((label, *_told(value, name), None))
    cells = tested[tested["source"].map(is_language)]
    if len(cells):
        found.append(("Worse, p < 0.05", f"{_sure(cells)[0]}/{len(cells)}", "pairs of languages", TESTED))
    with st.container(horizontal=True, gap="small"):
        for label, number, note, explained in found:
            st.metric(
                label, number, note, delta_color="off", delta_arrow="off", help=explained, border=True, width=words.TILE
            )


def searched(one: Experiment) -> None:
    """Show how much of what another's mask costs an own mask costs too that another search found."""
    said = []
    for again in one.reseeded:
        table, tested = one.matrix(), again.bootstrap()
        name = table["metric"].iloc[0]
        costs = table[table["source"] == f"reseeded {again.own}"]["relative"].dropna()
        between = again.matrix()
        between = between[between["source"].map(is_language) & (between["source"] != between["target"])]["relative"]
        if costs.empty or between.dropna().empty:
            continue
        line = (
            f"- The own mask found once more, under seed {again.own}: {_change(costs.mean(), name)} than the own one "
            f"in the mean of {words.count(len(costs), 'language')} ({_change(costs.min(), name)} to "
            f"{_change(costs.max(), name)}). Against *it*, another language's mask is {_change(between.mean(), name)}"
        )
        cells = tested[tested["source"].map(is_language)].dropna(subset="p")
        if len(cells):
            lost, won = _sure(cells)
            line += f", significantly worse in {lost} of {len(cells)} pairs and better in {won}"
        said.append(f"{line}.")
    if said:
        st.markdown("##### Is it the language, or the search?")
        st.markdown("\n".join(said))


def drops(one: Experiment) -> None:
    """Show the relative drop of each source at every sparsity that there is."""
    every = sorted([one, *one.others()], key=lambda e: e.sparsity)
    parts = []
    for each in every:
        seed = "" if each.seed is None else f", training seed {each.seed}"
        parts.append(results.relative_drop(each.matrix()).assign(line=f"{each.sparsity:.0%} removed{seed}"))
    table = pd.concat(parts, ignore_index=True)
    name = one.matrix()["metric"].iloc[0]
    order = _languages(one.matrix())
    languages = table[table["source"].isin(order)]
    st.markdown("##### How much each mask loses on the other languages")
    show.figure(figures.drop_bars(languages, order, name), f"drops-{one.key}")
    up = "higher" if not metric(name).higher_is_better else "lower"
    st.caption(f"Mean over the other languages of (score - own mask's) ÷ own mask's; {up} is worse.")
    show.table(table, "Relative drop", f"drops-{one.key}")


def left_out(one: Experiment) -> None:
    """Show whether what all others agree on serves a language that was left out."""
    found = one.left_out()
    if found.empty:
        return
    st.markdown("##### Do the others together serve an unseen language?")
    st.markdown(
        "\n".join(
            f"- **{source.capitalize()}** ({what}): better than the mean of the others' single masks for "
            f"**{_wins(found, source, 'mean')}** languages, than the best of them for "
            f"**{_wins(found, source, 'best')}**, than a random mask for **{_wins(found, source, 'random')}**."
            for source, what in TOGETHER.items()
            if found[source].notna().any()
        )
    )
    shown = found.set_index("target").loc[order(list(found["target"]))].reset_index()
    shown = shown.assign(target=shown["target"].map(display)).drop(columns="metric").dropna(axis="columns", how="all")
    names = {"target": "Left out", "best": "best single", "mean": "mean single"}
    shares = found["metric"].iloc[0] != "perplexity"
    digits = st.column_config.NumberColumn(format="%.3f" if shares else "%.2f")
    st.dataframe(
        shown.rename(columns=names),
        hide_index=True,
        column_config={names.get(column, column): digits for column in shown.columns if column != "target"},
        height="content",
        key=f"core-{one.key}-table",
    )


def _wins(found: pd.DataFrame, source: str, other: str) -> str:
    """Say for how many languages one source is better than another."""
    both = found.dropna(subset=[source, other])
    wins = sum(better(*row) > 0 for row in both[["metric", source, other]].itertuples(index=False, name=None))
    return f"{wins} of {len(both)}"


def overlap(one: Experiment) -> None:
    """Show whether overlap, and the check without training, foretell transfer."""
    tested, table = tables.association_of(one), one.matrix()
    left, right = st.columns(2, gap="medium")
    if len(tested):
        with left:
            st.markdown("##### Does overlap foretell transfer?")
            square = one.overlap()
            value = {frozenset(p): v for *p, v in square[["source", "target", "value"]].itertuples(index=False)}
            cells = table[(table["source"] != table["target"]) & table["source"].map(is_language)]
            cells = cells.assign(
                overlap=[value.get(frozenset(p)) for p in zip(cells["source"], cells["target"], strict=True)],
                change=cells["relative"],
            ).dropna(subset=["overlap", "change"])
            drawn = figures.overlap_against_transfer(cells, "Jaccard overlap of the masks", "Change against own mask")
            show.figure(drawn, f"overlap-{one.key}")
            st.markdown("\n".join(_tested(row) for row in tested.itertuples()))
            st.caption("ρ of overlap and loss: below 0, the more two masks overlap, the less one loses by the other's.")
    foretold = results.foretold(table)
    every = foretold[foretold["target"] == "all"].iloc[0] if len(foretold) else None
    if every is not None and every["n"]:
        with right:
            st.markdown("##### Does the check without training foretell it?")
            st.markdown(
                "The loss of a language under another's mask, *before* any training, ranks its loss after training "
                f"with ρ = **{every['rho']:.2f}** over {every['n']} ordered pairs; per target language:"
            )
            shown = foretold.set_index("target").drop("all")
            shown = shown.loc[order(list(shown.index))].rename(index=display).reset_index()
            st.dataframe(
                shown.rename(columns={"target": "Trained on", "rho": "ρ", "n": "Masks"}),
                hide_index=True,
                column_config={"ρ": st.column_config.NumberColumn(format="%.2f")},
                height="content",
                key=f"foretold-{one.key}-table",
            )


def _tested(row: object) -> str:
    if row.p != row.p:
        return f"- {'Within families' if row.scheme == 'family' else 'All languages'}: cannot be tested here."
    how = "exchanging relatives only" if row.scheme == "family" else "exchanging any languages"
    rho = row.tested if row.scheme == "family" else row.rho
    exact = "all" if row.exact else ""
    return f"- ρ = **{rho:.2f}**, p = {row.p:.4f} (Mantel, {exact} {row.permutations:,} permutations, {how})"


with page("Transfer", lead=LEAD, choose=tables.choose) as experiments:
    show_as = pickers.pick("Show", list(SHOWN), "as", names=SHOWN.__getitem__)
    for one in experiments:
        task = pickers.task_name(one.task)
        model = f" · {published.MODELS[one.model]}" if one.title == PAPER else f" · {one.method}"
        st.subheader(f"{one.title}{model} · {task} · {one.sparsity:.0%} removed", anchor=False)
        st.markdown(verdict(one))
        tiles(one)
        matrix(one, show_as)
        searched(one)
        drops(one)
        left_out(one)
        overlap(one)
    if len(experiments) == 2:
        beside(*experiments)
    across.tasks(experiments)
    across.languages(experiments)
