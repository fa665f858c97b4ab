"""What the pages on masks and their overlap say: Overview, Overlap, Language pair, Layers and Your masks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from neutral import labels, summary
from neutral.figures import theme
from neutral.figures.heatmap import NAMED_UP_TO
from neutral.members import display, is_known, relation, speaker
from neutral.metrics import SIGNIFICANT
from neutral.overlap import Counts, about_opposed
from neutral.runs.places import Place
from pages.parts import formats, pickers
from pages.parts.formats import Tile
from pages.parts.text import as_text, in_words, listed
from pages.parts.uploads import Upload
from pages.parts.views import View

if TYPE_CHECKING:  # scipy takes a while to import: only pages that test import it
    from neutral.association.agreement import Agreement
    from neutral.search.experts import Routing

LEVELS = {
    "chance": "what independent masks with the same density in every tensor would have",
    "shuffled": "each mask shuffled within its tensors, then compared: chance, measured",
    "pretrained": "each language's mask against the mask that the untouched pretrained weights give at this sparsity; "
    "what languages share beyond it does not come from the size of these weights alone",
    "seeds": "the same language found twice under different seeds: as alike as two masks can be expected to be",
    "halves": "the same language found twice from disjoint halves of its text: as alike as two masks can be expected "
    "to be",
}

MANY = "Coloured bands are families. Hover for names; zoom with the buttons above the figure. "
SMALL_CELLS = (
    "A language that you find is framed: a click in its row or column opens the pair, and so does one on a row of the "
    "table."
)

AGAIN = {"seeds": "another seed", "halves": "other half of text", None: "not measured"}

INTRODUCTION = (
    "A multilingual model may use the same weights for every language, or keep some apart. For each language a "
    "sub-network was found: the weights that matter for it. Here is how far these sub-networks are the same."
)

PRUNABLE = (
    "The weight matrices of the transformer blocks; token table, norms, biases and the task's head are never removed."
)

NO_SPEED = (
    "A mask sets weights to zero and leaves the matrices dense: a masked model takes as much memory and time as the "
    "full one. Masks show which weights matter; they make nothing smaller or faster by themselves."
)

BAND = "All languages against their references. The band is from the least to the most alike pair."
JOINT = "Weights that all masks keep ÷ weights that any of them keeps, and what independent masks as dense would have."
EXCESS = "Overlap less that of independent masks as dense: dense layers overlap more by chance alone."
BY_EXPERT = (
    "The experts of each layer, left to right; an expert's number is its place in its own layer. Outside are attention "
    "and whatever else every token goes through. In the figures by component, the experts of a layer are averaged."
)
ONE_MASK = "One mask of this network so far. Upload another language's to compare them."
ONE_OF_PAIR = "There is one mask here. A pair takes two: add another language."
PAIR_CHECK = "Perplexity under each mask, without training; ratio to the text's own mask."

WANDA = (
    "Wanda cuts the same share in every output row, so its sparsity is flat over layers and components by construction."
)

EXPERTS = (
    "Share of the layer's routed tokens that each expert, left to right, gets from a language's text. A token goes "
    "to several experts. Grey is an even share."
)

MIXED = "These masks are of different networks, so they cannot all be compared; each network is shown apart."

AGREEMENT = "p is a Mantel test's: exchanging any languages, and only relatives. Layers are no sample and have no p."

UPLOAD = """
Upload masks of one model, one file a language, or all languages in one: zeros and ones for every weight, **1 means
kept**. Read are a `mask.pt` of the paper's scripts, checkpoints of `torch.nn.utils.prune`, `torch.ao`, ModelOpt and
NNI, plain or packed `.safetensors` (shards with their index), `.npz`, and arrays in a pickle. Where all files are
called `mask.pt`, zip their folders and upload the archive: its masks are called by their folders. Then every page can
show them, alone or beside the study. Nothing in a file is executed.
"""

FROM_ZEROS = (
    "For pruned models, as Wanda, SparseGPT and llm-compressor leave them: what is zero in the linear layers of the "
    "blocks is removed. Files with masks of their own are read as ever. It holds for what you upload next."
)
INVERT = "Here 1 means kept. Tick this for files in which 1 means removed; it turns what you upload next."

READ_COLUMNS = {
    "file": "File",
    "name": "Name",
    "language": "Language",
    "from": "Language from",
    "tensors": "Tensors",
    "weights": "Weights",
    "removed": "Removed",
    "renamed": "Names changed",
    "notes": "Left out, or assumed",
}
READ = "1 means kept; Removed is the share of zeros. Names changed: of weights, without what wrappers put before them."

BIG = """
A 340 MB file of floats holds 10.6 MB of mask. Files too big to upload, or many of them, are converted faster where they
lie: `python -m neutral masks convert *.pt -o packed/`, then upload what is in `packed/`.
"""

LINK = (
    "A reload finds these masks again by the link in the address, and so does whoever you give it to: they see the "
    "masks, and what they change is a copy of their own. Nobody can guess it. It goes {days} days after its last use."
)
DELETE = "Deletes the masks here, under this link, and in the copies that others made by it."
SAVE = (
    "A study stays, and pages and commands show it as one that `find` made; it has no scores, which mask files do not "
    "hold. Its languages are the names above."
)
NOT_SAVED_HERE = (
    "Others can open this server, so studies are not saved from its pages. Who runs it can allow that: NEUTRAL_RUNS=on."
)
MODEL = "Only written down. Choose a bundled one, or type its name."
PLACES = (
    "Masks of one language are runs of one search: its seeds. Where their sparsities differ clearly, they are masks of "
    "several sparsities."
)
MORE = (
    "Runs add to it: the control of the untouched weights, which takes the masks' model, and the tests of what "
    "explains the overlap, which the page Typology else makes while you wait."
)

NAMES = (
    "A language code such as en lets figures know its family. Two masks under one name count as two runs of the same "
    "language."
)

FUNCTIONAL = (
    "Perplexity of each language under every language's mask, without any training after the cut, divided by that "
    "under its own mask: 1 means another language's mask serves as well as its own."
)

RELATIONS = {
    "same branch": "languages of one branch of a family",
    "same family": "languages of one family, from different branches",
    "same script": "not related, but written in the same script",
    "unrelated": "neither related nor written in the same script",
}

SCORE_COLUMNS = {
    "language": "Language",
    "variant": "Model",
    "value": "Perplexity",
    "full": "Full model",
    "ratio": "Ratio",
}

KNOWN = "A mask is known by its language's code: ISO 639 (sw, swa), with script or region if you like (sr_Cyrl, pt-BR)."

NOT_RELATED = {"same script": "unrelated, same script", "unrelated": "unrelated, other scripts"}
"""What the table of relatives calls the relations of languages that are none."""

PAIR_COLUMNS = {
    "source": "Mask",
    "target": "Other mask",
    "value": "Jaccard",
    "chance": "By chance",
    "excess": "Above chance",
}
KINSHIP_COLUMNS = {"relation": "Pairs with", "value": "Mean", "low": "Lowest", "high": "Highest", "n": "Pairs"}


def place(where: Place, label: str) -> dict[str, object]:
    """Return a row of the table of what is saved."""
    return {
        "Name": label,
        "Language": display(where.language),
        "Task": where.task,
        "Method": where.method,
        "Removed": f"{where.sparsity:.0%}",
        "Seed": where.seed,
        "Half of the text": where.variant,
    }


def pair(row: pd.Series) -> str:
    """Name the two languages of a row."""
    return f"{in_words(row['source'])}, {in_words(row['target'])}"


def opposed(counts: Counts) -> str:
    """Say which uploaded masks may mean the opposite by 1, and what turns them; "" for none."""
    said = about_opposed(counts, display)
    turn = "If so, remove it on the page Your masks, tick “1 means removed” there, and upload its file again."
    return f"{as_text(said)}. {turn}" if said else ""


def routing(told: Routing) -> str:
    """Say how far languages are sent to the same experts, and which pair least."""
    (most, high), (least, low), (source, target, lowest) = told.most, told.least, told.apart
    where = f", {low:.0%} in {as_text(least)} to {high:.0%} in {as_text(most)}" if most != least else ""
    parts = [f"Two languages share {told.mean:.0%} of their routing in the mean{where}"]
    if told.halves is not None:
        parts.append(f"two halves of one language's text share {told.halves:.0%}")
    if told.pairs > 1:
        parts.append(f"{in_words(source)} and {in_words(target)} share least ({lowest:.0%})")
    return "; ".join(parts) + "."


def answer(view: View, pairs: pd.DataFrame, levels: pd.DataFrame) -> str:
    """Answer the question of the Overview from the numbers, in a paragraph."""
    if pairs.empty and len(view.members) > 1:
        return "These masks keep nothing at all, so there is no overlap to speak of."
    if pairs.empty:
        return f"There is one mask here, **{in_words(view.members[0])}**. An overlap takes two: add another language."
    value, choice = summary.by_level(levels), view.choice
    by = "" if choice.method == "upload" else f" by {as_text(choice.method)}"
    sentences = [
        f"With {choice.sparsity:.0%} of the weights removed{by}, two languages' masks share "
        f"**{value['between']:.1%}** of the weights that either keeps, where independent masks would share "
        f"{value['chance']:.1%}."
    ]
    kind, way = summary.bound(levels), summary.way(levels)
    if way == way:
        again = "under another seed" if kind == "seeds" else "from the other half of its text"
        sentences.append(
            f"One language found again {again} shares {value[kind]:.1%} with itself: different languages are {way:.1%} "
            "of the way from chance to that."
        )
    else:
        sentences.append("How much one language would share with itself was not measured here.")
    if "pretrained" in value:
        sentences.append(_control(value["between"], value["pretrained"]))
    if "beyond" in view.kinds():
        changes = summary.by_level(view.levels("beyond"))
        sentences.append(
            f"Of what a language changes against that mask, two languages share {changes['between']:.1%}, "
            f"where {changes['chance']:.1%} is chance."
        )
    return " ".join(sentences)


def _control(between: float, pretrained: float) -> str:
    if between > pretrained:
        return (
            f"With the mask of the untouched pretrained weights they share less, {pretrained:.1%}: part of the overlap "
            "does not come from the size of these weights alone."
        )
    return (
        f"With the mask of the untouched pretrained weights they share no less, {pretrained:.1%}: most of the overlap "
        "comes from the pretrained weights themselves."
    )


def tiles(view: View, pairs: pd.DataFrame, levels: pd.DataFrame) -> list[Tile]:
    """Return the Overview's key numbers."""
    value, again = summary.by_level(levels), summary.bound(levels)
    info, counts = view.source.info, view.counts()
    kind = "masks" if view.choice.method == "upload" else "languages"
    size = info.get("prunable") or int(counts.sizes.sum())
    rows = [
        Tile(kind.capitalize(), str(len(view.members)), as_text(info.get("model") or "one network")),
        Tile("Prunable weights", formats.amount(size), f"{len(counts.groups('layer'))} layers", PRUNABLE),
    ]
    if len(pairs):
        rows.append(Tile("Mean overlap", formats.share(value["between"]), formats.count(len(pairs), "pair")))
        rows.append(Tile("By chance", formats.share(value["chance"]), "independent masks", LEVELS["chance"]))
        if "pretrained" in value:
            control = formats.share(value["pretrained"])
            rows.append(Tile("Pretrained control", control, "no training", LEVELS["pretrained"]))
        rows.append(Tile("Same language", formats.share(value.get(again)), AGAIN[again], LEVELS.get(again)))
    if len(pairs) > 1:
        most, least = summary.extremes(pairs)
        digits = 3 if most["value"] - least["value"] >= 0.01 else 4
        rows.append(Tile("Most alike", formats.share(most["value"], digits), pair(most)))
        rows.append(Tile("Least alike", formats.share(least["value"], digits), pair(least)))
    return rows


