"""Run the search for sub-networks into a study; a stopped run continues where it was."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from tqdm import tqdm

from neutral import labels, maskfiles, models, overlap, scores
from neutral.corpora import Corpus
from neutral.errors import NeutralError
from neutral.files import write_whole
from neutral.masks import Mask
from neutral.progress import bar, say
from neutral.runs import scopes
from neutral.runs.plans.search import SearchPlan, check, settings
from neutral.runs.records import Finished, begin, configured, digest, provenance, scored, withdrawn
from neutral.runs.subject import facts, subject
from neutral.search import ITERATIVE, controls, experts, lottery
from neutral.search.one_shot import one_shot
from neutral.search.search import Search
from neutral.study import FULL, PRETRAINED, Study
from neutral.tasks import Score
from neutral.training import memory_limit

KEY = ("task", "method", "language", "source", "target", "sparsity", "seed", "variant")
"""Fields that tell the results of a search apart."""


class Finder:
    """A plan at work: one model, its text, and the study that takes the results."""

    def __init__(
        self,
        plan: SearchPlan,
        corpus: Corpus,
        folder: str | Path,
        *,
        device: str = "auto",
        quiet: bool = False,
        **options: object,
    ) -> None:
        scope = scopes.used(plan.scope, plan.model, (folder, plan.task, plan.method), **options)
        plan = replace(plan, scope=scope)
        self.plan, self.quiet = plan, quiet
        common = {"length": plan.length, "held_out": plan.held_out, "examples": plan.examples, "device": device}
        common |= {"seed": plan.seeds[0], "wording": plan.wording}
        self.subject = subject(plan.model, plan.task, corpus, plan.languages, **common, **options)
        say(self.subject.notes, quiet=quiet)
        kept = () if plan.title else ("title",)
        fixed = ("weights", "length")
        info = self._info(corpus) | {"config": configured(plan.model, **options)}
        self.study = begin(folder, info, fixed=fixed, kept=kept, grows=("sparsities",))
        self.results = Finished(self.study, KEY)

    def run(self) -> Study:
        """Find, score and count the masks that are not done yet, and return the study."""
        plan = self.plan
        steps = self._steps_left()
        with bar(steps, "step" if plan.trains else "mask", quiet=self.quiet) as shown:
            for seed in plan.seeds:
                for code in plan.languages:
                    shown.set_description(f"{plan.method} {code} seed {seed}")
                    if plan.method in ITERATIVE:
                        self._ticket(code, seed, shown)
                    else:
                        self._one_shot(code, seed, lambda _step, _steps: shown.update())
        self._count()
        if plan.functional:
            self._functional()
        self._drop_masks()
        return self.study

    def search(self, code: str, seed: int) -> Search:
        """Return the search in one language's data, from the weights that a seed starts from."""
        plan = self.plan
        return self.subject.search(code, plan.recipe, seed=seed, scope=plan.scope, only=plan.only, passes=plan.passes)

    def pretrained(self, code: str, sparsity: float, seed: int) -> Mask:
        """Return the control at a sparsity: the mask of the untouched weights that a seed starts from."""
        search = self.search(code, seed)
        scope = scores.scope_of(self.plan.method, self.plan.scope)
        across = scores.transposed(search.model)
        return controls.pretrained(search.origin, search.weights, sparsity, scope, transposed=across)

    def _ticket(self, code: str, seed: int, shown: tqdm) -> None:
        sparsities = list(self.plan.sparsities)
        start = self._next_round(code, seed)
        if start is None:
            return
        mask = self._mask(sparsities[start - 1], seed, code) if start else None
        search, r = self.search(code, seed), start
        if start and self._keeps_head:
            search.head = load_file(self._head_path(sparsities[start - 1], seed, code))

        def advance(step: int, _steps: int) -> None:
            if step == 1:
                shown.set_description(f"{self.plan.method} {code} seed {seed} round {r + 1} of {len(sparsities) + 1}")
            shown.update()

        for done in lottery.find(search, sparsities, start=start, mask=mask, tell=advance):
            if done.following is not None:
                if self._keeps_head:  # before the mask, which says that a round is done
                    self._save_head(search.head, sparsities[r], seed, code)
                self._save(done.following, sparsities[r], seed, code)
            self._score(code, seed, done.sparsity, done.score, search.recipe.steps)
            r += 1

    def _next_round(self, code: str, seed: int) -> int | None:
        """Return the round to start with, the latest whose mask exists; None if all rounds are done."""
        sparsities = self.plan.sparsities
        has_score = [self._scored(code, seed, s) for s in (0.0, *sparsities)]
        has_mask = [self._has_mask(s, seed, code) for s in sparsities]
        has_counts = [self._is_counted(s, seed, code) for s in sparsities]
        if all(has_score) and all(mask or counts for mask, counts in zip(has_mask, has_counts, strict=True)):
            return None
        for r in range(len(sparsities), 0, -1):
            head_is_kept = not self._keeps_head or self._head_path(sparsities[r - 1], seed, code).is_file()
            if has_mask[r - 1] and head_is_kept and all(has_score[:r]):
                return r
        return 0

    def _one_shot(self, code: str, seed: int, advance: Callable[[int, int], None]) -> None:
        plan, search = self.plan, self.search(code, seed)
        variants = ("", "a", "b") if plan.halves else ("",)
        choices = [(s, v) for s in plan.sparsities for v in variants]
        if not all(self._has_mask(s, seed, code, v) or self._is_counted(s, seed, code, v) for s, v in choices):
            if plan.method == "random":
                search.recipe = replace(search.recipe, seed=_seed(seed, code))
            text = search.train_items[: plan.blocks] if plan.method in ("wanda", "fisher") else None
            masks_of = one_shot(
                search, plan.method, list(plan.sparsities), blocks=text, halves=plan.halves, tell=advance
            )
            self._experts(search.tokens, seed, code)
            self._tell_unreached(search.unreached, code)
            for variant, masks in masks_of.items():
                for sparsity, mask in masks.items():
                    self._save(mask, sparsity, seed, code, variant)
        search.recipe = replace(search.recipe, seed=seed)
        for sparsity in (0.0, *plan.sparsities):
            if not self._scored(code, seed, sparsity):
                mask = self._mask(sparsity, seed, code) if sparsity else None
                if plan.trains:
                    score = search.trained(mask, advance)
                else:
                    search.rewind(mask)
                    score = search.evaluate()
                self._score(code, seed, sparsity, score, search.recipe.steps if plan.trains else 0)
        if not plan.trains:
            advance(1, 1)

    def _experts(self, tokens: dict[str, dict[str, int]], seed: int, code: str) -> None:
        """Store how many tokens each expert got."""
        key = {"task": self.plan.task, "method": self.plan.method, "language": code, "seed": seed}
        for variant, of_weights in tokens.items():
            if not self.results.has("experts", **key, variant=variant):
                counts = experts.by_layer(of_weights, models.stack(self.subject.model)).items()
                rows = [{**key, "variant": variant, "layer": layer, "tokens": of_layer} for layer, of_layer in counts]
                self.results.extend("experts", rows)

    def _tell_unreached(self, names: tuple[str, ...], code: str) -> None:
        if lost := experts.unreached(names, models.stack(self.subject.model)):
            several = ", ".join(lost[:5]) + ", …" * (len(lost) > 5)
            note = (
                f"{code}: no token reaches {len(names)} matrices, so all their weights score 0 and where its mask cuts "
                f"them says nothing: {several}"
            )
            say([note], quiet=self.quiet)
            Study.create(self.study.path, {"notes": [note]})

    def _count(self) -> None:
        """Count every complete set of masks that is not counted yet, and the plan's controls."""
        plan = self.plan
        kinds = ["languages", *(["pretrained", "beyond"] if "pretrained" in plan.controls else [])]
        kinds += ["shuffled"] if "shuffled" in plan.controls else []
        for sparsity in plan.sparsities:
            for seed in plan.seeds:
                codes = self._with_masks(sparsity, seed)
                missing = [kind for kind in kinds if not self._counted(sparsity, seed, kind, codes)]
                if not missing or not codes:
                    continue
                masks = [self._mask(sparsity, seed, code) for code in codes]
                if "languages" in missing:
                    self._write_counts(masks, codes, sparsity, seed, "languages")
                if "pretrained" in missing or "beyond" in missing:
                    reference = self.pretrained(codes[0], sparsity, seed)
                    both = [*codes, PRETRAINED]
                    self._write_counts([*masks, reference], both, sparsity, seed, "pretrained")
                    self._write_counts([mask ^ reference for mask in masks], codes, sparsity, seed, "beyond")
                if "shuffled" in missing:
                    self._write_counts([mask.shuffled(seed) for mask in masks], codes, sparsity, seed, "shuffled")
            self._count_within(sparsity)

    def _count_within(self, sparsity: float) -> None:
        """Count masks of the same language against each other: other seeds, other halves of the text."""
        index = self.study.masks_index()
        stored = index[
            (index.task == self.plan.task) & (index.method == self.plan.method) & (index.sparsity == sparsity)
        ]
        first = self.plan.seeds[0]
        whole = stored[stored.variant == ""]
        several = whole[whole.groupby("language").seed.transform("nunique") > 1].sort_values(["language", "seed"])
        halves = stored[stored.variant.isin(["a", "b"]) & (stored.seed == first)].sort_values(["language", "variant"])
        for kind, rows, names in (
            ("seeds", several, [f"{row.language}/{row.seed}" for row in several.itertuples()]),
            ("halves", halves, [f"{row.language}/{row.variant}" for row in halves.itertuples()]),
        ):
            if len(rows) and not self._counted(sparsity, first, kind, names):
                masks = [maskfiles.read(path) for path in rows.path]
                self._write_counts(masks, names, sparsity, first, kind)

    def _functional(self) -> None:
        plan, seed = self.plan, self.plan.seeds[0]
        for sparsity in plan.functional:
            codes = self._with_masks(sparsity, seed)
            search = self.search(codes[0], seed)
            masks: dict[str, Mask | None] = {FULL: None}
            masks[PRETRAINED] = self.pretrained(codes[0], sparsity, seed)
            masks["random"] = Mask.random(masks[PRETRAINED], sparsity, seed)
            masks |= {code: self._mask(sparsity, seed, code) for code in codes}
            common = {"task": plan.task, "method": plan.method, "sparsity": sparsity, "seed": seed}
            todo = {
                source: mask
                for source, mask in masks.items()
                if not all(self.results.has("functional", **common, source=source, target=code) for code in codes)
            }
            targets = {code: self.subject.held_out[code] for code in codes}
            with bar(len(todo) * len(targets), "cell", quiet=self.quiet) as shown:
                shown.set_description(f"functional check {sparsity:.0%}")
                for source, target, score in controls.functional(search, todo, targets):
                    self.results.append("functional", **common, source=source, target=target, **scored(score))
                    shown.update()

    def _drop_masks(self) -> None:
        """Delete the masks that were counted and that the plan does not keep."""
        if self.plan.keep is None:
            return
        index = self.study.masks_index()
        for row in index[(index.task == self.plan.task) & (index.method == self.plan.method)].itertuples():
            if row.variant or row.sparsity not in self.plan.keep or row.seed != self.plan.seeds[0]:
                row.path.unlink()
                self._head_path(row.sparsity, row.seed, row.language).unlink(missing_ok=True)

    def _steps_left(self) -> int:
        plan = self.plan
        if not plan.trains:
            return len(plan.languages) * len(plan.seeds)
        left = 0
        for seed in plan.seeds:
            for code in plan.languages:
                if plan.method in ITERATIVE:
                    start = self._next_round(code, seed)
                    rounds = 0 if start is None else len(plan.sparsities) + 1 - start
                else:
                    rounds = sum(not self._scored(code, seed, s) for s in (0.0, *plan.sparsities))
                    rounds += plan.method == "change"
                left += rounds * plan.recipe.of(len(self.subject.train[code])).steps
        return left

    def _mask(self, sparsity: float, seed: int, code: str, variant: str = "") -> Mask:
        return self.study.mask(self.plan.task, self.plan.method, sparsity, seed, code, variant)

    @property
    def _keeps_head(self) -> bool:
        return self.plan.recipe.head == "keep"

    def _head_path(self, sparsity: float, seed: int, code: str) -> Path:
        """Return the file of the head that the ticket of a sparsity starts with: as the round before left it."""
        mask = self.study.mask_path(self.plan.task, self.plan.method, sparsity, seed, code)
        return self.study.path / "heads" / mask.name

    def _save_head(self, head: dict[str, torch.Tensor], sparsity: float, seed: int, code: str) -> None:
        path = self._head_path(sparsity, seed, code)
        path.parent.mkdir(exist_ok=True)
        write_whole(path, save({name: tensor.cpu() for name, tensor in head.items()}))

    def _has_mask(self, sparsity: float, seed: int, code: str, variant: str = "") -> bool:
        return self.study.mask_path(self.plan.task, self.plan.method, sparsity, seed, code, variant).is_file()

    def _save(self, mask: Mask, sparsity: float, seed: int, code: str, variant: str = "") -> None:
        mask.header |= {
            "model": Path(self.plan.model).name,
            "language": code,
            "task": self.plan.task,
            "method": self.plan.method,
            "sparsity": sparsity,
            "seed": seed,
        }
        if stack := models.stack(self.subject.model):
            mask.header["stack"] = stack
        if variant:
            mask.header["variant"] = variant
        path = self.study.mask_path(self.plan.task, self.plan.method, sparsity, seed, code, variant)
        Study(self.study.path)  # raises if it was removed meanwhile: the next one there would take this mask as its own
        maskfiles.write(mask, path)

    def _with_masks(self, sparsity: float, seed: int) -> list[str]:
        """Return the study's languages that have a mask, in the study's order."""
        return [code for code in self.study.info["languages"] if self._has_mask(sparsity, seed, code)]

    def _is_counted(self, sparsity: float, seed: int, code: str, variant: str = "") -> bool:
        if variant:
            return self._counted(sparsity, self.plan.seeds[0], "halves", [f"{code}/{variant}"])
        several = len(self.plan.seeds) > 1
        bound = not several or self._counted(sparsity, self.plan.seeds[0], "seeds", [f"{code}/{seed}"])
        return bound and self._counted(sparsity, seed, "languages", [code])

    def _counted(self, sparsity: float, seed: int, kind: str, members: list[str]) -> bool:
        path = self.study.counts_path(self.plan.task, self.plan.method, sparsity, seed, kind)
        return path.is_file() and set(members) <= set(overlap.Counts.load(path).members)

    def _write_counts(self, masks: list[Mask], names: list[str], sparsity: float, seed: int, kind: str) -> None:
        path = self.study.counts_path(self.plan.task, self.plan.method, sparsity, seed, kind)
        lost = sorted(set(overlap.Counts.load(path).members) - set(names)) if path.is_file() else []
        if lost:
            raise NeutralError(
                f"{path}: holds {', '.join(lost)}, whose masks are not kept, so no more languages can be counted with "
                "them; take another --study, or --keep masks from the start"
            )
        overlap.count(masks, names).save(path)

    def _scored(self, code: str, seed: int, sparsity: float) -> bool:
        return self.results.has("score", **self._score_key(code, seed, sparsity))

    def _score_key(self, code: str, seed: int, sparsity: float) -> dict:
        return {
            "task": self.plan.task,
            "method": self.plan.method if sparsity else FULL,
            "language": code,
            "sparsity": sparsity,
            "seed": seed,
            "variant": "trained" if self.plan.trains else "untrained",
        }

    def _score(self, code: str, seed: int, sparsity: float, score: Score, steps: int) -> None:
        key = self._score_key(code, seed, sparsity)
        if not self.results.has("score", **key):
            self.results.append("score", **key, steps=steps, **scored(score))

    def _info(self, corpus: Corpus) -> dict:
        plan, model = self.plan, self.subject.model
        weights = models.prunable(model)
        pruned = models.prunable(model, plan.only)
        inventory = models.inventory(model, plan.only)
        say(inventory.lines(), quiet=self.quiet)
        known = {name: weight for name, weight in weights.items() if name not in self.subject.new}
        chosen = settings(plan) | ({"examples": self.subject.examples} if plan.is_labelled else {})
        return {
            "title": plan.title or f"{Path(plan.model).name}: {plan.task}",
            "model": Path(plan.model).name,
            "weights": digest(known),
            "task": plan.task,
            "languages": list(plan.languages),
            "methods": [plan.method],
            "seeds": list(plan.seeds),
            "length": plan.length,
            **provenance(corpus, plan.languages),
            **facts(self.subject.notes, self.subject.unknown),
            "parameters": sum(p.numel() for p in model.parameters()),
            "prunable": sum(w.numel() for w in pruned.values()),
            "layers": labels.layers(pruned, models.stack(model)),
            "inventory": {plan.method: inventory.written()},
            "settings": {plan.method: chosen},
        }


def find(
    plan: SearchPlan,
    corpus: Corpus,
    folder: str | Path,
    *,
    device: str = "auto",
    quiet: bool = False,
    **options: object,
) -> Study:
    """Find masks and write them into a study; results that the study has are not redone.

    Parameters
    ----------
    plan : SearchPlan
    corpus : Corpus
    folder : str or Path
        The study's folder.
    device : str
        auto | cpu | cuda | mps.
    quiet : bool
        Whether to show no progress.
    **options
        Go to the loaders of model and tokenizer (`gguf_file=…`, say).

    Returns
    -------
    Study

    Raises
    ------
    NeutralError
        If the study was made with another model, text or settings.
    MemoryLimitError
        If the device's memory is too small.
    """
    check(plan)
    advice = "lower --batch or --length and run the same command again; it goes on where it stopped"
    with withdrawn(folder), memory_limit(advice):
        return Finder(plan, corpus, folder, device=device, quiet=quiet, **options).run()


def _seed(seed: int, code: str) -> int:
    """Return a seed of its own for every language, so that random masks are independent."""
    return zlib.crc32(f"{seed}/{code}".encode())
