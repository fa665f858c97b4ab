"""A model with a compressed table as a folder that others load, in one of three forms (`FORMS`).

plain               the rebuilt matrix: a model folder as any other, and as large
neutral             the table's own tensors, compressed on disk and in memory; `import neutral` before loading
compressed-tensors  int8 and int4 in the format of that package, for transformers and vLLM without `neutral`
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch
from safetensors import safe_open
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from neutral.compression import FORMS
from neutral.compression.blocks import TOKENS, places
from neutral.compression.cards import card_of_export
from neutral.compression.exports import own, packed, plain
from neutral.compression.inventory import TOLD
from neutral.compression.placement import embedding, fitting, looked_up
from neutral.compression.table import Table
from neutral.errors import FileError, NeutralError
from neutral.files import folder_made_whole, storing

FILE = "export.json"
"""What was written; a folder that holds it is an export, which another may replace."""

_WRITERS: dict[str, Callable[..., dict[str, set[str]]]] = {
    "plain": plain.write,
    "neutral": own.write,
    "compressed-tensors": packed.write,
}


@dataclass(frozen=True)
class Origin:
    """Where an exported table comes from, for its model card.

    Attributes
    ----------
    model : str
        Name of the full model.
    title : str
        What the table is called in its study, such as "mixed, frequency".
    perplexity : language -> float
        Of held-out text, as a multiple of the full model's.
    text : str
        What that text is.
    trimming : dict or None
        What `trimming.json` says of a model whose vocabulary was trimmed before.
    """

    model: str = ""
    title: str = ""
    perplexity: Mapping[str, float] = field(default_factory=dict)
    text: str = ""
    trimming: Mapping[str, object] | None = None


@dataclass(frozen=True)
class Part:
    """A table of an export, and its sizes in bytes.

    Attributes
    ----------
    name : str
        Of `compression.TABLES`: tokens or per-layer.
    shape : (int, int)
        V × d.
    table : int
        On disk, once or twice (`compressed-tensors` holds what input and output share for both apart).
    claimed : int
        As a study counts it (`Table.bytes`).
    matrix : int
        The full matrix in the type of the model.
    """

    name: str
    shape: tuple[int, int]
    table: int
    claimed: int
    matrix: int


@dataclass(frozen=True)
class Written:
    """An export, and its sizes in bytes.

    Attributes
    ----------
    folder, form, method, architecture, where : str
    weights, full : int
        All weights on disk; those of the full model in the same type.
    tables : tuple of Part
        The tables that were compressed.
    origin : Origin
    """

    folder: str
    form: str
    method: str
    architecture: str
    where: str
    weights: int
    full: int
    tables: tuple[Part, ...]
    origin: Origin

    @property
    def table(self) -> int:
        """The bytes of all tables on disk."""
        return sum(part.table for part in self.tables)

    @property
    def claimed(self) -> int:
        """The bytes of all tables as a study counts them."""
        return sum(part.claimed for part in self.tables)

    @property
    def matrix(self) -> int:
        """The bytes of all full matrices in the type of the model."""
        return sum(part.matrix for part in self.tables)

    @property
    def line(self) -> str:
        """Say how large it is, in one line."""
        said = [f"{self.form}, {_mega(self.weights)} MB of weights instead of {_mega(self.full)} MB"]
        said += [f"{TOLD[part.name]} {_mega(part.table)} MB instead of {_mega(part.matrix)} MB" for part in self.tables]
        return f"{self.folder}: {'; '.join(said)}"


def require(
    model: PreTrainedModel,
    method: str,
    form: str,
    where: str | None = None,
    tables: Collection[str] = (TOKENS,),
) -> None:
    """Raise `NeutralError` where a form cannot hold tables of a method in the place of a model's (`blocks.places`)."""
    if form not in FORMS:
        raise NeutralError(f"--as {form}: unknown; there are {', '.join(FORMS)}")
    if form == "compressed-tensors":
        packed.require(model, method, tables)
    if form == "plain" and TOKENS in tables:
        plain.require(model, where)