def first_looks(pairs: pd.DataFrame) -> list[tuple[pd.Series, str]]:
    """Return the most and the least alike pair, each with what a link to it says; one pair only once."""
    most, least = summary.extremes(pairs)
    rows = [(most, ", the most alike"), (least, ", the least alike")] if len(pairs) > 1 else [(most, "")]
    return [(row, f"{pair(row)}{which}, layer by layer") for row, which in rows]


def pair_tiles(name: str, levels: pd.DataFrame) -> list[Tile]:
    """Return a pair's overlap, by a measure called `name`, and what it is compared with."""
    value, again = summary.by_level(levels), summary.bound(levels)
    rows = [
        (name, value["between"], "overlap of the pair"),
        ("By chance", value["chance"], "independent masks"),
        ("Pretrained control", value.get("pretrained"), "mean of the two"),
        ("Same language", value.get(again), AGAIN[again]),
    ]
    return [Tile(label, formats.share(number), note) for label, number, note in rows if number is not None]


def about_pair(a: str, b: str, members: Sequence[str], found_twice: Collection[str]) -> str:
    """Say how two languages relate, and whose overlap with itself stands in if neither was found twice."""
    notes = []
    if is_known(a) and is_known(b):
        notes.append(f"{in_words(a)} and {in_words(b)}: {RELATIONS[relation(a, b, members)]}.")
    if found_twice and not {speaker(a), speaker(b)} & set(found_twice):
        notes.append(f"Neither was found twice; figures show the mean of {listed(found_twice)} for that.")
    return " ".join(notes)


