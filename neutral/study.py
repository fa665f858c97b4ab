"""A study: a folder of results that a person can read and a stopped run goes on from.

study.json      the settings: title, model, task, languages, methods, seeds, text, versions
results.jsonl   one finished result a line; appended and flushed, never rewritten
counts/         overlap counts, one file per (task, method, sparsity, seed, kind)
masks/          packed masks (may be left out of a shared study)
README.md       the results, in words (optional)

Every field is listed in docs/file-formats.md.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from neutral import maskfiles
from neutral.errors import FileError, NeutralError
from neutral.files import write_whole
from neutral.masks import Mask
from neutral.overlap import Counts, count

KINDS = ("languages", "seeds", "halves", "pretrained", "beyond", "shuffled")
"""What the members of a counts file are.

languages: one mask a language; seeds: `en/0`, `en/1`, … the same language under several seeds; halves: `en/a`, `en/b`,
masks from disjoint halves of the text; pretrained: the languages and the mask of the untouched weights;
beyond: what each language's mask changes against that mask (their exclusive or); shuffled: each mask shuffled within
its tensors.
"""

FULL = "full"
"""Name of the model without a mask, in the results' columns of methods and of sources of masks."""

PRETRAINED = "pretrained"
"""Name of the mask of the untouched pretrained weights, in counts and results."""

_KIND = b'{"kind": "'  # how `append` begins a line
_COUNTS = re.compile(
    r"^(?P<task>[^_]+)_(?P<method>[^_]+)_(?P<sparsity>\d\.\d+)_s(?P<seed>\d+)_(?P<kind>[a-z]+)\.safetensors$"
)
_MASKS = re.compile(
    r"^(?P<task>[^_]+)_(?P<method>[^_]+)_(?P<sparsity>\d\.\d+)_s(?P<seed>\d+)_(?P<language>.+?)"
    r"(?:_(?P<variant>[ab]))?\.safetensors$"  # the rest is the label's own: srp_Cyrl, ko_KR
)
_OLD_SCOPE = re.compile(r"^(?P<scope>\w+) \((?P<only>\w+) only\)$")
_SAME = 1e-6  # sparsities that differ by less are one
_COUNTS_COLUMNS = ["task", "method", "sparsity", "seed", "kind", "path"]
_MASKS_COLUMNS = ["task", "method", "sparsity", "seed", "language", "variant", "path"]