def write(
    model: PreTrainedModel,
    table: Table,
    tokenizer: PreTrainedTokenizerBase,
    folder: str | Path,
    form: str = "plain",
    where: str | None = None,
    *,
    dtype: torch.dtype | None = None,
    origin: Origin | None = None,
) -> Written:
    """Write a model with a table in the place of its token embedding as a folder, whole or not at all.

    Parameters
    ----------
    model : PreTrainedModel
        It stays as it is.
    table : Table
        Of the embedding's V × d.
    tokenizer : PreTrainedTokenizerBase
    folder : str or Path
        A folder that is not there, is empty, or is an export, which is replaced.
    form : str
        One of `FORMS`.
    where : "input", "both" or None
        As in `placement.put_in`. With "input" a tied output layer keeps the model's own matrix, and the configuration
        says that the two are not tied. (T5's configuration cannot say so; its loader sees it from the weights.)
    dtype : torch.dtype, optional
        The type of all weights but the table's; the model's own by default.
    origin : Origin, optional
        For the model card.

    Returns
    -------
    Written
        The folder's sizes.

    Raises
    ------
    NeutralError
        As `put_in` does, and for what a form cannot hold (`require`).
    FileError
        If `folder` holds something else.
    """
    where, parts = fitting(model, table, where), places(table)
    require(model, table.made_by, form, where, parts)
    dtype = dtype or embedding(model).weight.dtype
    with _replacing(Path(folder)) as draft:
        ends = _WRITERS[form](model, table, draft, where, dtype)
        tokenizer.save_pretrained(draft)
        _say_type(draft, dtype)
        sizes = _sizes(draft)
        written = Written(
            folder=str(folder),
            form=form,
            method=table.made_by,
            architecture=type(model).__name__,
            where=where,
            weights=sum(sizes.values()),
            full=sum(parameter.numel() for parameter in model.parameters()) * dtype.itemsize,
            tables=tuple(
                Part(
                    name=name,
                    shape=tuple(layer.weight.shape),
                    table=sum(size for each, size in sizes.items() if f".{each}".endswith(tuple(ends[name]))),
                    claimed=parts[name].bytes,
                    matrix=layer.weight.numel() * dtype.itemsize,
                )
                for name, layer in looked_up(model, parts).items()
            ),
            origin=origin or Origin(model=Path(model.config.name_or_path or "").name),
        )
        if written.origin.trimming:
            _write(draft / "trimming.json", written.origin.trimming)
        own = replace(written.origin, trimming=None)
        sizes = {name: getattr(written, name) for name in ("table", "claimed", "matrix")}
        _write(draft / FILE, asdict(replace(written, folder=Path(folder).name, origin=own)) | sizes)
        (draft / "README.md").write_text(card_of_export(written), encoding="utf-8")
    return written


def require_replaceable(folder: Path) -> None:
    """Raise `FileError` for a folder that holds something that is no export."""
    with storing(folder):
        if folder.exists() and not (folder / FILE).is_file() and (not folder.is_dir() or any(folder.iterdir())):
            raise FileError(folder, "holds something that is no export; choose another folder")


@contextmanager
def _replacing(folder: Path) -> Iterator[Path]:
    """Give an empty folder to be filled, which becomes `folder` at the end; an export that was there goes then."""
    require_replaceable(folder)
    with storing(folder):
        old = folder.with_name(f".{folder.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        new = folder.with_name(f".{folder.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        with folder_made_whole(new) as draft:
            yield draft
        if folder.exists():
            os.rename(folder, old)
        os.rename(new, folder)
        shutil.rmtree(old, ignore_errors=True)


def _mega(size: int) -> str:
    return f"{size / 1e6:,.1f}"


def _write(path: Path, told: Mapping[str, object]) -> None:
    path.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _say_type(folder: Path, dtype: torch.dtype) -> None:
    """Make config.json say the type that was written; transformers writes that of the model in memory."""
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    for each in (config, *(part for part in config.values() if isinstance(part, dict))):
        if each.get("dtype"):
            each["dtype"] = str(dtype).removeprefix("torch.")
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _sizes(folder: Path) -> dict[str, int]:
    """Return name -> bytes of the tensors in a folder's files."""
    sizes = {}
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as tensors:
            sizes |= {name: tensors.get_tensor(name).nbytes for name in tensors.keys()}  # noqa: SIM118 (not a mapping)
    return sizes


__all__ = ["FILE", "FORMS", "Origin", "Part", "Written", "require", "require_replaceable", "write"]
