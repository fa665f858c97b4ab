"""Compression: how small the token table can get before perplexity breaks, by which method, and for whom first."""

from dataclasses import replace
from functools import partial

import streamlit as st

from neutral.compression import choosing, predictions, results, steps
from neutral.figures.compression.tokens import script_name
from neutral.members import display, order
from neutral.study import Study
from pages.parts import catalogue, export, figures, pickers, readme, settings, show
from pages.parts.compare import pins
from pages.parts.compression import (
    budget,
    budget_words,
    columns,
    downstream,
    explorer,
    live,
    saved,
    sidebar,
    tables,
    words,
)
from pages.parts.compression.budget import Budget
from pages.parts.compression.tables import TableChoice
from pages.parts.frame import page
from pages.parts.text import in_words

TOPS = [2.0, 10.0, 100.0, 0.0]
METHODS, LANGUAGES, MEAN = "Methods", "Languages", "Mean of languages"
GROUPS = {"language": "Language", "script": "Script", "frequency": "Token frequency"}


def perplexity(study: Study, choice: TableChoice, asked: Budget) -> None:
    """Show perplexity against the ratio with the answer on it, and where each language breaks."""
    left, right = st.columns([3, 2], gap="medium")
    with left:
        by_size(study, choice, asked)
    with right:
        who_breaks(study, choice, asked)
    budget.details(study, choice, asked)


def by_size(study: Study, choice: TableChoice, asked: Budget) -> None:
    """Show perplexity against the ratio, a line a method or a panel a language."""
    st.markdown("## Perplexity by size")
    first, third = st.columns(2)
    second = st.container()
    with first:
        shown = pickers.pick("One line each", [METHODS, LANGUAGES], "lines")
    with third:
        top = pickers.pick("Axis up to", TOPS, "top", default=10.0, names=lambda v: f"{v:g} ×" if v else "All")
    if shown == METHODS:
        rows = tables.curves(study, choice, asked.who, asked.line)
        off = figures.off_axis(rows, top)
        mark = None
        if asked.best is not None:
            points = rows[rows["line"] == asked.line]
            height = choosing.estimate(points, asked.best["ratio"])
            mark = figures.Mark(asked.best["ratio"], height, budget_words.mark(asked.rows, study))
        who = budget_words.name(asked.who).lower() if asked.who in budget_words.NAMES else display(asked.who)
        drawn = figures.perplexity_by_ratio(rows, choice.by, limit=asked.limit, who=who, top=top, mark=mark)
    else:
        scores, off = tables.chosen(study, choice, None), []
        with second:
            line = pickers.pick("Of", tables.lines(scores), "method-line", default=asked.line)
        rows = results.one_line(scores, line)
        members = order(list(dict.fromkeys(scores["language"])))
        families = catalogue.families(study, members)
        drawn = figures.language_perplexity_by_ratio(
            rows, choice.by, line, limit=asked.limit, top=top, families=families
        )
    show.figure(drawn, "perplexity", rows, named=columns.named)
    st.caption(words.curve(rows, top, asked.limit, off))
    unsteady = choosing.unsteady(rows[~rows["line"].isin(off)]) if shown == METHODS else ()
    if len(unsteady):
        st.caption(words.unsteady(unsteady, study, catalogue.is_bundled(study)))
    pin(study, choice)


def who_breaks(study: Study, choice: TableChoice, asked: Budget) -> None:
    """Show at which ratio each language passes the limit."""
    st.markdown("## Who breaks first")
    breaks = tables.breaks(study, choice, asked.limit, asked.line)
    rows = breaks[breaks["language"] != results.ALL]
    never = results.never_within(rows)
    rows = rows[(rows["sizes"] > 1) | (rows["bound"] != "above")]  # one size that holds is no breaking point
    rows = rows[~rows["line"].isin(never["line"])]
    if len(rows):
        members = order(list(dict.fromkeys(rows["language"])))
        every = export.More("Breaking points of all methods", breaks, columns.named)
        drawn = figures.breaking_points(rows, choice.by, members, marked=asked.who)
        show.figure(drawn, "breaks", rows, named=columns.named, more=[every])
    notes = [words.BOUNDS] if (rows["bound"] != "").any() else []
    notes += [said] if (said := words.broken(never, asked.limit)) else []
    if notes:
        st.caption(" ".join(notes))
    if rows.empty:
        show.table(columns.named(breaks), "Breaking points", "breaks")