def pair_scores(sparsity: float) -> str:
    """Say what the scores of two languages are."""
    return f"Perplexity with {sparsity:.0%} removed, beside the full model treated likewise."


def lines(who: str | None, *, many: bool) -> str:
    """Say what the lines by layer are: of all languages, or of one; if there are `many`, of families."""
    said = "Each language's mean with the others." if who is None else f"{in_words(who)} with each other."
    return f"{said} Of many languages the median of each family, and its range." if many else said


def lacks(title: str, missing: Sequence[str], members: Sequence[str]) -> str:
    """Say which languages a source lacks, and which it has."""
    lacking = " and no ".join(map(in_words, missing))
    return f"{as_text(title)} has no {lacking}. It has {listed(members)}."


def nothing(view: View, by: str, group: str) -> str:
    """Say why there is no overlap in a group of weights."""
    if len(view.members) < 2:
        return "There is one mask here. An overlap takes two."
    if group in view.counts().groups(by):
        return "These masks keep nothing at all here, so there is no overlap to speak of."
    where = as_text(pickers.readable(group))
    return f"{as_text(view.title)} has no weights called “{where}”. Choose another layer or component."


def diagonal(view: View, measure: str, by: str, group: str) -> str:
    """Say what stands on the diagonal of the overlap matrix, and what a click does."""
    click = "Click a cell, or a row of the table, to open the pair."
    if (n := len(view.members)) > theme.MANY:
        return MANY + (click if n <= NAMED_UP_TO else SMALL_CELLS)
    kind = next((kind for kind in ("seeds", "halves") if view.within(measure, by, group) and kind in view.kinds()), "")
    twice = {"seeds": "under another seed", "halves": "from the other half of its text"}.get(kind)
    return f"On the diagonal: the language found again {twice}. {click}" if twice else click