class Study:
    """A study's folder. Raises `FileError` when `path` holds none.

    >>> study = Study.create("runs/mine", {"title": "Mine", "languages": ["en", "sw"]})
    >>> study.append("score", language="en", sparsity=0.5, value=12.5)
    >>> Study("runs/mine").table("score")
      language  sparsity  value
    0       en       0.5   12.5
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        file = self.path / "study.json"
        if not file.is_file():
            raise FileError(self.path, "is not a study (a folder with study.json)")
        try:
            self.info: dict = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise FileError(file, f"cannot be read: {error}") from error
        if not isinstance(self.info, dict):
            raise FileError(file, "holds no JSON object")

    @classmethod
    def create(cls, path: str | Path, info: dict, *, fixed: tuple[str, ...] = ()) -> Study:
        """Open the study in `path`, or make it if there is none; lists in `info` are merged into the old ones.

        Raises `NeutralError` when a key in `fixed` differs from what the study was made with.
        """
        path = Path(path)
        (path / "counts").mkdir(parents=True, exist_ok=True)
        (path / "masks").mkdir(exist_ok=True)
        file = path / "study.json"
        if file.exists():
            old = cls(path).info
            for key in fixed:
                if key in old and old[key] != json.loads(json.dumps(info.get(key))):
                    raise NeutralError(
                        f"{path}: was made with {key} = {old[key]}, not {info.get(key)}; choose another --study folder"
                    )
            info = merged(old, info)
        write_whole(file, json.dumps(info, indent=2, ensure_ascii=False).encode() + b"\n")
        return cls(path)

    @property
    def readme(self) -> str | None:
        """The text of README.md, if there is one."""
        file = self.path / "README.md"
        return file.read_text(encoding="utf-8") if file.is_file() else None

    def of_task(self, task: str) -> dict:
        """Return a task's text and settings by study.json; empty for a task that the study lacks."""
        return self.info if self.info.get("task") == task else self.info.get("tasks", {}).get(task, {})

    def settings(self, task: str, name: str) -> dict:
        """Return the settings of a task's results of one kind (a method's, say); empty if study.json has none.

        `only`, the stack that was pruned, is a setting of its own; older studies have it within `scope`.
        """
        return current_settings(self.of_task(task).get("settings", {}).get(name, {}))

    def append(self, kind: str, **row: object) -> None:
        """Append one finished result and make sure it is on disk; a torn line before it is closed off first."""
        self.extend(kind, [row])

    def extend(self, kind: str, rows: Iterable[dict]) -> None:
        """Append finished results that belong together, in one go."""
        file = self.path / "results.jsonl"
        lines = [json.dumps({"kind": kind, **row}, ensure_ascii=False, allow_nan=True).encode() for row in rows]
        if not lines:
            return
        with open(file, "ab") as out:
            if out.tell() and not _ends_whole(file):
                _drop_torn_line(file)
            out.write(b"\n".join([*lines, b""]))
            out.flush()
            os.fsync(out.fileno())

    def rows(self, kind: str | None = None) -> Iterator[dict]:
        """Yield the finished results, of one kind or all; a torn last line is ignored.

        Raises `FileError` for a broken line that is not the last.
        """
        file = self.path / "results.jsonl"
        if not file.is_file():
            return
        lines = file.read_bytes().split(b"\n")
        start = None if kind is None else json.dumps({"kind": kind})[:-1].encode()
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            if start and number < len(lines) and line.startswith(_KIND) and not line.startswith(start):
                continue  # a whole line of another kind: parsing it would take most of the time
            try:
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise ValueError("no JSON object")
            except ValueError as error:
                if number == len(lines):
                    return
                raise FileError(file, f"line {number} is broken: {error}") from error
            if kind is None or row.get("kind") == kind:
                yield row

    def table(self, kind: str) -> pd.DataFrame:
        """Return the results of one kind as a tidy frame, a column a field; empty when there are none."""
        return pd.DataFrame(list(self.rows(kind))).drop(columns="kind", errors="ignore")

    def has(self, kind: str, **fields: object) -> bool:
        """Whether a finished result of this kind has all these fields."""
        return any(all(row.get(k) == v for k, v in fields.items()) for row in self.rows(kind))

    def counts_path(self, task: str, method: str, sparsity: float, seed: int, kind: str) -> Path:
        """Return the path of the counts of one set of masks, which may not exist."""
        return self.path / "counts" / f"{task}_{method}_{sparsity:.2f}_s{seed}_{kind}.safetensors"

    def counts(self, task: str, method: str, sparsity: float, seed: int = 0, kind: str = "languages") -> Counts:
        """Load counts. Raises `FileError` when the study lacks them."""
        path = self.counts_path(task, method, sparsity, seed, kind)
        if not path.is_file():
            raise FileError(path, f"the study has no {kind} counts of {method} at {sparsity:.0%}")
        return Counts.load(path)

    def recounted(
        self, task: str, method: str, sparsity: float, seed: int = 0, members: Sequence[str] = ()
    ) -> Counts | None:
        """Count the masks of some languages anew; None if the study does not keep all of them."""
        files = self.masks_of(task, method, sparsity, seed)
        if not all(member in files for member in members):
            return None
        return count([maskfiles.read(files[member]) for member in members], members)

    def counts_index(self) -> pd.DataFrame:
        """Return the study's counts: task, method, sparsity, seed, kind, path."""
        return _index(self.path / "counts", _COUNTS, _COUNTS_COLUMNS)

    def mask_path(self, task: str, method: str, sparsity: float, seed: int, language: str, variant: str = "") -> Path:
        """Return the path of one mask, which may not exist."""
        tail = f"_{variant}" if variant else ""
        return self.path / "masks" / f"{task}_{method}_{sparsity:.2f}_s{seed}_{language}{tail}.safetensors"

    def mask(self, task: str, method: str, sparsity: float, seed: int, language: str, variant: str = "") -> Mask:
        """Load a mask. Raises `FileError` when the study lacks it."""
        return maskfiles.read(self.mask_path(task, method, sparsity, seed, language, variant))

    def masks_index(self) -> pd.DataFrame:
        """Return the study's masks: task, method, sparsity, seed, language, variant, path."""
        return _index(self.path / "masks", _MASKS, _MASKS_COLUMNS)

    def masks_of(self, task: str, method: str, sparsity: float, seed: int = 0) -> dict[str, Path]:
        """Return language -> file of the masks (variant "") behind the counts between languages, by language."""
        index = self.masks_index()
        rows = index[
            (index["task"] == task)
            & (index["method"] == method)
            & at_sparsity(index["sparsity"], sparsity)
            & (index["seed"] == seed)
            & (index["variant"] == "")
        ]
        return dict(zip(rows["language"], rows["path"], strict=True))


def at_sparsity(column: pd.Series, sparsity: float) -> pd.Series:
    """Return a boolean column: which sparsities are this one, but for the rounding of computed decimals."""
    return (column.astype(float) - sparsity).abs() < _SAME


def same_sparsity(one: float, other: float) -> bool:
    """Whether two sparsities are one, but for rounding: `at_sparsity` for single values."""
    return abs(one - other) < _SAME


def find_studies(folder: str | Path) -> list[Path]:
    """Return the studies directly in `folder`, by name."""
    return sorted(file.parent for file in Path(folder).glob("*/study.json"))


def current_settings(settings: dict) -> dict:
    """Return settings in the form in which they are written now.

    >>> current_settings({"scope": "global (encoder only)"})
    {'scope': 'global', 'only': 'encoder'}
    """
    match = _OLD_SCOPE.match(str(settings.get("scope", "")))
    return {**settings, **match.groupdict()} if match else settings


def merged(old: dict, new: dict) -> dict:
    """Return `old` with `new` on top; lists are united, dicts merged alike."""
    info = dict(old)
    for key, value in new.items():
        before = old.get(key)
        if isinstance(before, list) and isinstance(value, list):
            info[key] = before + [item for item in value if item not in before]
        elif isinstance(before, dict) and isinstance(value, dict):
            info[key] = merged(before, value)
        else:
            info[key] = value
    return info


def _index(folder: Path, pattern: re.Pattern[str], columns: list[str]) -> pd.DataFrame:
    rows = []
    for path in sorted(folder.glob("*.safetensors")):
        match = pattern.match(path.name)
        if match:
            fields = {key: value or "" for key, value in match.groupdict().items()}
            rows.append(fields | {"sparsity": float(match["sparsity"]), "seed": int(match["seed"]), "path": path})
    return pd.DataFrame(rows, columns=columns)


def _ends_whole(file: Path) -> bool:
    with open(file, "rb") as source:
        source.seek(-1, os.SEEK_END)
        return source.read(1) == b"\n"


def _drop_torn_line(file: Path) -> None:
    """Cut off what a killed run left after the last line end."""
    with open(file, "r+b") as out:
        data = out.read()
        out.truncate(data.rfind(b"\n") + 1)
