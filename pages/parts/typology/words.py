"""The Typology page's sentences about languages and distances."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from neutral.association import LEAST
from neutral.corpora.readings import several
from neutral.members import display
from neutral.typology import KINDS
from neutral.typology import label as kind_label
from neutral.typology.similarity import Languages
from pages.parts.text import as_text, in_words

CONTROL = (
    "The table then shows what each distance has to do with the overlap beyond this one. It does not make the plain "
    "test valid: languages of one family stay dependent."
)

NO_VOCABULARY = (
    "Shared vocabulary and text size need the model's tokenizer and its text: `python -m neutral typology --study DIR "
    "--model MODEL --text TEXT` adds them to a study."
)

ADD_VOCABULARY = "Add shared vocabulary and text size"

MRM = "Multiple regression on distance matrices, on ranks; Holm over the distances in it."
NOT_DRAWN = (
    "Drawing overlaps along the tree and over the globe takes minutes for so many languages: those tests are shown of "
    "what `python -m neutral typology` has put into the study."
)
CHOOSE = "Choose distances for the regression above."


LEAST_PAIRS = 5  # to a distance of a regression
NAMED = 15  # so many languages are named in a sentence, more are counted
SAME = 5e-5  # overlaps that are 1.000 but for less than this are of one mask
ALIKE = 0.005  # overlaps that differ by less tell languages apart hardly more than a second run does


def label(kind: str) -> str:
    """Return the name of a kind of distance for people, in Markdown: a study may have kinds of its own."""
    return as_text(kind_label(kind))


def who(spoken: Languages) -> str:
    """Say which masks are no languages, and which count together."""
    sentences = []
    if spoken.others:
        names = ", ".join(f"“{as_text(name)}”" for name in spoken.others)
        are = "is no language" if len(spoken.others) == 1 else "are no languages"
        sentences.append(
            f"{names} {are} by any ISO 639 code, so nothing is known of how near others are. Rename masks by their "
            "language (en, swh, …) on the page Your masks."
        )
    if spoken.outside_uriel:
        sentences.append(f"{some(spoken.outside_uriel)}: not in URIEL+, so left out of its distances.")
    if spoken.repeated:
        sentences.append("Several masks of one language count together, by their mean.")
    return " ".join(sentences)


def kin(recovered: pd.DataFrame) -> str:
    """Say how many languages have their nearest in their own branch, without varieties of one language.

    The table is that of `recovery.recovered`, of one group; "" where no language has another of its branch.
    """
    row = recovered.set_index("what").loc["branch"]
    if not row["cases"]:
        return ""
    varieties = [code for code in row["left_out"].split(", ") if code]
    once = f" Varieties of one language count once ({some(varieties)} are left out)." if varieties else ""
    return (
        f"**{row['right']:.0%} of the {row['cases']:.0f} languages with another of their branch here have one as their "
        f"nearest** ({row['chance']:.0%} by chance).{once}"
    )


def twins(overlap: pd.DataFrame) -> str:
    """Say which languages have one and the same mask, as of one text under two names; "" if none have."""
    same = overlap[overlap["value"] >= 1 - SAME]
    if same.empty:
        return ""
    pairs = [f"{in_words(a)} and {in_words(b)}" for a, b in zip(same["source"], same["target"], strict=True)]
    return f"{several(pairs, NAMED // 3)} have the same mask (overlap 1.000): it is the same text under two names."


def testing(kinds: int, languages: int) -> str:
    """Say what is computed meanwhile, of so many distances and languages."""
    return (
        f"{languages} languages: {languages * (languages - 1) // 2:,} pairs against {kinds} distances, with thousands "
        "of permutations: some seconds, half a minute on a busy machine. Until then what stands below is of the choice "
        "before …"
    )


def too_few(spoken: Languages) -> str:
    """Say that there are too few languages."""
    names = f": {', '.join(map(in_words, spoken.codes))}" if spoken.codes else ""
    return (
        f"What explains an overlap takes {LEAST} languages, which have six pairs; there "
        f"{'is' if len(spoken.codes) == 1 else 'are'} {len(spoken.codes)} here{names}."
    )


def spread(overlap: pd.DataFrame) -> str:
    """Say so if all pairs overlap alike: then there is little to explain."""
    low, high = overlap["value"].min(), overlap["value"].max()
    if not high - low < ALIKE:
        return ""
    return f"All pairs lie between {low:.4f} and {high:.4f}, so there is little to explain."


def no_overlap(title: str, group: str) -> str:
    """Say that masks have no overlap in a group of weights."""
    return f"{as_text(title)} has no overlap to speak of in “{as_text(group)}”."


def partial(control: str) -> str:
    """Say what the partial tests hold."""
    return f"Partial: with {label(control).lower()} held."


def unknown(kind: str) -> str:
    """Say that a distance is not known."""
    return f"There is no {label(kind).lower()} distance for these languages."


def meaning(kind: str, row: pd.Series, points: pd.DataFrame) -> str:
    """Say what a distance compares, on how many features it rests, and who was left out of its test."""
    known = KINDS.get(kind)
    about = f"{known.meaning[:1].upper()}{known.meaning[1:]} ({known.origin})." if known else ""
    features = points.dropna(subset="distance")["features"] if "features" in points else ()
    rests = f"It rests on {_from_to(features)} features that both languages have in URIEL+." if len(features) else ""
    return " ".join(filter(None, [about, rests, left_out(row["left_out"].split(", ")) if row["left_out"] else ""]))


def _from_to(numbers: pd.Series) -> str:
    low, high = int(numbers.min()), int(numbers.max())
    return f"{low} to {high}" if low < high else str(low)


def left_out(codes: Sequence[str]) -> str:
    """Say which languages were left out for want of data."""
    return f"Without enough data, so left out: {some(codes)}."


def named(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of tests with the languages that were left out by name."""
    if "left_out" not in table:
        return table
    left = table["left_out"].fillna("").map(lambda codes: ", ".join(map(display, filter(None, codes.split(", ")))))
    return table.assign(left_out=left)


def constant(distances: pd.DataFrame, kinds: Sequence[str]) -> str:
    """Say which of these distances are the same for all pairs, so that their rows are empty; "" if none is."""
    values = {kind: distances.loc[distances["distance"] == kind, "value"].nunique() for kind in kinds}
    same = [label(kind) for kind in kinds if values[kind] == 1]
    if not same:
        return ""
    return f"No value: {', '.join(same)}, the same for all pairs here."


def too_few_pairs(table: pd.DataFrame) -> str:
    """Say that the languages have too few pairs for a regression; "" if they have enough."""
    count, pairs, kinds = int(table["languages"].iloc[0]), int(table["pairs"].iloc[0]), len(table)
    if pairs >= LEAST_PAIRS * kinds:
        return ""
    return (
        f"{count} languages have {pairs} pairs; a regression on {kinds} distances would fit them whatever they are. "
        f"Choose fewer distances, or more languages: {LEAST_PAIRS} pairs a distance."
    )


def some(codes: Sequence[str]) -> str:
    """Name languages; of many the first, and how many more there are."""
    return several(list(map(in_words, codes)), NAMED if len(codes) <= NAMED else NAMED // 3)
