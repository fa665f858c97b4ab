"""Join studies of single languages into one, and count the levels that all languages have reached.

Languages are searched in processes of their own, which share a GPU well: each waits for its own Python most of the
time. A search in one language knows nothing of the others, so its masks and scores are those of one run over all.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from neutral import models, overlap
from neutral.files import write_whole
from neutral.lock import only_writer
from neutral.masks import Mask
from neutral.search.controls import pretrained
from neutral.search.rewind import snapshot
from neutral.study import PRETRAINED, Study, merged

TASK, METHOD = "mlm", "magnitude"


class Gathering:
    """The studies of single languages, `parts`/<language>, on their way into the study `folder`."""

    def __init__(self, parts: Path, folder: Path, languages: Sequence[str], model: str) -> None:
        self.parts, self.folder, self.languages = parts, folder, list(languages)
        loaded = models.load_model(model)
        self.origin, self.names = snapshot(loaded), list(models.prunable(loaded))
        self.controls: dict[float, Mask] = {}

    def reached(self, sparsities: Sequence[float], seed: int = 0, languages: Sequence[str] = ()) -> list[float]:
        """Return the sparsities at which every language has a mask and a score of a network that kept it."""
        rows = [row for code in languages or self.languages for row in self._scores(code)]
        scored = {(row["language"], row["seed"], row["sparsity"]) for row in rows}
        return [s for s in sparsities if all((c, seed, s) in scored for c in languages or self.languages)]

    def join(self, sparsities: Sequence[float], seeds: Sequence[int] = (0,)) -> Study | None:
        """Write what the parts have, up to the given sparsities, into one study; None if there is no part yet.

        Masks become links to the parts' files.
        """
        with only_writer(self.folder):
            return self._join(sparsities, seeds)

    def _join(self, sparsities: Sequence[float], seeds: Sequence[int]) -> Study | None:
        studies = [self.parts / code for code in self.languages if (self.parts / code / "study.json").is_file()]
        if not studies:
            return None
        info: dict = {}
        for path in studies:
            info = merged(info, Study(path).info)
        for settings in info["settings"].values():
            settings["sparsities"] = list(sparsities)
        info["languages"] = [code for code in self.languages if code in info["languages"]]
        (self.folder / "masks").mkdir(parents=True, exist_ok=True)
        (self.folder / "counts").mkdir(exist_ok=True)
        wanted = {0.0, *sparsities}
        rows = [row for code in self.languages for row in self._scores(code) if row["sparsity"] in wanted]
        texts = [row for path in studies for row in Study(path).rows("text")]
        kept = [*texts, *(row for row in rows if row["seed"] in seeds)]
        lines = [json.dumps(row, ensure_ascii=False) for row in kept]
        write_whole(self.folder / "results.jsonl", "".join(line + "\n" for line in lines).encode())
        write_whole(self.folder / "study.json", json.dumps(info, indent=2, ensure_ascii=False).encode() + b"\n")
        for path in studies:
            index = Study(path).masks_index()
            for row in index[index["sparsity"].isin(sparsities)].itertuples():
                link = self.folder / "masks" / row.path.name
                if not link.exists():
                    os.link(row.path, link)
        return Study(self.folder)

    def count(self, study: Study, sparsity: float, seed: int = 0, languages: Sequence[str] = ()) -> None:
        """Count the masks of a level as `find --controls pretrained` does, unless they are counted."""
        codes = list(languages or self.languages)
        kinds = ("languages", "pretrained", "beyond")
        paths = {kind: study.counts_path(TASK, METHOD, sparsity, seed, kind) for kind in kinds}
        if all(path.is_file() for path in paths.values()):
            return
        masks = [study.mask(TASK, METHOD, sparsity, seed, code) for code in codes]
        if sparsity not in self.controls:
            self.controls[sparsity] = pretrained(self.origin, self.names, sparsity)
        control = self.controls[sparsity]
        overlap.count(masks, codes).save(paths["languages"])
        beside = [*codes, PRETRAINED]
        overlap.count([*masks, control], beside, pairs=overlap.meant("pretrained", beside)).save(paths["pretrained"])
        overlap.count([mask ^ control for mask in masks], codes).save(paths["beyond"])

    def _scores(self, code: str) -> list[dict]:
        part = self.parts / code
        return list(Study(part).rows("score")) if (part / "study.json").is_file() else []


def count_seeds(study: Study, sparsity: float, seeds: Sequence[int], languages: Sequence[str]) -> None:
    """Count the same language's masks under several seeds against each other, unless they are counted."""
    path = study.counts_path(TASK, METHOD, sparsity, seeds[0], "seeds")
    if path.is_file():
        return
    found = [(code, seed) for code in sorted(languages) for seed in seeds]
    masks = [study.mask(TASK, METHOD, sparsity, seed, code) for code, seed in found]
    names = [f"{code}/{seed}" for code, seed in found]
    overlap.count(masks, names, pairs=overlap.meant("seeds", names)).save(path)
