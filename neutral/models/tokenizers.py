"""Load a tokenizer, and say how much of a text it knows.

For a folder without a tokenizer's files transformers builds an empty one, to which all text is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from transformers import AutoTokenizer, PreTrainedTokenizerBase

from neutral.errors import NeutralError
from neutral.models import folders
from neutral.models.reading import configuration, from_pretrained

WARNED = 0.1
"""Share of unknown tokens above which a language's text is warned of."""

REFUSED = 0.75
"""Share of unknown tokens from which it is refused: what is left are digits and names in other letters."""

_FILES = ("tokenizer.json", "*vocab*", "*.model", "*.spm", "*.tiktoken", "tekken.json", "*merges*", "*.codes")
_LINES = 1000  # of a language that are looked at, evenly spread
_SPACE = "▁"  # the only token of an empty SentencePiece tokenizer
_SPACES = f"{_SPACE}Ġ \t\u00a0"  # what pieces write for a space, bytes as well


def load_tokenizer(source: str | Path, **options: object) -> PreTrainedTokenizerBase:
    """Load a tokenizer from a hub id or a folder.

    Raises `NeutralError` naming the source if it has none that can be read.
    """
    try:
        tokenizer = from_pretrained(AutoTokenizer, source, **options)
    except NeutralError as error:
        path = folders.require(source)
        if path is None or options.get("gguf_file") or any(match for kind in _FILES for match in path.glob(kind)):
            if path is not None and not options.get("gguf_file"):
                _require_readable(source, path)
            raise
        raise NeutralError(_without(source) + folders.gguf_of(path)) from error
    if _is_empty(tokenizer):
        raise NeutralError(_without(source))
    return tokenizer


def unknown(tokenizer: PreTrainedTokenizerBase, lines: Iterable[str]) -> float:
    """Return the share of a text's tokens that are unknown or special, between 0 and 1: what no model can be scored on.

    Known tokens without a letter or a digit are left out: a mere space before a word, which a tokenizer of pieces
    gives for words that it knows nothing of, and full stops. A line without any token, or of spaces, counts as one.

    At most 1,000 lines are looked at, evenly spread. A tokenizer of bytes, or that falls back to them, knows all.
    """
    lines = [line for line in lines if line.strip()]
    lines = [lines[i * len(lines) // min(len(lines), _LINES)] for i in range(min(len(lines), _LINES))]
    if not lines:
        return 0.0
    rows = tokenizer(lines, add_special_tokens=False)["input_ids"]
    lost = {tokenizer.unk_token_id, *tokenizer.all_special_ids}
    pieces = {
        token: tokenizer.convert_ids_to_tokens(token) for token in {token for row in rows for token in row} - lost
    }
    spaces = {token for token, piece in pieces.items() if not str(piece).strip(_SPACES)}
    words = {token for token, piece in pieces.items() if any(map(str.isalnum, str(piece)))}
    nothing = sum(all(token in spaces for token in row) for row in rows)
    unread = sum(token in lost for row in rows for token in row) + nothing
    read = sum(token in words for row in rows for token in row)
    return unread / max(unread + read, 1)


def require_known(
    source: str | Path, tokenizer: PreTrainedTokenizerBase, text: Mapping[str, Sequence[str]]
) -> tuple[dict[str, float], tuple[str, ...]]:
    """Return language -> share of its text's tokens that are unknown, and a note on those of which much is.

    Raises `NeutralError` naming the languages of which (almost) no token is known.
    """
    shares = {code: unknown(tokenizer, lines) for code, lines in text.items()}
    if lost := {code: share for code, share in shares.items() if share >= REFUSED}:
        raise NeutralError(
            f"{source}: its tokenizer does not know the text of {_said(lost)}; leave out these languages, or take a "
            "model that was made for them"
        )
    poor = {code: share for code, share in shares.items() if share > WARNED}
    rounded = {code: round(share, 4) for code, share in shares.items()}
    return rounded, (f"much of the text is unknown to the tokenizer: {_said(poor)}",) if poor else ()


def rows_of(tokenizer: PreTrainedTokenizerBase) -> int:
    """Return how many rows a table must have for all of a tokenizer's tokens."""
    return max(max(tokenizer.get_vocab().values(), default=-1) + 1, len(tokenizer))


def _require_readable(source: str | Path, path: Path) -> None:
    """Raise `NeutralError` if it is for a file that is no JSON, or for the configuration, that a tokenizer fails."""
    if (path / "tokenizer.json").is_file():
        folders.json_object(path / "tokenizer.json")
    if (path / "config.json").is_file():
        configuration(source)


def _is_empty(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether a tokenizer has no tokens but special and added ones."""
    added = {*tokenizer.get_added_vocab(), *tokenizer.all_special_tokens, _SPACE}
    return len(tokenizer) < 2000 and not set(tokenizer.get_vocab()) - added


def _without(source: str | Path) -> str:
    return (
        f"{source}: has no tokenizer (no tokenizer.json, vocab.txt, …), so no text can be read; copy the files of the "
        "model's tokenizer into its folder"
    )


def _said(shares: Mapping[str, float]) -> str:
    """Return "sw (98 %), ar (100 %)"."""
    return ", ".join(f"{code} ({share:.0%} of its tokens unknown)" for code, share in shares.items())
