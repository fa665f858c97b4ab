"""Winning tickets: how sparse a language's sub-network can get and still be as good as the full model."""

import pandas as pd
import streamlit as st

from neutral import figures
from neutral.members import display, order
from neutral.search import winning
from neutral.transfer import published
from pages.parts import catalogue, pickers, show, words
from pages.parts.frame import page
from pages.parts.views import View

LEAD = "How many weights can be removed for a language before the retrained rest is worse than the full model?"
RULES = {"within_std": "within one standard deviation", "not_worse": "not significantly worse (bootstrap)"}
PAPER = "Foroutan et al. 2022 (mBERT)"


def tickets(view: View) -> None:
    """Show one source's tickets."""
    show.heading(view)
    found, trained = levels(view)
    if found.empty:
        st.info(
            "These masks come without scores of retrained tickets. `python -m neutral find --method magnitude` trains "
            "and scores a ticket at every sparsity, and the full model alike."
        )
        return
    languages = order(list(dict.fromkeys(found["language"])))
    won = winning.winners(found)
    st.markdown(_answer(won, found, trained))
    left, right = st.columns([3, 2], gap="medium")
    with left:
        who = pickers.pick("Language", languages, "who", names=display)
        rows = found[found["language"] == who]
        drawn = figures.ticket_curve(rows, randoms(view, who, "trained" if trained else "untrained"), who)
        show.figure(drawn, f"ticket-{view.key}")
        st.caption(_curve_words(rows, trained))
    with right:
        if len(won):
            st.markdown("##### Sparsest winning ticket of each language")
            show.figure(figures.winning_bars(won.assign(line=won["rule"].map(RULES)), languages), f"winners-{view.key}")
        undecided = [display(code) for code in languages if code not in set(won["language"])]
        if undecided:
            st.info(
                f"Not decided for {', '.join(undecided)}: there is one seed, so no standard deviation, and the scores "
                "of the held-out examples were not stored for the bootstrap."
            )
    show.table(found, "Tickets by sparsity", f"levels-{view.key}")
    show.table(won, "Winning tickets", f"winners-{view.key}")


def levels(view: View) -> tuple[pd.DataFrame, bool]:
    """`winning.levels` of the languages chosen, and whether the masks were retrained."""
    if view.choice.method == "upload":
        return pd.DataFrame(columns=winning.COLUMNS), True
    for variant in ("trained", "untrained"):
        found = _levels(view.source, view.choice.task, view.choice.method, variant, view.chosen)
        if len(found):
            return found, variant == "trained"
    return found, True


@catalogue.remembered
def _levels(source: catalogue.Source, task: str, method: str, variant: str, chosen: tuple[str, ...]) -> pd.DataFrame:
    return winning.levels(winning.runs(source), task, method, variant=variant, languages=chosen)


def randoms(view: View, language: str, variant: str) -> pd.DataFrame:
    """Return sparsity and value of random masks, trained as the tickets were or not, means over seeds."""
    table = _runs(view.source)
    if table.empty:
        return pd.DataFrame(columns=["sparsity", "value"])
    table = table[table["task"] == view.choice.task]
    rows = table[(table["method"] == "random") & (table["language"] == language) & (table["variant"] == variant)]
    return rows.groupby("sparsity")["value"].mean().reset_index()


@catalogue.remembered
def _runs(source: catalogue.Source) -> pd.DataFrame:
    return winning.runs(source).drop(columns="parts", errors="ignore")


def _answer(won: pd.DataFrame, found: pd.DataFrame, trained: bool) -> str:
    """Say where tickets are lost, a line a rule."""
    said = []
    for rule, rows in won.groupby("rule", sort=False):
        some = [f"{display(r.language)} {r.sparsity:.0%}" for r in rows.dropna(subset="sparsity").itertuples()]
        none = [display(code) for code in rows[rows["sparsity"].isna()]["language"]]
        parts = [", ".join(some)] if some else []
        parts += [f"none for {', '.join(none)}"] if none else []
        said.append(f"- **Sparsest ticket {RULES[rule]}:** {'; '.join(parts)}.")
    levels = words.count(found["sparsity"].nunique(), "level")
    done = "Tickets were retrained" if trained else "These masks were scored as they are, without any training,"
    return "\n".join([*said, f"- {done} at {levels} of sparsity, up to {found['sparsity'].max():.0%}."])


