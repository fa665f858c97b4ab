"""A search at work in the process that owns its study: which units are left, and how their pieces are written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from itertools import product
from pathlib import Path
from typing import Any

from neutral import models
from neutral.corpora import Corpus
from neutral.curves import NOWHERE, Curves
from neutral.errors import NeutralError
from neutral.progress import say
from neutral.runs import scopes
from neutral.runs.kept import Kept
from neutral.runs.plans.search import SearchPlan
from neutral.runs.records import Finished, accepted, begin, scored
from neutral.runs.search import counting, records
from neutral.runs.search.effects import effect
from neutral.runs.search.worker import Check, Control, Cut, Masks, Scored, Searcher, loaded, searcher
from neutral.runs.units import Effect, Making, Shared, Unit, Work
from neutral.search import ITERATIVE, experts
from neutral.study import FULL, PRETRAINED, Study

KEY = ("task", "method", "language", "source", "target", "sparsity", "seed", "variant")
"""Fields that tell the results of a search apart."""


class Finder(Work):
    """A plan at work: one model, its text, and the study that takes the results.

    Raises `NeutralError` for a model or text that does not do, and settings that do not go with the study's.
    """

    def __init__(
        self,
        plan: SearchPlan,
        corpus: Corpus,
        folder: str | Path,
        *,
        device: str = "auto",
        curves: Curves = NOWHERE,
        quiet: bool = False,
        **options: object,
    ) -> None:
        scope = scopes.used(plan.scope, plan.model, (folder, plan.task, plan.method), **options)
        self.plan, self.corpus, self.folder = replace(plan, scope=scope), corpus, Path(folder)
        self.quiet, self.options = quiet, options
        subject = loaded(self.plan, corpus, device, options)
        say(subject.notes, quiet=quiet)
        self.sizes = {code: len(items) for code, items in subject.train.items()}
        self.stack = models.stack(subject.model)
        self._info, inventory = records.info(self.plan, subject, corpus, options)
        say(inventory, quiet=quiet)
        records.require_comparable(self.plan, folder, self._info["settings"][plan.method])
        self._worker: Searcher | None = Searcher(self.plan, subject, curves)
        self._known = subject.task.tokenizer, subject.unknown
        self._texts: list[dict] = []
        self._values = {"plan": self.plan, "corpus": corpus, "curves": curves, "options": options}
        self.study = Study(folder) if (self.folder / "study.json").is_file() else None

    def require(self) -> None:
        """See `Work.require`."""
        accepted(self.folder, self._info, **self._entries)

    def can_time(self, unit: Unit) -> bool:
        """See `Work.can_time`: a check's mask may not be found yet."""
        return isinstance(unit.asked, Masks)

    def effect(self, unit: Unit) -> Effect:
        """See `Work.effect`."""
        matrices = self._info["inventory"][self.plan.method]["matrices"]
        return effect(self, unit, self.sizes, self._info["prunable"], matrices)

    @property
    def languages(self) -> list[str]:
        """The languages that the study will have."""
        return list(dict.fromkeys([*(self.study.info["languages"] if self.study else ()), *self.plan.languages]))

    @property
    def _entries(self) -> dict[str, Any]:
        kept = () if self.plan.title else ("title",)
        return {"fixed": ("length",), "kept": kept, "grows": ("sparsities",)}

    def begin(self) -> None:
        """See `Work.begin`."""
        self.study = begin(self.folder, self._info, **self._entries)
        for read_before in ("results", "kept"):
            vars(self).pop(read_before, None)
        self._texts = records.texts(*self._known, self.corpus, self.results)

    @cached_property
    def results(self) -> Finished:
        """What the study has."""
        return Finished(self.study, KEY)

    @cached_property
    def kept(self) -> Kept:
        """The study's masks, counts and scores of this plan."""
        return Kept(self.plan, self.study, self.results, self.stack)

    def units(self) -> list[Unit]:
        """See `Work.units`; sources of the functional check are those that the study will have."""
        every = self.study.info["languages"] if self.study else []
        asked = self.plan.languages
        checks = []
        for sparsity in self.plan.functional:
            codes = [c for c in every if c in asked or self.kept.has_mask(sparsity, self.plan.seeds[0], c)]
            checks += self._checks(sparsity, self._checked(codes or asked), self._checked(asked))
        return [*self._masks(), *self._controls(), *checks]

    def is_done(self, unit: Unit) -> bool:
        """See `Work.is_done`."""
        if self.study is None:
            return False
        asked = unit.asked
        if isinstance(asked, Control):
            codes = self.kept.with_masks(asked.sparsity, asked.seed)  # none if they were counted and dropped
            missing = counting.missing(self.kept, asked.sparsity, asked.seed, codes) if codes else set()
            return not missing & counting.OF_CONTROL and all(map(self.is_done, self._masks()))
        if isinstance(asked, Check):
            row = self._check_key(asked)
            return all(self.results.has("functional", **row, target=target) for target in asked.targets)
        if self.plan.method in ITERATIVE:
            return self._next_round(asked) is None
        return not self._is_to_cut(asked) and not self._unscored(asked)

    def phases(self) -> Iterator[list[Unit]]:
        """Yield masks, then controls, between which masks are counted, then the functional check."""
        plan = self.plan
        yield self._left(self._masks())
        for sparsity, seed in product(plan.sparsities, plan.seeds):
            counting.count(self.kept, sparsity, seed)
        yield self._left(self._controls())
        for sparsity in plan.sparsities:
            counting.count_within(self.kept, sparsity)
        yield [unit for sparsity in plan.functional for unit in self._left(self._checks_now(sparsity))]
        if plan.keep is not None:
            self.kept.drop()

    def making(self) -> Making:
        """See `Work.making`."""
        return Making(searcher, self.plan.model, self._values)

    def here(self, device: str) -> Searcher:
        """See `Work.here`."""
        return self._worker or super().here(device)

    def free(self) -> None:
        """See `Work.free`."""
        self._worker = None

    def given(self, unit: Unit) -> Mapping[str, Any]:
        """Return the round or the sparsities that are left, with the masks that they start from."""
        asked = unit.asked
        if isinstance(asked, Check):
            is_mask = asked.source not in (FULL, PRETRAINED, "random")
            return {"mask": self._shared(asked.sparsity, self.plan.seeds[0], asked.source)} if is_mask else {}
        if isinstance(asked, Control):
            return {}
        if self.plan.method in ITERATIVE:
            return self._given_round(asked)
        cut, unscored = self._is_to_cut(asked), self._unscored(asked)
        stored = () if cut else [s for s in unscored if s]
        masks = {f"mask {s:g}": self._shared(s, asked.seed, asked.code) for s in stored}
        return {"cut": cut, "scores": unscored, **masks}

    def write(self, unit: Unit, piece: Any) -> None:
        """See `Work.write`."""
        asked = unit.asked
        for row in self._texts:  # with the first piece: a search that is refused leaves no study
            self.results.append("text", **row)
        self._texts = []
        if isinstance(asked, Control):
            counting.count(self.kept, asked.sparsity, asked.seed, piece)
        elif isinstance(asked, Check):
            target, score = piece
            self.results.append("functional", **self._check_key(asked), target=target, **scored(score))
        elif isinstance(piece, Cut):
            self._write_cut(asked, piece)
        else:
            self._write_score(asked, piece)

    def _left(self, units: list[Unit]) -> list[Unit]:
        return [unit for unit in units if not self.is_done(unit)]

    def _masks(self) -> list[Unit]:
        asked = [Masks(code, seed) for seed, code in product(self.plan.seeds, self.plan.languages)]
        return [self._of_masks(number, one) for number, one in enumerate(asked)]

    def _of_masks(self, number: int, asked: Masks) -> Unit:
        plan = self.plan
        key, name = ("1 masks", asked.seed, number), f"{plan.method} {asked.code} seed {asked.seed}"
        steps = plan.recipe.of(self.sizes[asked.code]).steps if plan.trains else 0
        if plan.method in ITERATIVE:
            start = self._next_round(asked)
            rounds = range(0 if start is None else start, len(plan.sparsities) + 1)
            return Unit(key, name, len(rounds) * (steps + self._evaluation()), asked, rounds)
        unscored = len(self._unscored(asked))
        trainings = unscored + (plan.method == "change" and self._is_to_cut(asked))
        return Unit(key, name, trainings * steps + (unscored + 1) * self._evaluation(), asked)

    def _controls(self) -> list[Unit]:
        several = product(self.plan.sparsities, self.plan.seeds) if "pretrained" in self.plan.controls else ()
        return [
            Unit(("2 control", s, seed), f"pretrained control {s:.0%} seed {seed}", 0.1, Control(s, seed))
            for s, seed in several
        ]

    def _checks(self, sparsity: float, codes: list[str], targets: list[str]) -> list[Unit]:
        return [
            Unit(
                ("3 check", sparsity, i),
                f"functional check {source} {sparsity:.0%}",
                self._evaluation() * len(targets),
                Check(sparsity, source, tuple(targets)),
            )
            for i, source in enumerate([FULL, PRETRAINED, "random", *codes])
        ]

    def _checks_now(self, sparsity: float) -> list[Unit]:
        """Return the check of the masks that are there. Raises `NeutralError` if it is to be done and none is."""
        plan, seed = self.plan, self.plan.seeds[0]
        codes = self._checked(self.kept.with_masks(sparsity, seed))
        read = [code for code in codes if code in plan.languages]  # of the study's others there is no text here
        if read:
            return self._checks(sparsity, codes, read)
        if not self.is_done(self._checks(sparsity, codes, self._checked(plan.languages))[0]):
            raise NeutralError(f"--functional {sparsity:g}: {self.study.path} keeps none of its masks")
        return []

    def _checked(self, codes: Sequence[str]) -> list[str]:
        """Return those of the languages that are to be checked."""
        among = self.plan.functional_languages
        return [code for code in codes if not among or code in among]

    def _check_key(self, asked: Check) -> dict[str, Any]:
        common = {"task": self.plan.task, "method": self.plan.method, "sparsity": asked.sparsity}
        return {**common, "seed": self.plan.seeds[0], "source": asked.source}

    def _next_round(self, asked: Masks) -> int | None:
        """Return the round to start with, the latest whose mask exists; None if all rounds are done."""
        if self.study is None:
            return 0
        kept, code, seed, sparsities = self.kept, asked.code, asked.seed, self.plan.sparsities
        has_score = [kept.is_scored(code, seed, s) for s in (0.0, *sparsities)]
        has_mask = [kept.has_mask(s, seed, code) for s in sparsities]
        needed = [s for s, has in zip(sparsities, has_mask, strict=True) if not has]
        if all(has_score) and all(kept.is_counted(s, seed, code) for s in needed):
            return None
        for r in range(len(sparsities), 0, -1):
            head_is_kept = not self._keeps_head or kept.head_path(sparsities[r - 1], seed, code).is_file()
            if has_mask[r - 1] and head_is_kept and all(has_score[:r]):
                return r
        return 0

    def _given_round(self, asked: Masks) -> dict[str, Any]:
        start = self._next_round(asked)
        if not start:
            return {"start": start}
        sparsity = self.plan.sparsities[start - 1]
        given = {"start": start, "mask": self._shared(sparsity, asked.seed, asked.code)}
        if self._keeps_head:
            path = self.kept.head_path(sparsity, asked.seed, asked.code)
            given["head"] = Shared(f"head {path.stem}", partial(self.kept.head, sparsity, asked.seed, asked.code))
        return given

    def _is_to_cut(self, asked: Masks) -> bool:
        """Whether a mask of a one-shot method is neither there nor counted."""
        if self.study is None:
            return True
        choices = product(self.plan.sparsities, ("", "a", "b") if self.plan.halves else ("",))
        places = [(s, asked.seed, asked.code, variant) for s, variant in choices]
        return not all(self.kept.has_mask(*place) or self.kept.is_counted(*place) for place in places)

    def _unscored(self, asked: Masks) -> list[float]:
        every = (0.0, *self.plan.sparsities)
        return [s for s in every if self.study is None or not self.kept.is_scored(asked.code, asked.seed, s)]

    def _shared(self, sparsity: float, seed: int, code: str) -> Shared:
        path = self.study.mask_path(self.plan.task, self.plan.method, sparsity, seed, code)
        return Shared(path.stem, partial(self.kept.mask, sparsity, seed, code))

    def _write_cut(self, asked: Masks, piece: Cut) -> None:
        self._write_experts(asked, piece.tokens)
        self._tell_unreached(asked.code, piece.unreached)
        for variant, masks in piece.masks.items():
            for sparsity, mask in masks.items():
                self.kept.save(mask, sparsity, asked.seed, asked.code, variant)

    def _write_score(self, asked: Masks, piece: Scored) -> None:
        if piece.next_mask is not None:
            if self._keeps_head:  # before the mask, which says that a round is done
                self.kept.save_head(piece.next_head, piece.next_sparsity, asked.seed, asked.code)
            self.kept.save(piece.next_mask, piece.next_sparsity, asked.seed, asked.code)
        self.kept.score(asked.code, asked.seed, piece.sparsity, piece.score, piece.steps)

    def _write_experts(self, asked: Masks, tokens: Mapping[str, Mapping[str, int]]) -> None:
        """Store how many tokens each expert got."""
        key = {"task": self.plan.task, "method": self.plan.method, "language": asked.code, "seed": asked.seed}
        for variant, of_weights in tokens.items():
            if not self.results.has("experts", **key, variant=variant):
                counts = experts.by_layer(of_weights, self.stack).items()
                rows = [{**key, "variant": variant, "layer": layer, "tokens": of_layer} for layer, of_layer in counts]
                self.results.extend("experts", rows)

    def _tell_unreached(self, code: str, names: tuple[str, ...]) -> None:
        if lost := experts.unreached(names, self.stack):
            several = ", ".join(lost[:5]) + ", …" * (len(lost) > 5)
            note = (
                f"{code}: no token reaches {len(names)} matrices, so all their weights score 0 and where its mask cuts "
                f"them says nothing: {several}"
            )
            say([note], quiet=self.quiet)
            Study.create(self.study.path, {"notes": [note]})

    @property
    def _keeps_head(self) -> bool:
        return self.plan.recipe.head == "keep"

    def _evaluation(self) -> float:
        """Return about how many steps of training a scoring takes as long as: it has no backward pass."""
        return self.plan.held_out / self.plan.recipe.batch_size / 3
