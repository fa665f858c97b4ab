"""A model trimmed to a set of languages, as a folder that transformers reads: `neutral trim`.

The folder holds the model with the rows that the languages' text needs, a tokenizer of these tokens, a model card and
`trimming.json`: what was cut, and what it costs each language. Text of which all tokens stay gives the same tokens and
the same logits as before, which is tried on lines of every language with what was written, read back.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from neutral import encoding, models
from neutral.compression import trimming
from neutral.compression.cards import card_of_trimmed
from neutral.corpora import Corpus
from neutral.errors import FileError, NeutralError
from neutral.files import storing
from neutral.lock import only_writer
from neutral.models import adapters, kinds

FILE = "trimming.json"

_TRIED = 3  # lines a language whose logits are compared
_LONGEST = 64  # tokens of such a line
_TOLERANCE = 1e-4  # of the largest: rounding of float32 is a hundred times less
_HEADS = {
    "ForMaskedLM": "mlm",
    "ForPreTraining": "mlm",
    "LMHeadModel": "clm",
    "ForCausalLM": "clm",
    "GenerationDecoder": "clm",
    "ForSequenceClassification": "classification",
    "ForTokenClassification": "tagging",
    "ForQuestionAnswering": "answering",
}


@dataclass(frozen=True)
class Kept:
    """What a language keeps, on text that the trimming has not seen.

    Attributes
    ----------
    language : str
    tokens : int
        Of its held-out text, by the full tokenizer.
    kept : float
        Share of these that stay in the table.
    longer : float
        Tokens by the trimmed tokenizer ÷ tokens by the full one.
    unknown : float
        Share of the trimmed tokenizer's tokens that are the unknown one.
    """

    language: str
    tokens: int
    kept: float
    longer: float
    unknown: float


@dataclass(frozen=True)
class Facts:
    """What came of a trimming.

    Attributes
    ----------
    model, architecture : str
    rows, parameters, bytes : (int, int)
        Rows of the token table, parameters, and bytes of the weights as they are stored, before and after.
    languages : tuple of Kept
    difference : float
        The largest difference between logits before and after, on lines that read the same, ÷ the largest logit.
    notes : tuple of str
    """

    model: str
    architecture: str
    rows: tuple[int, int]
    parameters: tuple[int, int]
    bytes: tuple[int, int]
    languages: tuple[Kept, ...]
    difference: float
    notes: tuple[str, ...] = ()


Look = Callable[[PreTrainedModel, PreTrainedTokenizerBase], object]


def write(
    source: str | Path,
    corpus: Corpus,
    out: str | Path,
    size: int | None = None,
    *,
    look: Look | None = None,
    **options: object,
) -> Facts:
    """Trim a model to a corpus' languages and write it as a folder.

    Parameters
    ----------
    source : str or Path
        Hub id or folder.
    corpus : Corpus
        Text by language; the tokens of its training part stay, and its held-out part tells what is lost.
    out : str or Path
        A folder that is not there, or is empty.
    size : int, optional
        Keep at most so many tokens; by default all that the text uses.
    look : callable, optional
        Called with the full model and its tokenizer before anything is cut.
    **options
        Go to the loaders of model and tokenizer.

    Raises
    ------
    NeutralError
        For a model or tokenizer that cannot be trimmed, and for what `trimming.trim` and `models.load` refuse.
    FileError
        If `out` holds something.
    """
    out = Path(out)
    require_empty(out)
    tokenizer = models.load_tokenizer(source, **options)
    _, poor = models.require_known(source, tokenizer, corpus.train)
    encoding.require_backend(tokenizer, f"{source}: trimming a vocabulary")
    head, labels = head_of(source, **options)
    loaded = models.load(source, head, tokenizer=tokenizer, labels=labels, **options)
    model = loaded.model.eval()
    _require_whole(source, model, head, **options)
    dtype = kinds.text_config(models.configuration(source, **options)).dtype or torch.float32
    before, lines = _size(model, dtype), lines_of(tokenizer, corpus.train)
    spoken = adapters.prepare(model, corpus.languages)
    logits = logits_of(model, lines)
    if look:
        look(model, tokenizer)
    trimmed = trimming.trim(model, tokenizer, corpus.train, size)
    after = _size(model, dtype)
    stored = {name: tensor for name, tensor in model.to(dtype).state_dict().items() if name not in loaded.new}
    with storing(out), only_writer(out), _draft(out) as draft:
        model.save_pretrained(draft, state_dict=stored)  # a pooler that the model lacked, it goes on to lack
        trimmed.tokenizer.save_pretrained(draft)
        facts = Facts(
            model=str(source),
            architecture=type(model).__name__,
            rows=(trimmed.before, trimmed.after),
            parameters=(before[0], after[0]),
            bytes=(before[1], after[1]),
            languages=tuple(kept(tokenizer, trimmed, corpus.held_out)),
            difference=_read_back(source, draft, head, labels, trimmed.keep, lines, logits),
            notes=(*corpus.notes, *loaded.notes, *poor, *spoken),
        )
        told = asdict(facts) | {"keep": trimmed.keep}
        (draft / FILE).write_text(json.dumps(told, ensure_ascii=False, indent=1), encoding="utf-8")
        (draft / "README.md").write_text(card_of_trimmed(facts), encoding="utf-8")
    return facts


def kept(full: PreTrainedTokenizerBase, trimmed: trimming.Trimmed, lines: Mapping[str, Sequence[str]]) -> list[Kept]:
    """Return what each language keeps of lines of its text."""
    stays, unknown, rows = set(trimmed.keep), trimmed.tokenizer.unk_token_id, []
    for language, text in lines.items():
        old = [token for line in encoding.ids(full, text) for token in line]
        new = [token for line in encoding.ids(trimmed.tokenizer, text) for token in line]
        share = sum(token in stays for token in old) / max(len(old), 1)
        lost = sum(token == unknown for token in new) / max(len(new), 1)
        rows.append(Kept(language, len(old), share, len(new) / max(len(old), 1), lost))
    return rows


def require_empty(out: Path) -> None:
    """Raise `FileError` for a place where a trimmed model cannot go."""
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise FileError(out, "is there already, and a trimmed model goes into an empty folder; choose another --out")


def head_of(source: str | Path, **options: object) -> tuple[str, tuple[str, ...]]:
    """Return the head that a model is stored with, and its labels if it has some."""
    config = models.configuration(source, **options)
    name = next(iter(config.architectures or ()), "")
    head = next((head for ending, head in _HEADS.items() if name.endswith(ending)), "")
    if head in ("mlm", "clm") or name.endswith(("ForConditionalGeneration", "MTModel")):
        return models.natural_task(source, **options), ()
    labels = config.id2label if head in ("classification", "tagging") else None
    return head or "base", tuple(str(labels[i]) for i in sorted(labels)) if labels else ()


def _require_whole(source: str | Path, model: PreTrainedModel, head: str, **options: object) -> None:
    """Raise `NeutralError` for a model with a head of a kind that is not known here: it would be left out."""
    stored = next(iter(models.configuration(source, **options).architectures or ()), "")
    if head == "base" and stored and stored != type(model).__name__:
        raise NeutralError(f"{source}: is a {stored}, whose head would be left out, so it cannot be trimmed")


def _size(model: PreTrainedModel, dtype: torch.dtype) -> tuple[int, int]:
    """Return parameters, and bytes of them in a type."""
    count = sum(parameter.numel() for parameter in model.parameters())
    return count, count * dtype.itemsize


def lines_of(tokenizer: PreTrainedTokenizerBase, text: Mapping[str, Sequence[str]]) -> list[tuple[str, str, list[int]]]:
    """Return lines to compare logits on: language, line, its tokens with the special ones."""
    chosen = [(language, line) for language, lines in text.items() for line in lines[:_TRIED]]
    return [(language, line, tokenizer(line)["input_ids"][:_LONGEST]) for language, line in chosen]


def logits_of(model: PreTrainedModel, lines: Sequence[tuple[str, str, list[int]]]) -> list[torch.Tensor]:
    """Return what a model gives first for each line: logits or states (tokens, …), float32."""
    return [_run(model, language, tokens) for language, _, tokens in lines]


def _run(model: PreTrainedModel, language: str, tokens: list[int]) -> torch.Tensor:
    """Return what a model gives first for a text: logits or states (tokens, …)."""
    adapters.speak(model, language)
    ids = torch.tensor([tokens])
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if model.config.is_encoder_decoder:
        batch["decoder_input_ids"] = ids
    with torch.inference_mode():
        return model(**batch)[0][0].float()


def _read_back(
    source: str | Path,
    draft: Path,
    head: str,
    labels: tuple[str, ...],
    keep: list[int],
    lines: Sequence[tuple[str, str, list[int]]],
    before: Sequence[torch.Tensor],
) -> float:
    """Read what was written, and return the largest difference of logits on lines that read the same.

    Raises `NeutralError` if it cannot be read, or gives other logits.
    """
    try:
        tokenizer = models.load_tokenizer(draft)
        model = models.load(draft, head, tokenizer=tokenizer, labels=labels).model.eval()
    except NeutralError as error:
        reason = str(error).removeprefix(f"{draft}: ")
        raise NeutralError(f"{source}: cannot be trimmed, as it would not be read again: {reason}") from error
    most = 0.0
    for (language, line, old), was in zip(lines, before, strict=True):
        new = tokenizer(line)["input_ids"][:_LONGEST]
        if [keep[token] for token in new] != old:  # with a size, not every line reads as before
            continue
        has = _run(model, language, new)
        was = was[..., keep] if was.shape != has.shape else was
        most = max(most, ((has - was).abs().max() / was.abs().max().clamp_min(1e-12)).item())
    if most > _TOLERANCE:
        raise NeutralError(f"{source}: cannot be trimmed, as its logits would change by {most:.2g} of the largest")
    return most


@contextmanager
def _draft(out: Path) -> Iterator[Path]:
    """A folder in `out` whose files come into it when they are whole; what makes a folder a model comes last."""
    draft = out / ".draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    try:
        yield draft
        for path in sorted(draft.iterdir(), key=lambda path: path.name == "config.json"):
            os.replace(path, out / path.name)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
