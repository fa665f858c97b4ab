"""The folder of a study: what is in its files, and where they lie."""

from __future__ import annotations

import codecs
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from neutral import maskfiles
from neutral.errors import FileError, NeutralError, reading
from neutral.files import write_whole
from neutral.lock import only_writer
from neutral.masks import Mask
from neutral.overlap import Counts, count
from neutral.study import checks, index, lines
from neutral.study.index import at_sparsity
from neutral.study.own import require_own

KINDS = ("languages", "seeds", "halves", "pretrained", "beyond", "shuffled")
"""What the members of a counts file are.

languages: one mask a language; seeds: `en/0`, `en/1`, … the same language under several seeds; halves: `en/a`, `en/b`,
masks from disjoint halves of the text; pretrained: the languages and the mask of the untouched weights;
beyond: what each language's mask changes against that mask (their exclusive or); shuffled: each mask shuffled within
its tensors.
"""

RESULTS = "results.jsonl"

README_SHOWN = 200_000
"""Bytes of a README.md that are shown."""

_PATIENCE = 2.0  # seconds that a write waits for another; a run writes for longer, so it is not waited for

_OLD_SCOPE = re.compile(r"^(?P<scope>\w+) \((?P<only>\w+) only\)$")


class Study:
    """A study's folder. Raises `FileError` when `path` holds none, and for an entry or a file's name that is wrong.

    What is in results.jsonl, in counts and in README.md is checked when it is read: `FileError` then names the file,
    the line, what is there and what belongs there.

    One process and thread writes at a time: `create`, `append` and `extend` raise `NeutralError` naming the other while
    that writes. Who writes several results that depend on what is there holds `lock.only_writer` meanwhile.

    >>> study = Study.create("runs/mine", {"title": "Mine", "languages": ["en", "sw"]})
    >>> study.append("score", language="en", sparsity=0.5, value=12.5)
    >>> Study("runs/mine").table("score")
      language  sparsity  value
    0       en       0.5   12.5
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        file = self.path / "study.json"
        if not os.path.lexists(file):
            raise FileError(self.path, "is not a study (a folder with study.json)")
        require_own(self.path, file)
        self.info: dict = checks.read_info(file)
        index.check_names(self.path)

    @classmethod
    def create(cls, path: str | Path, info: dict, *, fixed: tuple[str, ...] = ()) -> Study:
        """Open the study in `path`, or make it if there is none; lists in `info` are merged into the old ones.

        Raises `NeutralError` when a key in `fixed` differs from what the study was made with, and `FileError` for a
        folder that has results, or what belongs to them, and no study.json: how they were made is not known.
        """
        path = Path(path)
        with only_writer(path, patience=_PATIENCE):
            _require_told(path)
            (path / "counts").mkdir(parents=True, exist_ok=True)
            (path / "masks").mkdir(exist_ok=True)
            file = path / "study.json"
            if file.exists():
                cls.require(path, info, fixed=fixed)
                info = merged(cls(path).info, info)
            written = json.dumps(info, indent=2, ensure_ascii=False)
            checks.check_info(file, json.loads(written))  # what could not be opened again is not written
            write_whole(file, written.encode() + b"\n")
            return cls(path)

    @classmethod
    def require(cls, path: str | Path, info: dict, *, fixed: tuple[str, ...]) -> None:
        """Raise `NeutralError` when a key in `fixed` differs from what the study in `path` was made with."""
        old = cls(path).info
        for key in fixed:
            if key in old and old[key] != json.loads(json.dumps(info.get(key))):
                raise NeutralError(
                    f"{path}: was made with {key} = {old[key]}, not {info.get(key)}; choose another --study folder"
                )

    @property
    def readme(self) -> str | None:
        """The text of README.md, if there is one; of a long one the beginning. Raises `FileError` for no text."""
        file = self.path / "README.md"
        require_own(self.path, file)
        if not file.exists():
            return None
        with reading(file, "text in UTF-8"):
            with open(file, "rb") as opened:
                start = opened.read(README_SHOWN + 1)
            is_cut = len(start) > README_SHOWN
            text = codecs.getincrementaldecoder("utf-8-sig")().decode(start[:README_SHOWN], final=not is_cut)
        return f"{text}\n\n… (README.md goes on)" if is_cut else text

    def of_task(self, task: str) -> dict:
        """Return a task's text and settings by study.json; empty for a task that the study lacks."""
        return self.info if self.info.get("task") == task else self.info.get("tasks", {}).get(task, {})

    def settings(self, task: str, name: str) -> dict:
        """Return the settings of a task's results of one kind (a method's, say); empty if study.json has none.

        `only`, the stack that was pruned, is a setting of its own; older studies have it within `scope`.
        """
        return current_settings(self.of_task(task).get("settings", {}).get(name, {}))

    def append(self, kind: str, **row: object) -> None:
        """Append one finished result and make sure it is on disk."""
        self.extend(kind, [row])

    def extend(self, kind: str, rows: Iterable[dict]) -> None:
        """Append finished results that belong together, in one go."""
        if not (self.path / "study.json").is_file():
            raise FileError(self.path, "is no longer a study; it was moved or removed: run the same command again")
        with only_writer(self.path, patience=_PATIENCE):
            lines.append(self.path / RESULTS, kind, rows)

    def rows(self, kind: str | None = None) -> Iterator[dict]:
        """Yield the finished results, of one kind or all; a torn last line is ignored.

        Raises `FileError` for a broken line that is not the last, and for a row that is not what its kind must be.
        """
        require_own(self.path, self.path / RESULTS)
        return lines.read(self.path / RESULTS, kind)

    def table(self, kind: str) -> pd.DataFrame:
        """Return the results of one kind as a tidy frame, a column a field; empty when there are none."""
        return pd.DataFrame(list(self.rows(kind))).drop(columns="kind", errors="ignore")

    def whole_table(self, kind: str) -> pd.DataFrame:
        """Return `table(kind)`; raises `FileError` for a row, too, that lacks a field which those of its kind need."""
        require_own(self.path, self.path / RESULTS)
        rows = lines.read(self.path / RESULTS, kind, whole=True)
        return pd.DataFrame(list(rows)).drop(columns="kind", errors="ignore")

    def has(self, kind: str, **fields: object) -> bool:
        """Whether a finished result of this kind has all these fields."""
        return any(all(row.get(k) == v for k, v in fields.items()) for row in self.rows(kind))

    def counts_path(self, task: str, method: str, sparsity: float, seed: int, kind: str) -> Path:
        """Return the path of the counts of one set of masks, which may not exist."""
        return self.path / "counts" / f"{task}_{method}_{sparsity:.2f}_s{seed}_{kind}.safetensors"

    def counts(self, task: str, method: str, sparsity: float, seed: int = 0, kind: str = "languages") -> Counts:
        """Load counts. Raises `FileError` when the study lacks them, or they are damaged."""
        path = self.counts_path(task, method, sparsity, seed, kind)
        require_own(self.path, path)
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
        for member in members:
            require_own(self.path, files[member])
        return count([maskfiles.read(files[member]) for member in members], members)

    def counts_index(self) -> pd.DataFrame:
        """Return the study's counts: task, method, sparsity, seed, kind, path."""
        return index.counts(self.path)

    def similarity(
        self,
        measure: str = "jaccard",
        by: str = "all",
        group: str = "all",
        *,
        task: str = "",
        method: str = "",
        sparsity: float | None = None,
        seed: int | None = None,
        members: Sequence[str] = (),
        codes: str = "written",
    ) -> pd.DataFrame:
        """Return how much the masks of all languages overlap, as a symmetric square: a row is a language's vector.

        Parameters
        ----------
        measure : str
            One of `summary.MEASURES`.
        by, group : str
            A grouping of the weights and which of its groups to take: `"layer"`, `"decoder 3"`.
        task, method, sparsity, seed
            Which masks. Task and method are needed where the study has several; otherwise the sparsity nearest to 50 %
            and the lowest seed are taken.
        members : sequence of str
            The languages to take; all if empty.
        codes : str
            How languages are written, one of `languages.written.CODES`.

        Returns
        -------
        DataFrame
            (n, n), languages in rows and columns; the diagonal is a mask with itself. Controls are left out.

        Raises
        ------
        NeutralError
            When there are no such masks, group or member.

        >>> study = Study.create("runs/mine", {"title": "Mine", "languages": ["en", "fr"]})
        >>> en, fr = (Mask.from_tensors({"w": bits}, language=code) for code, bits in (("en", [1, 1]), ("fr", [1, 0])))
        >>> count([en, fr]).save(study.counts_path("mlm", "wanda", 0.5, 0, "languages"))
        >>> study.similarity(codes="iso639-3")
             eng  fra
        eng  1.0  0.5
        fra  0.5  1.0
        """
        from neutral.language import nearest  # it is made of studies

        choice = nearest.choice_of(self, task=task, method=method, sparsity=sparsity, seed=seed)
        return nearest.similarity(self, choice, measure, by, group, members=members, codes=codes)

    def mask_path(self, task: str, method: str, sparsity: float, seed: int, language: str, variant: str = "") -> Path:
        """Return the path of one mask, which may not exist."""
        stem = index.mask_stem(task, method, sparsity, seed, language, variant)
        return self.path / "masks" / f"{stem}.safetensors"

    def mask(self, task: str, method: str, sparsity: float, seed: int, language: str, variant: str = "") -> Mask:
        """Load a mask. Raises `FileError` when the study lacks it."""
        path = self.mask_path(task, method, sparsity, seed, language, variant)
        require_own(self.path, path)
        return maskfiles.read(path)

    def masks_index(self) -> pd.DataFrame:
        """Return the study's masks: task, method, sparsity, seed, language, variant, path."""
        return index.masks(self.path)

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


def find_studies(folder: str | Path) -> list[Path]:
    """Return the studies directly in `folder`, by name."""
    return sorted(file.parent for file in Path(folder).glob("*/study.json"))


def _require_told(path: Path) -> None:
    """Raise `FileError` if a folder has what a study holds, but no study.json."""
    if os.path.lexists(path / "study.json"):
        return
    for held in (path / RESULTS, *(path / name for name in ("counts", "masks", "heads", "tables"))):
        if held.is_file() or (held.is_dir() and any(held.iterdir())):
            told = "no study.json that tells how they were made; put it back, or choose another folder"
            raise FileError(path, f"has {held.name} and {told}")


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