def pin(study: Study, choice: TableChoice) -> None:
    """Offer to pin one way of making the table smaller, for the page Compare."""
    scores = tables.chosen(study, choice)
    with st.popover("Pin a table", icon=":material/keep_off:"):
        line = pickers.pick("Method", tables.lines(scores), "pinned-line")
        ratios = sorted(set(results.one_line(scores, line)["ratio"]))
        near = min(ratios, key=lambda ratio: abs(ratio - 10))
        ratio = pickers.pick("Ratio", ratios, "pinned-ratio", default=near, names="{:g} ×".format)
        pins.button(pins.of_table(study, choice, line, ratio), "table")


def errors(study: Study, choice: TableChoice, _asked: Budget) -> None:
    """Show errors against the ratio, and how the direction error is spread."""
    measured = tables.chosen_tables(study, choice)
    left, right = st.columns(2, gap="medium")
    for column, error in ((left, "cosine"), (right, "rmse")):
        with column:
            st.markdown("## Direction error" if error == "cosine" else "## Euclidean error")
            drawn = figures.error_by_ratio(measured, error, choice.by)
            show.figure(drawn, f"error-{error}", measured, named=columns.named)
    spread(study, choice)


def spread(study: Study, choice: TableChoice) -> None:
    """Show the direction error of groups of tokens."""
    known = [group for group in GROUPS if len(tables.groups(study, group))]
    if not known:
        return
    st.markdown("## Whose directions are lost")
    first, second, third = st.columns(3)
    with first:
        group = pickers.pick("Tokens by", known, "group", names=GROUPS.__getitem__)
    rows = tables.spread(study, choice, group)
    ratios = sorted(set(rows["ratio"]))
    with second:
        near = min(ratios, key=lambda ratio: abs(ratio - 10))
        ratio = pickers.pick("Ratio", ratios, "at", default=near, names="{:g} ×".format)
    rows = rows[rows["ratio"] == ratio]
    with third:
        method = pickers.pick(
            "Method", [METHODS, *tables.lines(rows)], "spread", names=lambda m: m.replace(METHODS, "All")
        )
    rows = rows if method == METHODS else results.one_line(rows, method)
    label = {"language": display, "script": script_name}.get(group, str)
    rows = rows.assign(label=rows["name"].map(label))
    show.figure(figures.error_spread(rows, GROUPS[group].lower()), "spread-figure", rows, named=columns.named)


def foretelling(study: Study, choice: TableChoice, _asked: Budget) -> None:
    """Show the scatter that the paper argues with, and what it comes to."""
    which = choice.where, choice.words, choice.trimmed, choice.scoring
    points = tables.points(study, *which)
    by_table, by_method = (tables.correlations(study, *which, unit) for unit in predictions.UNITS)
    st.markdown("## Which error foretells perplexity?")
    if by_table.empty:
        st.info(words.too_few(len(points)))
        return
    members = [code for code in predictions.languages_of(points) if code != results.ALL]
    who = pickers.pick(
        "Perplexity of",
        [results.ALL, *order(members)],
        "foretold",
        names=lambda m: MEAN if m == results.ALL else display(m),
    )
    st.markdown(words.prediction(by_table, by_method, predictions.disagreements(points, language=who), who))
    pairs = predictions.paired(points)
    if len(pairs):
        st.markdown(words.pairs(pairs))
    drawn = points.assign(factor=results.factor(points[who]))
    left, right = st.columns(2, gap="medium")
    for column, error in ((left, "cosine"), (right, "rmse")):
        with column:
            by_language = partial(columns.named, members=members)
            ranks = export.More("Rank correlations", by_table, columns.named, 3)
            against = figures.error_against_perplexity(drawn, error)
            show.figure(against, f"against-{error}", points, named=by_language, more=[ranks])
    st.caption(words.NOT_INDEPENDENT)