def levels(table: pd.DataFrame) -> str:
    """Say what the overlap is compared with, a line a level; the table is that of `summary.levels` in one group."""
    lines = []
    for level, (name, _, _) in theme.LEVELS.items():
        rows = table[table["level"] == level].dropna(subset="value")
        if rows.empty or level == "between":
            continue
        row = rows.iloc[0]
        count = f", mean of {row['n']:,.0f}" if row["n"] > 1 else ""
        explained = LEVELS[level]
        lines.append(f"- **{name}: {row['value']:.3f}**{count}. {explained[:1].upper()}{explained[1:]}.")
    return "\n".join(lines)


def joint(row: pd.Series) -> str:
    """Say what all masks keep of what any keeps, in a row of `overlap.joint`."""
    return (
        f"All **{row['masks']}** masks keep **{row['value']:.1%}** of the weights that any of them keeps; independent "
        f"masks with the same density in every tensor would keep {row['chance']:.1%}."
    )


def untold(view: View) -> str:
    """Say why some members' masks can't be compared all at once."""
    title, every = as_text(view.title), len(view.all_counts().members)
    return (
        f"{title} stores counts, not masks: what all keep at once is known of all {every} and of any two, not of "
        f"these {len(view.chosen)}. `python -m neutral overlap --joint FILE FILE …` counts masks where they are."
    )


