"""Options that several plans have: each returns the field of one."""

from __future__ import annotations

from typing import Any

from neutral.options import HASHED, harmless, key, option, setting
from neutral.selection import SCOPES
from neutral.tasks.names import LABELLED, NAMES, TEXT

TASKS = ("auto", *NAMES)
"""What --task says; auto: the one that the model was made for."""

AMOUNT = "a number that is not negative"
SHARE = "a share between 0 and 1, such as 0.5"

ONLY_TEXT = {"task": ("auto", *TEXT)}

ONLY_LABELLED = {"task": ("auto", *LABELLED)}

LABELS = (
    "for ner, pos and nli: what labels are called here, where languages spell them otherwise: "
    "contradictory=contradiction,0=entailment; of names, types: person=PER"
)
_SCOPE = (
    "among which weights a cut compares: all; those of a stack (encoder, decoder), of a component over all layers (all "
    "query matrices), of an output row, or of one matrix: tensor is the component-wise pruning of the paper's scripts "
    "(default: the study's, else stack for an encoder-decoder, global for other models)"
)


MODEL = "a Hugging Face id or folder"
GGUF = "a .gguf file in the model's folder to load the weights from"


def model(default: Any, help: str = MODEL, **described: Any) -> Any:
    """The model's option."""
    return option(default, help, kind="model", group="main", decides=HASHED, **described)


def gguf(help: str = GGUF) -> Any:
    """The option of a file of the model's folder."""
    return option("", help, kind="file", decides=HASHED)


def text(help: str, **described: Any) -> Any:
    """The option of what is read; Python callers hand over the corpus itself."""
    told = {"kind": "folder", "group": "main", "required": True, "decides": HASHED}
    return option("", help, **told | described)


def held_out_text(tail: str = "a tenth") -> Any:
    """The option of what is scored; `tail` says which part of the text is held out by default."""
    help = f"text to score on (default: TEXT/dev, else {tail})"
    return option("", help, flag="held-out", kind="folder", decides=HASHED)


def documents() -> Any:
    """The option of which document each line of text is from."""
    help = "a file with the document of each line of text: held-out text, and halves of text, then share no document"
    return option("", help, kind="file", decides=HASHED)


def labels() -> Any:
    """The option of what labels are called, where languages spell them otherwise."""
    told = {"kind": "pairs", "metavar": "OLD=NEW,…", "only_for": ONLY_LABELLED, "reads": _labels}
    return option((), LABELS, decides=setting(unless=()), **told)


def scope(decides: Any) -> Any:
    """The option of a cut's scope; "" is filled in as `scopes.used` says."""
    return option("", _SCOPE, choices=("", *SCOPES), decides=decides)


def title() -> Any:
    """The option of a study's title."""
    return option("", "what the study is called", group="main", decides=harmless("what the study is called"))


def held_out(help: str = "at most so many blocks or examples are scored", default: int = 1000, **described: Any) -> Any:
    """The option of how much is scored."""
    return option(default, help, flag="held-out-blocks", unit="blocks", least=1, **described)


def length(help: str = "tokens a block or example") -> Any:
    """The option of a block's length."""
    return option(128, help, unit="tokens", least=1, group="training", decides=HASHED)


def passes() -> Any:
    """The option of how often held-out text is masked."""
    return option(1, "maskings of the held-out text a score averages over", least=1, decides=setting())


def examples(help: str, decides: Any) -> Any:
    """The option of how many labelled examples are trained on."""
    told = {"name": "train_examples", "flag": "train-examples", "unit": "examples"}  # a recipe has `examples` too
    return option(None, help, least=1, only_for=ONLY_LABELLED, decides=decides, **told)


def sparsities(default: Any, help: str, decides: Any = None) -> Any:
    """The option of the sparsities."""
    told = {"flag": "sparsity", "unit": "share of the weights", "above": 0, "below": 1, "some": True, "group": "main"}
    return option(default, help, must=SHARE, decides=decides or key("sparsity"), **told)


def _labels(text: str) -> tuple[tuple[str, str], ...]:
    from neutral.tasks import labelsets

    return tuple(labelsets.mapping(text).items())