def by_step(study: Study, choice: TableChoice, _asked: Budget) -> None:
    """Show what tables cost on the way to them: by epoch, by iterations, by round."""
    measured = tables.steps(study, choice.by, results.ALL)
    if measured.empty:
        others = [by for by in words.BY if len(tables.steps(study, by, results.ALL))]
        st.info(words.no_steps(choice.by, others))
        return
    st.markdown("## Perplexity by step")
    first, second, third, fourth = st.columns(4)
    with first:
        unit = pickers.pick("Step", sorted(set(measured["unit"])), "unit", names=words.UNITS.__getitem__)
    members = order(list(study.info["languages"]))
    with second:
        who = pickers.pick(
            "Of", [results.ALL, *members], "followed", names=lambda m: MEAN if m == results.ALL else display(m)
        )
    rows = tables.steps(study, choice.by, who)
    rows = rows[rows["unit"] == unit]
    with third:
        ratio = pickers.pick("Ratio", sorted(set(rows["ratio"])), "step-ratio", names="{:g} ×".format)
    with fourth:
        error = pickers.pick("Error", list(words.STEP_ERRORS), "step-error", names=words.STEP_ERRORS.__getitem__)
    rows = rows[rows["ratio"] == ratio]
    chosen = steps.choices(rows)
    st.markdown(words.steps(chosen, MEAN.lower() if who == results.ALL else in_words(who)))
    left, right = st.columns(2, gap="medium")
    with left:
        chosen_by = export.More("What is chosen by training text, and by the reported text", chosen, columns.named)
        show.figure(figures.perplexity_by_step(rows), "by-step", rows, named=columns.named, more=[chosen_by])
    with right:
        show.figure(figures.error_by_step(rows, error), "error-by-step", rows, named=columns.named)
    st.caption(words.STEPS_CAPTION)


def losses(study: Study, choice: TableChoice, _asked: Budget) -> None:
    """Show what the auto-encoder's loss does at equal size: the paper's argument, by an experiment."""
    st.markdown("## Does a loss over directions beat one over distances?")
    table = tables.loss_ablation(study, choice)
    known = list(dict.fromkeys(table["loss"]))
    if len(known) < 2:
        others = [by for by in words.BY if len(set(tables.loss_ablation(study, replace(choice, by=by))["loss"])) > 1]
        st.info(words.no_losses(choice.by, others))
        return
    left, right = st.columns(2)
    with left:
        one = pickers.pick("Loss", known, "loss", default="cosine", names=figures.loss_label)
    with right:
        other = pickers.pick("Against", known[::-1], "against", default="rmse", names=figures.loss_label)
    versus = tables.loss_versus(study, choice, one, other)
    st.markdown(words.losses(versus, one, other) if one != other and len(versus) else words.SAME_LOSS)
    against = export.More("One loss against another", versus, columns.named)
    show.figure(figures.losses_by_ratio(table, choice.by), "losses", table, named=columns.named, more=[against])
    st.caption(words.LOSSES)


NEEDING = {  # perplexities
    "Perplexity": perplexity,
    "Errors": errors,
    "By step": by_step,
    "Direction or distance": foretelling,
    "Losses": losses,
}


def compressed_now(study: Study, choice: TableChoice, asked: Budget | None) -> None:
    """Compress on the page, and show the tables that the study keeps."""
    live.show(study, choice, asked)
    saved.show_saved(study)


ALONE = {"Fine-tuning": downstream.show_tasks, "Live": compressed_now, "Tokens": explorer.show_tokens}

with page("Compression", choose=sidebar.choose, empty=sidebar.empty) as shown:
    study, choice = shown[0].study, shown[0].choice
    asked = budget.answer(study, choice)
    st.caption(words.what(study, choice))
    show.notes(study)
    settings.source(lambda: settings.of_study(study))
    if asked is None:
        st.info(words.NO_RESULTS)
    part = pickers.pick_part([*NEEDING, *ALONE], "part")
    if part in ALONE:
        ALONE[part](study, choice, asked)
    elif asked is not None:
        NEEDING[part](study, choice, asked)
    readme.show(study)
