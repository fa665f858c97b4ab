"""What a search keeps in its study: masks, heads, counts and scores, each with what says that it is the same later."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from safetensors.torch import load_file, save

from neutral import hashes, maskfiles, overlap
from neutral.errors import NeutralError, reading
from neutral.files import write_whole
from neutral.masks import Mask
from neutral.runs.plans.search import SearchPlan
from neutral.runs.records import Finished, remember, scored
from neutral.study import FULL, Study
from neutral.tasks import Score


@dataclass(frozen=True)
class Kept:
    """The files and scores of one plan's masks in its study; `stack` is the network's, for the masks' headers."""

    plan: SearchPlan
    study: Study
    results: Finished
    stack: str

    def mask(self, sparsity: float, seed: int, code: str, variant: str = "") -> Mask:
        """Return a mask of the search. Raises `NeutralError` for one that was changed since it was found."""
        return self.read(self.study.mask_path(self.plan.task, self.plan.method, sparsity, seed, code, variant))

    def read(self, path: Path) -> Mask:
        """Return a mask of the study. Raises `NeutralError` for one that was changed since it was found."""
        mask = maskfiles.read(path)
        remember(self.study, "masks", {path.stem: hashes.mask(mask)}, "the mask")
        return mask

    def head_path(self, sparsity: float, seed: int, code: str) -> Path:
        """Return the file of the head that the ticket of a sparsity starts with: as the round before left it."""
        mask = self.study.mask_path(self.plan.task, self.plan.method, sparsity, seed, code)
        return self.study.path / "heads" / mask.name

    def save_head(self, head: dict[str, torch.Tensor], sparsity: float, seed: int, code: str) -> None:
        """Keep the head that the ticket of a sparsity starts with, and its hash."""
        path = self.head_path(sparsity, seed, code)
        path.parent.mkdir(exist_ok=True)
        write_whole(path, save({name: tensor.cpu() for name, tensor in head.items()}))
        self.study.info = Study.create(self.study.path, {"heads": {path.stem: hashes.file(path)}}).info

    def head(self, sparsity: float, seed: int, code: str) -> dict[str, torch.Tensor]:
        """Return that head. Raises `NeutralError` for one that was changed since it was kept."""
        path = self.head_path(sparsity, seed, code)
        with reading(path, "a task's head in safetensors"):
            head, read = load_file(path), hashes.file(path)
        remember(self.study, "heads", {path.stem: read}, "the head")
        return head

    def has_mask(self, sparsity: float, seed: int, code: str, variant: str = "") -> bool:
        """Whether the study has the mask's file."""
        return self.study.mask_path(self.plan.task, self.plan.method, sparsity, seed, code, variant).is_file()

    def save(self, mask: Mask, sparsity: float, seed: int, code: str, variant: str = "") -> None:
        """Write a mask and its hash. Raises `NeutralError` if it differs from the one whose scores the study has."""
        mask.header |= {
            "model": Path(self.plan.model).name,
            "language": code,
            "task": self.plan.task,
            "method": self.plan.method,
            "sparsity": sparsity,
            "seed": seed,
        }
        if self.stack:
            mask.header["stack"] = self.stack
        if variant:
            mask.header["variant"] = variant
        path = self.study.mask_path(self.plan.task, self.plan.method, sparsity, seed, code, variant)
        Study(self.study.path)  # raises if it was removed: the next study there would take this mask for its own
        if not variant and self.is_scored(code, seed, sparsity):  # found again, as its file was removed
            remember(self.study, "masks", {path.stem: hashes.mask(mask)}, "the mask, found again,")
        maskfiles.write(mask, path)
        self.study.info = Study.create(self.study.path, {"masks": {path.stem: hashes.mask(mask)}}).info

    def with_masks(self, sparsity: float, seed: int) -> list[str]:
        """Return the study's languages that have a mask, in the study's order."""
        return [code for code in self.study.info["languages"] if self.has_mask(sparsity, seed, code)]

    def is_counted(self, sparsity: float, seed: int, code: str, variant: str = "") -> bool:
        """Whether a mask is in all the counts that it belongs to, so that its file is not needed."""
        if variant:
            return self.counted(sparsity, self.plan.seeds[0], "halves", [f"{code}/{variant}"])
        several = len(self.plan.seeds) > 1
        bound = not several or self.counted(sparsity, self.plan.seeds[0], "seeds", [f"{code}/{seed}"])
        return bound and self.counted(sparsity, seed, "languages", [code])

    def counted(self, sparsity: float, seed: int, kind: str, members: list[str]) -> bool:
        """Whether counts of a kind have all these members."""
        path = self.study.counts_path(self.plan.task, self.plan.method, sparsity, seed, kind)
        return path.is_file() and _members(path, path.stat().st_mtime_ns).issuperset(members)

    def write_counts(self, masks: list[Mask], names: list[str], sparsity: float, seed: int, kind: str) -> None:
        """Count masks. Raises `NeutralError` if the counts that are there have members whose masks are not kept."""
        path = self.study.counts_path(self.plan.task, self.plan.method, sparsity, seed, kind)
        lost = sorted(_members(path, path.stat().st_mtime_ns) - set(names)) if path.is_file() else []
        if lost:
            raise NeutralError(
                f"{path}: holds {', '.join(lost)}, whose masks are not kept, so no more languages can be counted with "
                "them; take another --study, or --keep masks from the start"
            )
        overlap.count(masks, names, pairs=overlap.meant(kind, names)).save(path)

    def is_scored(self, code: str, seed: int, sparsity: float) -> bool:
        """Whether the study has the score of a mask, or of the full network at sparsity 0."""
        return self.results.has("score", **self.score_key(code, seed, sparsity))

    def score_key(self, code: str, seed: int, sparsity: float) -> dict:
        """Return the fields that tell such a score from others."""
        return {
            "task": self.plan.task,
            "method": self.plan.method if sparsity else FULL,
            "language": code,
            "sparsity": sparsity,
            "seed": seed,
            "variant": "trained" if self.plan.trains else "untrained",
        }

    def score(self, code: str, seed: int, sparsity: float, score: Score, steps: int) -> None:
        """Append a score, unless the study has it."""
        key = self.score_key(code, seed, sparsity)
        if not self.results.has("score", **key):
            self.results.append("score", **key, steps=steps, **scored(score))

    def drop(self) -> None:
        """Delete the masks that were counted and that the plan does not keep, with their heads."""
        index = self.study.masks_index()
        for row in index[(index.task == self.plan.task) & (index.method == self.plan.method)].itertuples():
            if row.variant or row.sparsity not in self.plan.keep or row.seed != self.plan.seeds[0]:
                row.path.unlink()
                self.head_path(row.sparsity, row.seed, row.language).unlink(missing_ok=True)


@lru_cache(maxsize=256)
def _members(path: Path, written: int) -> frozenset[str]:
    """Return the members of a file of counts; every mask of a study asks for them again. `written` is its time, in ns.

    Raises `FileError` for a file that is damaged.
    """
    return frozenset(overlap.Counts.load(path).members)
