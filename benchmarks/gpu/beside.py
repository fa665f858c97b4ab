"""Put a study of other seeds beside one that is there: both in one folder, and the seeds counted against each other."""

from __future__ import annotations

import json
import shutil

from benchmarks.gpu.gather import METHOD, TASK, count_seeds
from neutral import overlap
from neutral.errors import NeutralError
from neutral.files import write_whole
from neutral.study import Study, merged

SAME = ("model", "weights", "task", "length", "layers")


def beside(new: Study, old: Study) -> None:
    """Add to `new` what `old` holds of other seeds, and count what only both together can tell.

    - Masks of one language under all seeds, at each sparsity at which languages have several: kind `seeds`.
    - Masks shuffled within their tensors, of a seed and a sparsity whose masks are there: kind `shuffled`.

    What both say of themselves (title, versions, day) is taken from `old`. Raises `NeutralError` if they are of another
    model, text or recipe, or have a seed in common.
    """
    _require_alike(new, old)
    info = merged(new.info, old.info)
    info["seeds"] = sorted(info["seeds"])
    for settings in info["settings"].values():
        settings["sparsities"] = sorted(settings["sparsities"])
    write_whole(new.path / "study.json", json.dumps(info, indent=2, ensure_ascii=False).encode() + b"\n")
    theirs, ours = ((study.path / "results.jsonl").read_bytes().splitlines(keepends=True) for study in (old, new))
    rows = dict.fromkeys([*theirs, *ours])  # what both say of the text stands once
    write_whole(new.path / "results.jsonl", b"".join(rows))
    for kind in ("counts", "masks"):
        for path in sorted((old.path / kind).glob("*.safetensors")):
            shutil.copy(path, new.path / kind / path.name)
    if (old.path / "README.md").is_file():
        shutil.copy(old.path / "README.md", new.path / "README.md")
    index = new.masks_index()
    for (sparsity, seed), rows in index.groupby(["sparsity", "seed"]):
        path = new.counts_path(TASK, METHOD, sparsity, seed, "shuffled")
        if not path.is_file():
            codes = [code for code in info["languages"] if code in set(rows["language"])]
            masks = [new.mask(TASK, METHOD, sparsity, seed, code).shuffled(seed) for code in codes]
            overlap.count(masks, codes).save(path)
    for sparsity, rows in index.groupby("sparsity"):
        seeds = sorted(set(rows["seed"]))
        codes = [code for code, own in rows.groupby("language")["seed"] if set(own) == set(seeds)]
        if len(seeds) > 1 and codes:
            count_seeds(new, sparsity, seeds, codes)


def _require_alike(new: Study, old: Study) -> None:
    facts = [{name: study.info[name] for name in SAME} for study in (new, old)]
    for said, study in zip(facts, (new, old), strict=True):
        settings = study.settings(TASK, METHOD)
        said["text"] = study.info["text"]["hashes"]
        said["settings"] = {name: value for name, value in settings.items() if name != "sparsities"}
    for name, value in facts[0].items():
        if value != facts[1][name]:
            raise NeutralError(f"{new.path}, {old.path}: {name} differs, {value} and {facts[1][name]}")
    if common := set(new.info["seeds"]) & set(old.info["seeds"]):
        raise NeutralError(f"{new.path}, {old.path}: both have seed {', '.join(map(str, sorted(common)))}")