def _curve_words(rows: pd.DataFrame, trained: bool) -> str:
    seeds, full = int(rows["seeds"].max()), int(rows["full_seeds"].iloc[0])
    said = ["The band is one standard deviation of the full model over its seeds."] if full > 1 else []
    if rows["not_worse"].notna().any():
        said.append("Open circles: worse than the full model by a paired bootstrap over the held-out examples (95 %).")
    else:
        said.append("Not tested by bootstrap: the scores of single examples were not stored.")
    alike = ", trained for as many steps" if trained else ", neither trained"
    said.append(f"{words.count(seeds, 'seed')} of a ticket, {full} of the full model{alike}.")
    return " ".join(said)


def paper(task: str) -> None:
    """Show the paper's table of a task, or another."""
    st.subheader(PAPER, anchor=False)
    table = published.winning_tickets()
    there, usual = list(dict.fromkeys(table["task"])), published.TASKS.get(task)
    task = pickers.pick("Task", there, "paper-task", default=usual, names=pickers.task_name)
    rows = table[table["task"] == task]
    languages = order(list(dict.fromkeys(rows["language"])))
    left, right = st.columns(2, gap="medium")
    with left:
        show.figure(figures.winning_bars(rows.assign(line=PAPER), languages), "paper-winners")
    with right:
        shown = rows.set_index("language").loc[languages].reset_index()
        shown = shown.assign(language=shown["language"].map(display))[
            ["language", "full", "ticket", "sparsity", "random"]
        ]
        names = {
            "language": "Language",
            "full": "Full model",
            "ticket": "Ticket",
            "sparsity": "Sparsity",
            "random": "Random",
        }
        numbers = {"Sparsity": st.column_config.NumberColumn(format="percent")}
        st.dataframe(
            shown.rename(columns=names), hide_index=True, column_config=numbers, height="content", key="paper-table"
        )
    metric = rows["metric"].iloc[0]
    st.caption(
        f"Table 2, {metric}, means of three runs; the random mask is of the ticket's sparsity. The paper prints no "
        f"standard deviations, so its rule cannot be applied again. {published.CITATION}."
    )


def _written(value: object) -> str:
    """Write a setting: as printed, or a number without needless digits; a dash for none."""
    if value is None or value != value:
        return "–"
    if isinstance(value, float):
        return f"{value:g}"
    return f"{int(value):,}" if str(value).isdigit() else str(value)


def recipes(views: list[View]) -> None:
    """Show how tickets were trained, and how alike one language's are under other seeds, beside the paper."""
    st.markdown("##### How they were trained")
    rows = {}
    for view in views:
        asked = catalogue.of_task(view.source, view.choice.task).get("settings", {}).get(view.choice.method, {})
        again = view.within("jaccard").values() if "seeds" in view.kinds() else ()
        recipe = asked.get("recipe", {})
        examples = asked.get("examples")
        if recipe.get("steps") and examples is None:  # text, of which a training sees so much
            examples = f"{recipe['steps'] * recipe['batch_size']:,} blocks"
        rows[
            f"{view.source.info.get('model', view.title)}, {pickers.TASKS.get(view.choice.task, view.choice.task)}"
        ] = {
            "Training examples": examples,
            "Steps a round": recipe.get("steps"),
            "Batch size": recipe.get("batch_size"),
            "Learning rate": recipe.get("rate"),
            "Seeds of masks": len({row.seed for row in catalogue.choices(view.source) if row[:3] == view.choice[:3]}),
            "Overlap with itself, other seeds": f"{sum(again) / len(again):.2%}" if again else None,
        }
    printed, again = published.training().set_index("setting"), published.seed_overlap().set_index("task")["jaccard"]
    for task in printed.columns:
        column = printed[task]
        rows[f"The paper, {pickers.TASKS.get(task, task)}"] = {
            "Training examples": column["train_examples"],
            "Steps a round": published.steps(task),
            "Batch size": column["batch_size"],
            "Learning rate": column["learning_rate_mbert"],
            "Seeds of masks": 3,
            "Overlap with itself, other seeds": f"{again[task]:.2%}",
        }
    told = pd.DataFrame(rows).T.map(_written)
    st.dataframe(told, height="content", key="recipes")
    st.caption(f"The paper: mBERT, Table 7 and section 5; masks of 50 % sparsity. {published.CITATION}.")


with page("Winning tickets", lead=LEAD) as views:
    for view in views:
        tickets(view)
    paper(views[0].choice.task if views else "mlm")
    recipes([view for view in views if view.choice.method != "upload"])
