"""What the page Inside the model says: where curves peak, whether they rise together, how to get what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from shlex import quote

import pandas as pd

from neutral.figures.inside import LINES, REPRESENTATIONS
from neutral.figures.theme import signed
from neutral.inside.definitions import PAPER, Definition
from neutral.study import Study
from neutral.summary import Choice
from pages.parts import catalogue
from pages.parts.text import as_text, block, code

ROOT = Path(__file__).parents[3]

LEAD = (
    "Does the network make the same of a sentence in every language, and is that in the layers whose weights the "
    "languages share?"
)
STATES = {
    "mean": "A sentence's state is the mean of its own tokens, without the special ones.",
    "mean-with-special": "A sentence's state is the mean of all its tokens, special ones included.",
    "cls": "A sentence's state is that of its first token, [CLS].",
}
NO_MODEL = (
    "Masks alone do not tell what the network makes of a sentence. With its model and these files: `python -m neutral "
    "retrieve --study DIR --model MODEL --mask-files …`, into a study."
)
NO_LAYERS = "There are no two layers here that have both masks and states."
NO_P = (
    "No p-values: neighbouring layers are alike in everything, so they are no independent cases. To rise to the "
    "middle: to peak in the middle third of the layers and be lower at both ends."
)


def answer(shapes: pd.DataFrame, names: dict[str, str], chance: float) -> str:
    """Say where retrieval peaks, against chance, where the masks are most alike, and whether the two go together.

    `shapes` is that of `curves.shapes`, `names` says what a curve is called, `chance` is that of retrieval.
    """
    rows = {row["curve"]: row for _, row in shapes.iterrows()}
    overlap, other = rows["overlap"], rows.get("retrieval", rows.get("representation"))
    where = f"the masks are most alike in {as_text(overlap['peak'])} ({overlap['high']:.3f})"
    if other is None:
        return f"**{where[:1].upper()}{where[1:]}.**"
    if other["curve"] == "retrieval":
        said = f"Translations are found best in {as_text(other['peak'])} ({other['high']:.0%}, by chance {chance:.1%})"
    else:
        said = f"{names['representation']} of the states is highest in {as_text(other['peak'])} ({other['high']:.2f})"
    rho = "" if other["rho"] != other["rho"] else f" Over the layers the two have ρ = {signed(other['rho'])}."
    return f"**{said}; {where}.**{rho}"


def verdict(shapes: pd.DataFrame) -> str:
    """Say whether the paper's remark is seen here; `shapes` is that of `curves.shapes`."""
    middle = dict(zip(shapes["curve"], shapes["middle"], strict=True))
    remark = "The paper's remark is that mask overlap and retrieval both rise to the middle layers. "
    if "retrieval" not in middle:
        return f"{remark}Retrieval is not there to tell; mask overlap {'does' if middle['overlap'] else 'does not'}."
    if middle["overlap"] and middle["retrieval"]:
        return f"{remark}**Here both do.**"
    if not (middle["overlap"] or middle["retrieval"]):
        return f"{remark}**Here neither does.**"
    return f"{remark}**Here only {'retrieval' if middle['retrieval'] else 'mask overlap'} does.**"


def peaks(shapes: pd.DataFrame, names: dict[str, str]) -> str:
    """Say where every curve peaks; `names` says what a curve is called."""
    return "\n".join(f"- {_peak(row, names[row['curve']])}" for _, row in shapes.iterrows())


def _peak(row: pd.Series, name: str) -> str:
    """Say where a curve peaks, and how it goes with the overlap."""
    spread = row["high"] - row["low"]
    digits = 2 if spread >= 0.05 else 3 if spread >= 0.005 else 4
    peak = (
        f"**{name}** peaks in {as_text(row['peak'])} ({row['high']:.{digits}f}; lowest in {as_text(row['bottom'])}, "
        f"{row['low']:.{digits}f})"
    )
    if row["curve"] == "overlap":
        return f"{peak}."
    return f"{peak}; rank correlation with the overlap over layers **{signed(row['rho'])}**."


def together(line: str) -> str:
    """Say how to read the curves that are drawn on one axis, of one line."""
    return (
        "Each curve runs from its own lowest layer to its own highest: see the legend for how far apart these are. "
        f"States: {LINES[line][0].lower()}."
    )


def defined(definition: Definition) -> str:
    """Return a definition of retrieval in a few words, as pickers and addresses have it."""
    short = (
        {"nearest": "5 nearest", "all": "all sentences"}[definition.candidates],
        {"mean": "own tokens", "mean-with-special": "all tokens", "cls": "[CLS]"}[definition.pooling],
        {"ratio": "ratio margin", "distance": "distance margin", "absolute": "cosine"}[definition.score],
    )
    words = ", ".join(short)
    return f"The paper’s: {words}" if definition == PAPER else words[:1].upper() + words[1:]


