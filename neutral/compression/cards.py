"""Model cards: of a model whose vocabulary was trimmed, and of one that is exported with a compressed table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from neutral.languages import language

if TYPE_CHECKING:
    from neutral.compression.exports import Written
    from neutral.compression.trimmed import Facts, Kept

_CLASSES = {
    "ForCausalLM": "AutoModelForCausalLM",
    "LMHeadModel": "AutoModelForCausalLM",
    "GenerationDecoder": "AutoModelForCausalLM",
    "ForMaskedLM": "AutoModelForMaskedLM",
    "ForPreTraining": "AutoModelForMaskedLM",
    "ForConditionalGeneration": "AutoModelForSeq2SeqLM",
    "MTModel": "AutoModelForSeq2SeqLM",
    "ForSequenceClassification": "AutoModelForSequenceClassification",
    "ForTokenClassification": "AutoModelForTokenClassification",
    "ForQuestionAnswering": "AutoModelForQuestionAnswering",
}
_STORED = {
    "plain": "The table was compressed and rebuilt: a model as any other, and as large.",
    "neutral": "The table is stored as it was compressed, on disk and in memory; transformers reads it once `neutral` "
    "is imported, and says so where it is not. The table itself does not train; all else does.",
    "compressed-tensors": "The table is stored as packed integers in the format of the package compressed-tensors, "
    "which transformers reads with it; in memory transformers rebuilds the numbers. Input and output layer hold their "
    "own copies.",
}
_TABLES = {"tokens": "token table", "per-layer": "table of embeddings for all layers"}
_NEEDS = {"neutral": "import neutral  # which tells transformers of the table\n"}


def card_of_trimmed(facts: Facts) -> str:
    """Return the card of a trimmed model: what was cut, what is lost by language, how to load it."""
    (full, left), (parameters, rest), (before, after) = facts.rows, facts.parameters, facts.bytes
    name = Path(facts.model).name
    return _card(
        f"{name} for {', '.join(kept.language for kept in facts.languages)}",
        f"{name} with {left:,} of its {full:,} tokens: {rest / 1e6:.1f} M parameters instead of "
        f"{parameters / 1e6:.1f} M, {after / 1e6:,.1f} MB instead of {before / 1e6:,.1f} MB. No weight was "
        "changed; rows of the token table that text in these languages does not use are gone (`neutral trim`). "
        "Text of which all tokens stay gives the same tokens and the same logits as before.",
        _lost(facts.languages),
        _loading(facts.architecture),
    )


def card_of_export(written: Written) -> str:
    """Return the card of an export: what was done, its sizes, its perplexities by language, how to load it."""
    origin = written.origin
    name = origin.model or "A model"
    tables = [f"{_TABLES[part.name]} of {'{:,} × {:,}'.format(*part.shape)} numbers" for part in written.tables]
    both = "input and output layer" if written.where == "both" else "the input layer"
    used = [both if part.name == "tokens" else "every layer" for part in written.tables]
    parts = [
        f"{name}, its {' and its '.join(tables)} compressed by {origin.title or written.method} "
        f"(`neutral compress`) and used in {' and in '.join(used)}. All other weights are the model's own. "
        f"{_STORED[written.form]}",
        _sizes(written),
    ]
    trimmed = origin.trimming
    if trimmed:
        before, after = trimmed["rows"]
        parts.append(f"Before, the vocabulary was trimmed from {before:,} to {after:,} tokens (`neutral trim`).")
        parts.append(_lost(trimmed["languages"]))
    cut = trimmed.get("perplexity", {}) if trimmed else {}
    parts += [_perplexity(origin.perplexity, origin.text, cut), _loading(written.architecture, written.form)]
    return _card(f"{name} with a smaller token table", *filter(None, parts))


def _card(title: str, *parts: str) -> str:
    return "\n\n".join([f"# {title}", *parts]) + "\n"


def _lost(languages: Iterable[Kept | Mapping[str, object]]) -> str:
    """Say what a trimming lost by language."""
    facts = [each if isinstance(each, Mapping) else vars(each) for each in languages]
    shown = {"tokens": ",", "kept": ".2%", "longer": ".3f", "unknown": ".2%"}
    rows = [[_name(each["language"]), *(format(each[key], how) for key, how in shown.items())] for each in facts]
    return (
        "## What is lost\n\nOn text that the trimming did not see: tokens of the full model that stay, how many tokens "
        "the same text takes now, and how many of these are unknown. `trimming.json` has the old number of each "
        "token.\n\n" + _table(["language", "tokens", "stay", "tokens after ÷ before", "unknown"], rows)
    )


def _sizes(written: Written) -> str:
    rows = [["all weights", f"{written.full:,}", f"{written.weights:,}"]]
    rows += [[_TABLES[part.name], f"{part.matrix:,}", f"{part.table:,}"] for part in written.tables]
    head = ["", "full model", "this one"]
    if written.origin.trimming:  # the table and what is left of it are then no longer the full model's
        head[1] = "trimmed model"
        before, _ = written.origin.trimming.get("bytes", (0, 0))
        rows[:0] = [["all weights before trimming", f"{before:,}", ""]] if before else []
    many = len(written.tables) > 1
    said = [
        f"The compressed {_TABLES[part.name] if many else 'table'} is {part.claimed:,} bytes: "
        f"{_times(part.shape[0] * part.shape[1], part.claimed)} times fewer than float32."
        for part in written.tables
    ]
    if many:
        numbers = sum(part.shape[0] * part.shape[1] for part in written.tables)
        said.append(f"Together they are {written.claimed:,}: {_times(numbers, written.claimed)} times fewer.")
    held = [f"{'Their' if many else 'Its'} own numbers are rebuilt here."] if written.form == "plain" else []
    return "## Bytes\n\n" + _table(head, rows) + "\n\n" + " ".join([*said, *held])


def _times(numbers: int, size: int) -> str:
    """Return how many times fewer bytes there are than those of so many numbers in float32."""
    return f"{4 * numbers / size:.2f}"


def _perplexity(ratios: Mapping[str, float], text: str, cut: Mapping[str, float]) -> str:
    """Say what compression costs each language, and what of it the trimming alone (`cut`); "" if not measured."""
    if not ratios:
        return ""
    rows = [
        [_name(code), *([f"{cut[code]:.3f}"] if cut else []), f"{ratio:.3f}"]
        for code, ratio in sorted(ratios.items(), key=lambda each: each[1])
    ]
    head = ["language", *(["trimmed ÷ full"] if cut else []), "perplexity ÷ full"]
    of = f" ({text})" if text else ""
    own = "full model's, token by token of that" if cut else "model's with its full table"
    return f"## Perplexity\n\nOn held-out text{of}, as a multiple of the {own}.\n\n" + _table(head, rows)


def _loading(architecture: str, form: str = "plain") -> str:
    found = (name for end, name in _CLASSES.items() if architecture.endswith(end))
    auto = next(found, "AutoModel")
    install = "\n\nIt needs `pip install compressed-tensors`." if form == "compressed-tensors" else ""
    return (
        f"## How to load{install}\n\n```python\n{_NEEDS.get(form, '')}"
        f"from transformers import {auto}, AutoTokenizer\n\n"
        f'tokenizer, model = AutoTokenizer.from_pretrained("DIR"), {auto}.from_pretrained("DIR")\n```'
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _name(code: str) -> str:
    return f"{code} {language(code).name}"
