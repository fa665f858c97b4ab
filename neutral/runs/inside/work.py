"""A look inside a model at work in the process that owns the study: what is left, and how rows are written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial, reduce
from itertools import combinations
from operator import and_
from pathlib import Path
from typing import Any

from neutral import corpora, hashes, maskfiles, models
from neutral.errors import FileError, NeutralError
from neutral.inside import definitions, representations
from neutral.inside.states import parallel
from neutral.masks import Mask
from neutral.models import adapters
from neutral.progress import say
from neutral.runs.inside.worker import RETRIEVAL, Look, Of, Pair, Reader, loaded, reader, said
from neutral.runs.plans.inside import MASKS, InsidePlan, check, filled
from neutral.runs.records import Finished, remember, require_model, require_same
from neutral.runs.units import Effect, Making, Shared, Unit, Work
from neutral.study import FULL, PRETRAINED, Study

KEY = ("task", "method", "sparsity", "seed", "mask", "source", "target", "measure", *definitions.FIELDS)
"""Fields that tell the results inside the model apart."""


class Inside(Work):
    """A plan at work: a study's model, its masks, and parallel sentences; `kind` is "retrieval" or "representation".

    Raises `NeutralError` for masks that are not there, sentences that are not parallel, and another model.
    """

    def __init__(
        self,
        kind: str,
        plan: InsidePlan,
        folder: str | Path,
        *,
        device: str = "auto",
        quiet: bool = False,
        **options: object,
    ) -> None:
        check(plan)
        plan = filled(plan)
        self.kind, self.plan, self.quiet, self.options = kind, plan, quiet, options
        self.study = Study(folder)
        self.task = self.study.info.get("task", "mlm")
        settings = self.study.settings(self.task, plan.method)
        self.of = Of(self.task, settings.get("only", ""), settings.get("scope", ""))
        self.sentences = self._sentences()
        self.masks = self._stored_masks()
        self._require_own()
        self._reader: Reader | None = self._load(device)
        self._said = said(kind, self._reader.definition)
        self.results = Finished(self.study, KEY, kind=kind, seen_as=definitions.completed)

    def require(self) -> None:
        """See `Work.require`."""
        self._require_sentences()
        require_same(self.study, "masks", self._hashed_masks(), "the mask")

    def effect(self, unit: Unit) -> Effect:
        """See `Work.effect`."""
        pairs = len(self._left(unit.asked.mask))
        rows = pairs * len(_expected(self.kind, next(iter(self._pairs()))))
        first = next(iter(self.sentences.values()))
        return Effect(f"{len(first):,} sentences of {len(self.sentences)} languages", f"{rows} rows", 500 * rows)

    def begin(self) -> None:
        """See `Work.begin`."""
        if any(self.study.info.get(name) != value for name, value in self._parts.items()):
            self.study.info = Study.create(self.study.path, self._parts).info
        if self._notes:
            self.study.info = Study.create(self.study.path, {"notes": self._notes}).info
        self._remember_sentences()
        self._remember_masks()

    def units(self) -> list[Unit]:
        """See `Work.units`."""
        cost = float(len(self.sentences) + len(self._pairs()) / 10)
        verb = "retrieval" if self.kind == RETRIEVAL else "representations"
        called = {FULL: "in the full model", "own": "each under its own mask", "core": "under the masks' core"}
        return [
            Unit((self.kind, i), f"{verb} {called.get(name, f'under {name}')}", cost, Look(self.kind, name))
            for i, name in enumerate(self._names())
        ]

    def is_done(self, unit: Unit) -> bool:
        """See `Work.is_done`."""
        return not self._left(unit.asked.mask)

    def phases(self) -> Iterator[list[Unit]]:
        """See `Work.phases`."""
        yield [unit for unit in self.units() if not self.is_done(unit)]

    def making(self) -> Making:
        """See `Work.making`."""
        values = {"plan": self.plan, "of": self.of, "sentences": self.sentences, "options": self.options}
        return Making(reader, self.plan.model, values)

    def here(self, device: str) -> Reader:
        """See `Work.here`."""
        return self._reader or super().here(device)

    def free(self) -> None:
        """See `Work.free`."""
        self._reader = None

    def given(self, unit: Unit) -> Mapping[str, Any]:
        """Return the pairs that are left, and the masks that the model wears."""
        name, pairs = unit.asked.mask, {"pairs": self._left(unit.asked.mask)}
        if name == "own":
            return pairs | {f"mask {code}": self._shared(code) for code in self.sentences}
        return pairs if name in (FULL, "random", PRETRAINED) else pairs | {"mask": self._shared(name)}

    def write(self, unit: Unit, piece: list[dict]) -> None:
        """See `Work.write`."""
        common = self._common(unit.asked.mask)
        for row in piece:
            self.results.append(self.kind, **common | row | {"sentences": len(self.sentences[row["source"]])})

    def _names(self) -> list[str]:
        """Return the names in the rows of everything that the plan's `masks` name."""
        chosen = self.plan.masks
        several = {"each": list(self.masks)}
        order = (FULL, "each", "own", "core", "random", PRETRAINED)
        return [name for kind in order if kind in chosen for name in several.get(kind, [kind])]

    def _pairs(self) -> list[Pair]:
        return list(combinations(self.sentences, 2))

    def _left(self, name: str) -> list[Pair]:
        """Return the pairs whose rows under a mask the study lacks."""
        common = self._common(name) | self._said
        return [
            pair
            for pair in self._pairs()
            if not all(self.results.has(self.kind, **common, **row) for row in _expected(self.kind, pair))
        ]

    def _shared(self, name: str) -> Shared:
        return Shared(f"mask {name}", partial(self._mask, name))

    def _mask(self, name: str) -> Mask:
        return reduce(and_, self.masks.values()) if name == "core" else self.masks[name]

    def _stored_masks(self) -> dict[str, Mask]:
        """Return language -> mask, from the plan's files or the study; nothing if the plan needs no masks."""
        plan = self.plan
        if not {"each", "own", "core"} & set(plan.masks):
            return {}
        if plan.files:
            return _read(plan.files, plan.sparsity)
        paths = self.study.masks_of(self.task, plan.method, plan.sparsity, plan.seed)
        if not paths:
            raise NeutralError(
                f"{self.study.path}: has no masks of {plan.method} at {plan.sparsity:.0%} with seed {plan.seed}; "
                "name their files with --mask-files, or look at the full model with --masks full"
            )
        known = [code for code in self.study.info.get("languages", ()) if code in paths]
        return {code: maskfiles.read(paths[code]) for code in [*known, *sorted(set(paths) - set(known))]}

    def _require_own(self) -> None:
        """Raise `NeutralError` if each language is to have a mask of its own, and one has none."""
        missing = [code for code in self.sentences if code not in self.masks]
        if "own" in self.plan.masks and missing:
            raise NeutralError(
                f"--masks own: there is no mask of {', '.join(missing)}, only of {', '.join(self.masks)}; name "
                "languages that have one with --languages"
            )

    def _sentences(self) -> dict[str, list[str]]:
        """Return the sentences of the plan's languages, the study's first and in its order."""
        known = list(self.study.info.get("languages", ()))
        languages = sorted(
            self.plan.languages or known, key=lambda code: (known.index(code) if code in known else 999, code)
        )
        try:
            sentences = parallel(self.plan.sentences, list(dict.fromkeys(languages)))
        except FileError as error:
            hint = "; take --sentences that these languages have, or name others with --languages"
            raise NeutralError(f"{error}{'' if self.plan.languages else hint}") from error
        if len(sentences) < 2:
            raise NeutralError("--languages: at least two are needed to be compared")
        return sentences

    def _common(self, name: str) -> dict:
        plan, full = self.plan, name == FULL
        return {
            "task": self.study.info.get("task"),
            "method": FULL if full else plan.method,
            "sparsity": 0.0 if full else plan.sparsity,
            "seed": 0 if full else plan.seed,
            "mask": name,
        }

    def _load(self, device: str) -> Reader:
        """Load the model. Raises `NeutralError` if it is another than the study was made with."""
        tokenizer = models.load_tokenizer(self.plan.model, **self.options)
        _, poor = models.require_known(self.plan.model, tokenizer, self.sentences)
        own = loaded(self.plan, self.of, tokenizer, self.options)
        weights = {name: weight for name, weight in models.prunable(own.model).items() if name not in own.new}
        rest, _ = hashes.beside(own.model, weights, own.new)
        self._parts = {
            "weights": hashes.digest(weights),
            "config": hashes.configured(self.plan.model, **self.options),
            "rest": rest,
            "tokenizer": hashes.tokenizer(tokenizer),
        }
        require_model(self.study, self._parts)
        self._notes = [*own.notes, *poor, *adapters.prepare(own.model, list(self.sentences))]
        say(self._notes, quiet=self.quiet)
        return Reader(self.plan, self.of, self.sentences, tokenizer, own, device)

    def _remember_sentences(self) -> None:
        """Write into study.json which sentences were read, and refuse sentences that have changed."""
        read = {code: corpora.digest(lines) for code, lines in self.sentences.items()}
        self._require_sentences()
        if read.items() - self.study.info.get("parallel", {}).get("hashes", {}).items():
            name = Path(self.plan.sentences).resolve().name
            self.study.info = Study.create(self.study.path, {"parallel": {"name": name, "hashes": read}}).info

    def _require_sentences(self) -> None:
        """Refuse sentences that have changed."""
        read = {code: corpora.digest(lines) for code, lines in self.sentences.items()}
        before = self.study.info.get("parallel", {}).get("hashes", {})
        if changed := [code for code in read if before.get(code, read[code]) != read[code]]:
            raise NeutralError(
                f"{self.study.path}: the sentences of {', '.join(changed)} are not those that its results inside the "
                "model were made with; choose another --study"
            )

    def _remember_masks(self) -> None:
        """Write into study.json which masks were read, and refuse another under the same name."""
        remember(self.study, "masks", self._hashed_masks(), "the mask")

    def _hashed_masks(self) -> dict[str, str]:
        """Return the hash of each mask that is read, by the name of its file."""
        plan, read = self.plan, dict(self.masks)
        if "core" in plan.masks:
            read["core"] = reduce(and_, self.masks.values())  # of the languages that had one
        path = partial(self.study.mask_path, self.task, plan.method, plan.sparsity, plan.seed)
        return {path(name).stem: hashes.mask(mask) for name, mask in read.items()}


def _expected(kind: str, pair: Pair) -> list[dict]:
    """Return the fields that tell the rows of a pair apart."""
    first, second = pair
    if kind == "retrieval":
        return [{"source": first, "target": second}, {"source": second, "target": first}]
    return [{"source": first, "target": second, "measure": measure} for measure in representations.MEASURES]


def _read(files: Sequence[str], sparsity: float) -> dict[str, Mask]:
    """Return language -> mask of files that the user names. Raises `FileError` for one of another sparsity."""
    masks: dict[str, Mask] = {}
    for file in files:
        mask = maskfiles.read(file)
        if mask.named in masks or mask.named in MASKS:
            raise FileError(
                file, f"is called {mask.named}, as another mask is; name the files by language: en.pt, fr.pt"
            )
        if abs(mask.sparsity() - sparsity) > 0.02:
            raise FileError(file, f"removes {mask.sparsity():.0%} of the weights, not the {sparsity:.0%} of --sparsity")
        masks[mask.named] = mask
    return masks