def peaks(table: pd.DataFrame, measure: str) -> str:
    """Say in which layers masks are most and least alike, of pairs by layer or their means; "" if they keep nothing."""
    means = summary.peaks(table)
    if not means:
        return ""
    short = theme.short_layer(list(dict.fromkeys(table.dropna(subset="value")["group"])))
    (top, highest), (bottom, lowest) = next(iter(means.items())), list(means.items())[-1]
    return (
        f"{theme.UNITS[measure][0]} is highest in layer **{as_text(short[top])}** ({highest:.3f}, mean of all pairs) "
        f"and lowest in layer **{as_text(short[bottom])}** ({lowest:.3f})."
    )


def agreement(method: str, others: Sequence[tuple[str, str, Agreement]], few: Mapping[str, int]) -> str:
    """Say, a line for each of the others, whether its overlap goes with that of the masks of `method`.

    `others` are the masks' name, the overlap's name, and how they agree; `few` is name -> number of languages of masks
    of too few languages.
    """
    lines = []
    for masks, overlap, agreed in others:
        rho, p = agreed.family["tested"], agreed.family["p"]
        way = "goes with" if p < SIGNIFICANT and rho > 0 else "is not seen to go with" if p == p else "beside"
        related = "cannot be tested among relatives"
        if p == p:
            related = f"exchanging relatives only ρ = {rho:.2f}, p = {p:.4f}"
        lines.append(
            f"- {overlap} of **{as_text(masks)}** masks {way} that of {as_text(method)}: over pairs of languages ρ = "
            f"**{agreed.plain['rho']:.2f}** (p = {agreed.plain['p']:.4f}; {related}). Whether languages meet in "
            f"the same layers is another question: over layers ρ = **{agreed.layers.means:.2f}**."
        )
    lines += [
        f"- **{as_text(name)}** masks are of {n} languages, too few to correlate pairs." for name, n in few.items()
    ]
    return "\n".join(lines)


def agreement_by_layer(method: str) -> str:
    """Explain the figure of the agreement by layer."""
    return (
        f"Rank correlation with {as_text(method)} over the pairs of languages. Filled: p < 0.05, exchanging relatives "
        "only, not corrected for the layers (Holm's is in the table)."
    )


def agreement_table(others: Sequence[tuple[str, str, Agreement]]) -> pd.DataFrame:
    """Return the agreement with others as a table, under the headings that the page shows."""
    return pd.DataFrame(
        {
            "Masks": masks,
            "Overlap": overlap,
            "ρ over pairs": agreed.plain["rho"],
            "p": agreed.plain["p"],
            "ρ, relatives": agreed.family["tested"],
            "p, relatives": agreed.family["p"],
            "Languages": agreed.languages,
            "ρ over layers": agreed.layers.means,
            "ρ over pairs and layers": agreed.layers.cells,
        }
        for masks, overlap, agreed in others
    )


def about_file(upload: Upload) -> str:
    """Say how large a mask file is; the table of the page has the rest."""
    layers = labels.layers(upload.mask.names, upload.mask.stack)
    return f"{formats.amount(upload.size)}B · {formats.count(layers, 'layer')}"
