"""Every word that takes explaining, in one line each: for the app's help, the shell's, and docs/glossary.md.

`python -m neutral.glossary > docs/glossary.md`
"""

from __future__ import annotations

import textwrap
from typing import NamedTuple


class Term(NamedTuple):
    """A word of the field or of this project."""

    name: str
    """As pages write it."""
    line: str
    """What it means: whole sentences, without Markdown's marks."""


GROUPS: dict[str, dict[str, Term]] = {
    "Masks and how they are found": {
        "study": Term("Study", "A folder with the masks or overlaps found for one model, their scores and settings."),
        "mask": Term("Mask", "For every prunable weight of a network a 1 (kept) or a 0 (removed)."),
        "subnetwork": Term("Sub-network", "The weights that a mask keeps: those that matter for one language."),
        "prunable": Term(
            "Prunable weights",
            "The weight matrices of the transformer blocks; token table, norms, biases and the task's head are never "
            "removed.",
        ),
        "task": Term("Task", "What the network was scored on, or trained for, when the masks were found."),
        "method": Term(
            "Method",
            "How it is decided which weights matter. magnitude: train, remove the smallest, rewind, again. wanda: size "
            "of a weight times that of what it multiplies. fisher: how much the loss would change. change: how far "
            "training moved it. random: by lot, a control.",
        ),
        "sparsity": Term("Sparsity", "The share of the prunable weights that a mask removes."),
        "seed": Term("Seed", "The number that a run's randomness starts from. What two seeds differ in is chance."),
        "halves": Term(
            "Halves",
            "Masks of one language found from one half of its text and from the other: what text alone changes.",
        ),
        "rewinding": Term("Rewinding", "Setting the weights that are left back to their values before training."),
        "ticket": Term(
            "Ticket", "A sub-network trained by itself from the first weights, as the lottery-ticket hypothesis has it."
        ),
        "winning": Term(
            "Winning ticket", "A ticket that scores no worse than the full model that was trained for as long."
        ),
        "full": Term("Full model", "The network without a mask, trained and scored in the same way."),
        "layer": Term("Layer", "A block of the network, counted from 0, which is next to the input."),
        "component": Term(
            "Component", "A kind of weight matrix inside a layer: query, key, value, up, down and so on."
        ),
        "expert": Term("Expert", "One of a layer's networks between which a router shares out the tokens."),
    },
    "Overlap and what it is read against": {
        "overlap": Term("Overlap", "How far two masks keep the same weights; 1 for equal masks."),
        "measure": Term("Measure", "The formula of the overlap. All but φ are shares; all are 1 for equal masks."),
        "jaccard": Term("Jaccard", "Weights that both masks keep ÷ weights that either keeps."),
        "dice": Term("Dice", "Twice the weights that both keep ÷ what the one and the other keep together."),
        "agreement": Term("Agreement", "Share of weights on which the masks agree, removed ones included."),
        "phi": Term("Phi (φ)", "Correlation of the two masks' bits: 0 by chance, 1 for equal masks."),
        "beyond": Term(
            "Beyond pretrained",
            "Jaccard overlap of only those weights that a mask changes against the mask of the untouched pretrained "
            "weights.",
        ),
        "chance": Term("Chance", "What independent masks with the same density in every tensor would have."),
        "shuffled": Term("Shuffled masks", "Each mask shuffled within its tensors, then compared: chance, measured."),
        "excess": Term("Excess", "The overlap less that by chance."),
        "pretrained": Term(
            "Control (pretrained)",
            "Each language's mask against the mask that the untouched pretrained weights give at this sparsity; what "
            "languages share beyond it does not come from the size of these weights alone.",
        ),
        "bound": Term(
            "Bound (same language)",
            "The overlap of one language's mask with another that was found for the same language, under another seed "
            "or from other text. Two languages that share as much are not told apart.",
        ),
        "seeds": Term(
            "Same language, other seed",
            "The same language found twice under different seeds: as alike as two masks can be expected to be.",
        ),
        "same_halves": Term(
            "Same language, other half",
            "The same language found twice from disjoint halves of its text: as alike as two masks can be expected to "
            "be.",
        ),
        "noise": Term("Noise", "1 less the bound: what the mask of one language differs by when it is found again."),
        "way": Term("Way", "How far an overlap is on the way from chance (0 %) to the bound (100 %)."),
        "core": Term("Neutral core", "The weights that all masks keep, or all but a few: shared by every language."),
        "sure": Term(
            "Sure",
            "The network's layers are drawn anew, with replacement, 1,000 times: the share of draws in which a "
            "language that is k-th nearest is among the k nearest. It says whether the layers agree, and nothing of "
            "what other text would change, which the bound shows.",
        ),
        "functional": Term(
            "Functional check", "Each language's text scored under every language's mask, without training."
        ),
    },
    "Languages and tests": {
        "relation": Term("Relation", "One branch of a family; one family; one script only; or none of these."),
        "family": Term("Family", "Languages of one origin, as Glottolog has them; a branch is a part of a family."),
        "distance": Term("Distance", "How far apart two languages are in one respect: grammar, place, script, text."),
        "rho": Term("ρ", "Spearman's rank correlation, from −1 to 1; below 0 here: the nearer, the more alike."),
        "p": Term("p", "How often chance alone gives a value at least so far from none."),
        "mantel": Term(
            "Mantel test",
            "Languages are exchanged, rows and columns of the table together, because pairs of languages are not "
            "independent of each other.",
        ),
        "holm": Term("Holm", "p, corrected for how many tests were made (Holm 1979)."),
        "tree": Term(
            "Along the tree", "Tested against overlaps drawn to be as alike along the family tree as the real ones."
        ),
        "globe": Term(
            "Over the globe", "Tested against overlaps drawn to be as alike over the globe as the real ones."
        ),
        "within": Term("In families", "Tested by exchanging only languages of one family."),
        "partial": Term("Partial", "What is left of both sides once another distance is taken out."),
        "mrm": Term("MRM", "Multiple regression on distance matrices: several distances at once, tested like Mantel."),
        "mlpe": Term(
            "MLPE",
            "A mixed model of pairs with an effect of each language. It compares explanations and is no test.",
        ),
        "community": Term("Community", "Languages that are joined more to each other than to the rest (Louvain)."),
        "threshold": Term("Threshold", "Which share of the pairs, the most alike first, is drawn as edges."),
        "edges": Term("Edges", "Which pairs are joined: the most alike of all, of each language, or a spanning tree."),
        "mds": Term("MDS", "Places languages in a plane so that distances are kept as well as a plane can."),
        "umap": Term(
            "UMAP", "Places languages in a plane so that neighbours are kept; distances between groups mean little."
        ),
        "clustering": Term("Clustering", "Puts what is most alike next to each other: average linkage on 1 − overlap."),
        "bootstrap": Term(
            "Bootstrap", "Cases are drawn anew with replacement, many times, to see how far a result holds."
        ),
    },
    "Scores, and inside the model": {
        "perplexity": Term("Perplexity", "How many tokens a model hesitates between, so to speak: lower is better."),
        "accuracy": Term("Accuracy", "The share of scored tokens whose likeliest token is right."),
        "scored": Term(
            "Scored by",
            "Perplexity, or accuracy: the share of the scored tokens whose likeliest token is right. Results from "
            "before accuracy was counted are left out.",
        ),
        "bits": Term(
            "Bits a character",
            "log2 of the perplexity, times tokens, over characters of the held-out text: comparable between languages.",
        ),
        "unknown": Term("Unknown tokens", "The share of a text's tokens that the vocabulary does not have."),
        "fallback": Term("Byte fallback", "The share of a text's tokens that stand for single bytes of rare letters."),
        "retrieval": Term(
            "Retrieval",
            "Whether a sentence's translation is found by its state: at 1 as the first, at 5 among the first five.",
        ),
        "definition": Term(
            "Definition of retrieval",
            "Which sentences the score ranks, which tokens a sentence's state is the mean of, and the score: "
            "neutral retrieve --candidates --pooling --score.",
        ),
        "states": Term("States", "What a layer makes of a sentence: the mean of its tokens' vectors."),
        "under": Term("States under", "Whose mask the network has on while it reads the sentences."),
        "representations": Term(
            "Representations",
            "How alike the states of translations are. CKA (debiased), SVCCA and PWCCA compare what two sets of "
            "vectors have in common, whichever way they are turned.",
        ),
    },
    "Transfer": {
        "transfer": Term("Transfer", "Training or scoring one language under the mask of another."),
        "own": Term("Own mask", "The mask that was found for the language itself."),
    },
    "Compression": {
        "table": Term("Token table", "The matrix with a vector for every token, often most of a small model."),
        "ratio": Term("Compression ratio", "The size of the whole token table ÷ that of the compressed one."),
        "smaller": Term(
            "Times smaller",
            "How many times smaller the token table is than the full one in float32, every stored byte counted; or how "
            "many times fewer numbers. Between two measured sizes it is interpolated, beyond them nothing is said.",
        ),
        "whose": Term(
            "Whose perplexity is kept",
            "Each of the study's languages, their geometric mean, or one of them.",
        ),
        "tolerance": Term(
            "Worse by at most",
            "How much higher perplexity may be than with the full table, on the same held-out text.",
        ),
        "kept": Term(
            "Perplexity, before and after",
            "Of the full model and with the compressed table, on the same held-out text: how many tokens the model "
            "hesitates between, so to speak. Between two measured sizes it is interpolated.",
        ),
        "breaks": Term(
            "Breaks first", "The language whose perplexity passes the limit first as the table gets smaller."
        ),
        "measured": Term(
            "Measured at", "The two sizes that were measured beside the answer; what lies between is interpolated."
        ),
        "counted": Term("Size counted in", "Every stored byte against float32; or stored numbers."),
        "bytes": Term("By bytes", "The bytes of the full table in float32 ÷ every stored byte."),
        "parameters": Term("By parameters", "The numbers of the full table ÷ the stored numbers."),
        "where": Term(
            "Compressed table in",
            "A tied model has one table for input and output: compressed in both, or in the input alone.",
        ),
        "masking": Term(
            "Masking",
            "What was scored: single tokens or whole words of packed blocks of text, or single lines as in the scripts "
            "of Bałazy et al. (lines of 20 tokens or more, words by ##, padding attended to, means over batches of "
            "four lines).",
        ),
        "weights": Term(
            "Token weights",
            "How much each token counted in the fit. A method that has no such results shows those it has.",
        ),
        "vocabulary": Term(
            "Vocabulary", "All tokens, or only those of the text: then all else is compressed after that cut."
        ),
        "compressor": Term(
            "Compressed by",
            "How the table is made smaller. svd: fewest squared errors at a rank. direction: rows turn least. int8, "
            "int4: rounded numbers. mixed: more bits for tokens that are used more. pq: codes of pieces of rows. "
            "autoencoder: trained, as Bałazy et al. do.",
        ),
        "folder": Term(
            "Model folder",
            "A folder with config.json, safetensors and tokenizer.json: this study's model, the bundled ones, and "
            "those in the folders that this server allows (neutral app --folders).",
        ),
        "estimate": Term(
            "Perplexity, estimated",
            "Perplexity over the full model's, of the language chosen above: read off this study's curves at the size "
            "that was reached, interpolated between measured sizes; nothing beyond them. Not measured here.",
        ),
        "cosine": Term(
            "Cosine distance", "1 − cos of the angle between a row and the rebuilt one, mean over tokens: 0 is no turn."
        ),
        "rmse": Term("RMSE", "Root of the mean squared error of a number of the table."),
        "mae": Term("MAE", "Mean absolute error of a number of the table."),
        "length_ratio": Term(
            "Length ratio", "Length of the rebuilt row ÷ length of the row, mean: below 1 it is shorter."
        ),
        "neighbours": Term(
            "Neighbours kept",
            "How many of a token's ten nearest neighbours it keeps, mean of drawn tokens; in the live part neighbours "
            "are sought among 4,096 drawn tokens.",
        ),
        "step": Term("Step", "What a fit goes through: epochs of training, power iterations, or rounds."),
        "loss": Term("Loss", "What the auto-encoder makes small in training: how far rows turn, or how far they move."),
    },
}
"""Heading in docs/glossary.md -> key -> its term."""

