"""Mask files into a study: saved with their counts, and the controls that they are compared with.

Such a study has no scores: files of masks do not say what their networks can do. `files` in its study.json says where
its masks came from.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from neutral import __version__, hashes, labels, maskfiles, overlap
from neutral.errors import is_one_line, one_line
from neutral.files import folder_made_whole
from neutral.masks import HEADER_KEYS, Mask, shared_header
from neutral.masksets import MaskSet
from neutral.runs.places import Place, places
from neutral.study import Study, mask_stem
from neutral.summary import Choice

Placed = dict[Place, Mask]


@dataclass(frozen=True)
class About:
    """What a user says of masks; empty for what the files say, or nobody knows."""

    title: str = ""
    model: str = ""  # only written down
    task: str = ""
    method: str = ""


def save(
    masks: Sequence[Mask],
    named: Sequence[str],
    folder: str | Path,
    about: About | None = None,
    *,
    files: Sequence[str] = (),
) -> Study:
    """Make a study of masks of one network, with the counts of their overlap and of their shuffled copies.

    Parameters
    ----------
    masks : sequence of Mask
    named : sequence of str
        What each is called: a language, or another name. `places` says what one name's second mask is.
    folder : str or Path
        The study's, which is not there yet.
    about : About, optional
    files : sequence of str
        Names of the files, for the study's README.

    Raises
    ------
    MismatchError
        If the masks are of several networks.
    FileError
        If there is something in the folder's place: nothing is written over.
    StorageError
        If the system refuses; then nothing of the study is left.

    Examples
    --------
    >>> en, fr = (Mask.from_tensors({"encoder.layer.0.output.dense.weight": [row]}) for row in ([1, 0], [1, 1]))
    >>> study = save([en, fr], ["en", "fr"], "runs/mine")
    >>> list(study.masks_of("masks", "upload", 0.25))
    ['en', 'fr']
    """
    about = about or About()
    collection = MaskSet(masks, named)
    placed = _placed(collection, named, about)
    info = _info(placed, about, files, collection.bridges)
    with folder_made_whole(folder) as draft:
        study = Study.create(draft, info)
        for place, mask in placed.items():
            maskfiles.write(mask, study.mask_path(*place))
        for choice in _choices(placed):
            masks = _of(placed, choice)
            _count(study, choice, masks)
            _count(study, choice, {code: mask.shuffled(choice.seed) for code, mask in masks.items()}, "shuffled")
        for choice in {place[:3] for place in placed}:
            _count_within(study, choice, placed)
        (draft / "README.md").write_text(_readme(info, placed), encoding="utf-8")
    return Study(folder)


def is_of(folder: str | Path, masks: Sequence[Mask], named: Sequence[str], about: About | None = None) -> bool:
    """Whether the study in a folder is what `save` makes of these masks: then there is no need to save them again."""
    if not (Path(folder) / "study.json").is_file():
        return False
    placed = _placed(MaskSet(masks, named), named, about or About())
    return Study(folder).info.get("masks") == _hashes(placed)


def _placed(collection: MaskSet, named: Sequence[str], about: About) -> Placed:
    """Return place -> mask, with what it is in its header."""
    placed = {}
    stack = shared_header(collection.masks).get("stack")
    where = places(collection.masks, named, task=about.task, method=about.method)
    for place, mask in zip(where, collection.masks, strict=True):
        said = {"model": _model(about.model or mask.header.get("model") or ""), "stack": stack, **place._asdict()}
        header = {key: said[key] for key in HEADER_KEYS if said.get(key) not in (None, "")}
        placed[place] = Mask(mask.bits, mask.shapes, header)
    return dict(sorted(placed.items(), key=lambda item: _order(item[0], where)))


def _order(place: Place, where: Sequence[Place]) -> tuple:
    languages = [one.language for one in where]
    return (*place[:4], languages.index(place.language), place.variant)


def _model(said: object) -> str:
    """Return a model's name as a study has it, without its path.

    >>> _model("models/mine/"), _model("google-bert/bert-base-multilingual-cased")
    ('mine', 'bert-base-multilingual-cased')
    """
    return Path(" ".join(one_line(said).split())[:300]).name


def _choices(placed: Placed) -> list[Choice]:
    """Return the sets of masks that are compared: of a seed that several languages have, or the first if none has."""
    members: dict[Choice, int] = defaultdict(int)
    for place in placed:
        if not place.variant:
            members[Choice(*place[:4])] += 1
    several = {choice[:3] for choice, count in members.items() if count > 1}
    first: dict[tuple, Choice] = {}
    for choice in sorted(members):
        first.setdefault(choice[:3], choice)
    return [c for c, count in members.items() if count > 1 or (c[:3] not in several and first[c[:3]] == c)]


def _of(placed: Placed, choice: Choice) -> dict[str, Mask]:
    return {place.language: mask for place, mask in placed.items() if place[:4] == choice and not place.variant}


def _count(study: Study, choice: Choice, masks: dict[str, Mask], kind: str = "languages") -> None:
    counts = overlap.count(list(masks.values()), list(masks), pairs=overlap.meant(kind, list(masks)))
    counts.save(study.counts_path(*choice, kind))


def _count_within(study: Study, choice: tuple, placed: Placed) -> None:
    """Count masks of one language against each other: other runs, other halves of the text."""
    seeds, halves = defaultdict(dict), defaultdict(dict)
    for place, mask in placed.items():
        if place[:3] == choice:
            group, name = (halves, place.variant) if place.variant else (seeds, place.seed)
            group[place.language][f"{place.language}/{name}"] = mask
    first = min((place.seed for place in placed if place[:3] == choice), default=0)
    for kind, of_language in (("seeds", seeds), ("halves", halves)):
        masks = {name: mask for several in of_language.values() if len(several) > 1 for name, mask in several.items()}
        if masks:
            _count(study, Choice(*choice, first), masks, kind)


def _hashes(placed: Placed) -> dict[str, str]:
    return {mask_stem(*place): hashes.mask(mask) for place, mask in placed.items()}


def _info(placed: Placed, about: About, files: Sequence[str], bridges: Iterable[str]) -> dict[str, Any]:
    """Return what study.json says."""
    mask = next(iter(placed.values()))
    tasks = list(dict.fromkeys(place.task for place in placed))
    settings: dict[str, dict] = {name: {} for name in tasks}
    for place in placed:
        of_method = settings[place.task].setdefault(place.method, {"sparsities": []})
        of_method["sparsities"] = sorted({*of_method["sparsities"], place.sparsity})
    model = shared_header(list(placed.values())).get("model")
    title = " ".join(one_line(about.title).split())[:300]
    info = {
        "title": title or f"{model or 'Masks'}: saved from files",
        **({"model": model} if model else {}),
        "task": tasks[0],
        "languages": list(dict.fromkeys(place.language for place in placed)),
        "methods": list(dict.fromkeys(place.method for place in placed)),
        "seeds": sorted({place.seed for place in placed}),
        "created": date.today().isoformat(),
        "versions": {"neutral": __version__},
        "prunable": mask.size,
        "layers": labels.layers(mask.shapes, mask.stack),
        "settings": settings[tasks[0]],
        "tasks": {name: {"settings": settings[name]} for name in tasks[1:]},
        "files": [_file(name) for name in dict.fromkeys(files)] or ["masks in memory"],
        "masks": _hashes(placed),
        "notes": [line for line in bridges if is_one_line(line)],
    }
    return {key: value for key, value in info.items() if value not in ({}, [])}


def _file(name: str) -> str:
    return os.path.basename(" ".join(one_line(name).split()))[-200:] or "a file"


_README = """# Masks saved from files

{count} saved on {created} from files: overlap of their masks, and of copies shuffled within each matrix. How the masks
were found, and what their networks can do, the files do not say, so this study has no scores.

{fence}
{rows}
{fence}

The files:

{fence}
{files}
{fence}
"""


def _readme(info: dict[str, Any], placed: Placed) -> str:
    """Return the study's README. Names from outside stand in blocks of code alone."""
    listed = "\n".join(info["files"])
    body = "\n".join(map(_said, placed))
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", listed + body)), default=0))
    count = f"{len(placed)} mask{'s' if len(placed) != 1 else ''}"
    return _README.format(count=count, created=info["created"], files=listed, rows=body, fence=fence)


def _said(place: Place) -> str:
    half = f", half {place.variant} of the text" if place.variant else ""
    said = f"{place.task}, {place.method}, {place.sparsity:.0%} removed, seed {place.seed}{half}"
    return f"{place.language}: {said}"