def retrieval(pairs: pd.DataFrame, definition: Definition) -> str:
    """Say how retrieval was measured; `pairs` is that of `curves.pairs`."""
    scores = {
        "ratio": "the cosine divided by the mean cosine of both sentences’ 5 neighbours",
        "distance": "the cosine less the mean cosine of both sentences’ 5 neighbours",
        "absolute": "the cosine",
    }
    ranked = {"nearest": "of the 5 nearest sentences by cosine", "all": "of all sentences"}[definition.candidates]
    return (
        f"Mean of the ordered pairs, {pairs['sentences'].max():.0f} sentences; band: the middle half of the pairs; "
        f"dotted: chance. First is the one {ranked} with the highest score, {scores[definition.score]}. "
        f"{STATES[definition.pooling]} That is {'' if definition == PAPER else 'not '}the paper’s definition "
        "(Foroutan et al. 2022). Nothing is trained for it."
    )


def representation(kind: str, definition: Definition) -> str:
    """Say how to read the curves of a measure of representations."""
    return (
        f"{REPRESENTATIONS[kind]}, mean of the pairs; band: the middle half of the pairs; dotted: chance, the same "
        "with the sentences shuffled. What is above chance is what the languages' states have in common. "
        f"{STATES[definition.pooling]}"
    )


def not_measured(kind: str) -> str:
    """Say that a measure of representations is not known for the lines chosen."""
    return f"{REPRESENTATIONS[kind]} was not measured for the lines chosen above."


def place(layer: str) -> str:
    """Say where in the network states are read."""
    return "after the embeddings" if layer == "embeddings" else f"after {as_text(layer)}"


MASKS = ("full", "each", "own", "core", "random", "pretrained")
"""What is looked at if all is."""

MORE_MASKS = "Measure it under the masks"
HAS = "Show {title}"
COMMANDS = "The commands that make it"
MEASURED = {"retrieve": "whether translations are neighbours", "represent": "whether states are alike"}

MAKE = {"retrieve": "Measure whether translations are neighbours", "represent": "Measure whether states are alike"}


def lacks(title: str, names: Sequence[str], others: Mapping[str, str]) -> str:
    """Say what was not measured in a study, and which studies here have it (name -> title)."""
    what = " or ".join(MEASURED[name] for name in names)
    have = " and ".join(f"**{as_text(other)}**" for other in others.values())
    elsewhere = f" It was in {have}: one press away." if have else ""
    return f"**Not measured in {as_text(title)}**, for this choice: {what}.{elsewhere}"


def instead(asked: str, title: str) -> str:
    """Say that the study chosen has no results, and whose are shown instead."""
    return f"**These results are of {as_text(title)}**: {as_text(asked)} has none of what happens inside the model."


def missing(source: catalogue.Source, choice: Choice, names: Sequence[str]) -> str:
    """Say which commands make what a study lacks."""
    return f"These commands make it:\n\n{block([command(source, choice, name) for name in names], 'sh')}"


def only_full(source: catalogue.Source, choice: Choice, definition: Definition) -> str:
    """Say that only the full model was looked at by a definition, and which command looks at the masks."""
    return (
        "Only the full model was looked at for this choice; this looks at it under the masks as well:\n\n"
        f"{code(command(source, choice, 'retrieve', definition))}"
    )


def command(source: catalogue.Source, choice: Choice, name: str, definition: Definition = PAPER) -> str:
    """Return the shell command, `retrieve` or `represent`, that makes a study's rows by a definition."""
    study, model = "STUDY", "MODEL"
    if isinstance(source, Study):
        path = source.path.resolve()
        study = str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
        model = str(source.info.get("model") or model)
        models = ROOT / "data" / "models"
        model = f"data/models/{model}" if model in {path.name for path in models.glob("*")} else model
        model = model if "/" in model else "MODEL"  # the name of a folder says not where it lies
    chosen = f"--method {quote(choice.method)} --sparsity {choice.sparsity:g} --seed {choice.seed}"
    usual = asdict(PAPER)
    settings = [f"--{field} {value}" for field, value in asdict(definition).items() if value != usual[field]]
    asked = " ".join([chosen, *settings])
    return f"python -m neutral {name} --study {quote(study)} --model {quote(model)} --masks {','.join(MASKS)} {asked}"