TERMS: dict[str, Term] = {key: term for terms in GROUPS.values() for key, term in terms.items()}

_ALSO = {
    "Above chance": "excess",
    "All at once": "core",
    "By chance": "chance",
    "Control for, in the table": "partial",
    "Distances in the regression": "mrm",
    "Least alike": "overlap",
    "Mean overlap": "overlap",
    "Mean loss by layer": "layer",
    "Most alike": "overlap",
    "Next best method": "smaller",
    "Order": "clustering",
    "Overlap of the pair": "overlap",
    "Pretrained control": "pretrained",
    "Of what is possible": "way",
    "Same language": "bound",
    "Same language again": "bound",
    "Strongest of each": "edges",
    "Tokens of each expert": "expert",
    "Layer of experts": "expert",
    "Pairs in layer": "retrieval",
    "Ratio": "ratio",
    "Threshold: so many % of the pairs": "threshold",
}
"""What pages call a term besides its name -> its key."""

_BY_LABEL = {term.name: key for key, term in TERMS.items()} | _ALSO


def line(key: str) -> str:
    """Return what a term means. Raises `KeyError` for one that is not here.

    >>> line("sparsity")
    'The share of the prunable weights that a mask removes.'
    """
    return TERMS[key].line


def of(label: str) -> str | None:
    """Return what the label of a picker, a tile or a column means; None for plain words.

    >>> of("By chance")
    'What independent masks with the same density in every tensor would have.'
    >>> of("Language") is None
    True
    """
    key = _BY_LABEL.get(label)
    return None if key is None else TERMS[key].line


def listed(**keys: str) -> str:
    """Return words, each with the line of its key, as plain text for the end of a command's help."""
    indent = " " * (4 + max(map(len, keys)))
    lines = [f"  {word:{len(indent) - 4}}  {TERMS[key].line}" for word, key in keys.items()]
    return "\n".join(textwrap.fill(line, 100, subsequent_indent=indent, break_on_hyphens=False) for line in lines)


_HEAD = """\
# Glossary

Every word that takes explaining, in one line: the app's help, the shell's and this page come from
`neutral/glossary.py` (`python -m neutral.glossary > docs/glossary.md`)."""


def page() -> str:
    """Return docs/glossary.md."""

    def entry(term: Term) -> str:
        return textwrap.fill(f"- **{term.name}**: {term.line}", 120, subsequent_indent="  ", break_on_hyphens=False)

    parts = [f"## {heading}\n\n" + "\n".join(map(entry, terms.values())) for heading, terms in GROUPS.items()]
    return "\n\n".join([_HEAD, *parts]) + "\n"


if __name__ == "__main__":
    print(page(), end="")
