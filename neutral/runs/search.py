"""Run the search for sub-networks into a study; a stopped run continues where it was."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from neutral import hashes, labels, models, scores
from neutral.corpora import Corpus
from neutral.errors import NeutralError
from neutral.masks import Mask
from neutral.progress import bar, say
from neutral.runs import scopes
from neutral.runs.kept import Kept
from neutral.runs.plans.search import SearchPlan, check, settings, shared
from neutral.runs.records import Finished, begin, provenance, scored, writing
from neutral.runs.subject import facts, subject
from neutral.search import ITERATIVE, METHODS, controls, experts, lottery
from neutral.search.one_shot import one_shot
from neutral.search.search import Search
from neutral.study import FULL, PRETRAINED, Study
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
        fixed = ("length",)
        info = self._info(corpus) | {"config": hashes.configured(plan.model, **options)}
        self._require_comparable(folder, info["settings"][plan.method])
        self.study = begin(folder, info, fixed=fixed, kept=kept, grows=("sparsities",))
        self.results = Finished(self.study, KEY)
        self.kept = Kept(plan, self.study, self.results, models.stack(self.subject.model))

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
        if plan.keep is not None:
            self.kept.drop()
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
        mask = self.kept.mask(sparsities[start - 1], seed, code) if start else None
        search, r = self.search(code, seed), start
        if start and self._keeps_head:
            search.head = self.kept.head(sparsities[start - 1], seed, code)

        def advance(step: int, _steps: int) -> None:
            if step == 1:
                shown.set_description(f"{self.plan.method} {code} seed {seed} round {r + 1} of {len(sparsities) + 1}")
            shown.update()

        for done in lottery.find(search, sparsities, start=start, mask=mask, tell=advance):
            if done.following is not None:
                if self._keeps_head:  # before the mask, which says that a round is done
                    self.kept.save_head(search.head, sparsities[r], seed, code)
                self.kept.save(done.following, sparsities[r], seed, code)
            self.kept.score(code, seed, done.sparsity, done.score, search.recipe.steps)
            r += 1

    def _next_round(self, code: str, seed: int) -> int | None:
        """Return the round to start with, the latest whose mask exists; None if all rounds are done."""
        sparsities = self.plan.sparsities
        has_score = [self.kept.is_scored(code, seed, s) for s in (0.0, *sparsities)]
        has_mask = [self.kept.has_mask(s, seed, code) for s in sparsities]
        has_counts = [self.kept.is_counted(s, seed, code) for s in sparsities]
        if all(has_score) and all(mask or counts for mask, counts in zip(has_mask, has_counts, strict=True)):
            return None
        for r in range(len(sparsities), 0, -1):
            head_is_kept = not self._keeps_head or self.kept.head_path(sparsities[r - 1], seed, code).is_file()
            if has_mask[r - 1] and head_is_kept and all(has_score[:r]):
                return r
        return 0

    def _one_shot(self, code: str, seed: int, advance: Callable[[int, int], None]) -> None:
        plan, search = self.plan, self.search(code, seed)
        variants = ("", "a", "b") if plan.halves else ("",)
        choices = [(s, v) for s in plan.sparsities for v in variants]
        if not all(self.kept.has_mask(s, seed, code, v) or self.kept.is_counted(s, seed, code, v) for s, v in choices):
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
                    self.kept.save(mask, sparsity, seed, code, variant)
        search.recipe = replace(search.recipe, seed=seed)
        for sparsity in (0.0, *plan.sparsities):
            if not self.kept.is_scored(code, seed, sparsity):
                mask = self.kept.mask(sparsity, seed, code) if sparsity else None
                if plan.trains:
                    score = search.trained(mask, advance)
                else:
                    search.rewind(mask)
                    score = search.evaluate()
                self.kept.score(code, seed, sparsity, score, search.recipe.steps if plan.trains else 0)
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
                codes = self.kept.with_masks(sparsity, seed)
                missing = [kind for kind in kinds if not self.kept.counted(sparsity, seed, kind, codes)]
                if not missing or not codes:
                    continue
                masks = [self.kept.mask(sparsity, seed, code) for code in codes]
                if "languages" in missing:
                    self.kept.write_counts(masks, codes, sparsity, seed, "languages")
                if "pretrained" in missing or "beyond" in missing:
                    reference = self.pretrained(plan.languages[0], sparsity, seed)
                    both = [*codes, PRETRAINED]
                    self.kept.write_counts([*masks, reference], both, sparsity, seed, "pretrained")
                    self.kept.write_counts([mask ^ reference for mask in masks], codes, sparsity, seed, "beyond")
                if "shuffled" in missing:
                    self.kept.write_counts([mask.shuffled(seed) for mask in masks], codes, sparsity, seed, "shuffled")
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
            if len(rows) and not self.kept.counted(sparsity, first, kind, names):
                masks = [self.kept.read(path) for path in rows.path]
                self.kept.write_counts(masks, names, sparsity, first, kind)

    def _functional(self) -> None:
        plan, seed = self.plan, self.plan.seeds[0]
        for sparsity in plan.functional:
            codes = self.kept.with_masks(sparsity, seed)
            read = [code for code in codes if code in plan.languages]  # of the study's others there is no text here
            common = {"task": plan.task, "method": plan.method, "sparsity": sparsity, "seed": seed}
            if not read:
                if all(self.results.has("functional", **common, source=FULL, target=code) for code in plan.languages):
                    continue
                raise NeutralError(f"--functional {sparsity:g}: {self.study.path} keeps none of its masks")
            search = self.search(read[0], seed)
            masks: dict[str, Mask | None] = {FULL: None}
            masks[PRETRAINED] = self.pretrained(read[0], sparsity, seed)
            masks["random"] = Mask.random(masks[PRETRAINED], sparsity, seed)
            masks |= {code: self.kept.mask(sparsity, seed, code) for code in codes}
            todo = {
                source: mask
                for source, mask in masks.items()
                if not all(self.results.has("functional", **common, source=source, target=code) for code in read)
            }
            targets = {code: self.subject.held_out[code] for code in read}
            with bar(len(todo) * len(targets), "cell", quiet=self.quiet) as shown:
                shown.set_description(f"functional check {sparsity:.0%}")
                for source, target, score in controls.functional(search, todo, targets):
                    self.results.append("functional", **common, source=source, target=target, **scored(score))
                    shown.update()

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
                    rounds = sum(not self.kept.is_scored(code, seed, s) for s in (0.0, *plan.sparsities))
                    rounds += plan.method == "change"
                left += rounds * plan.recipe.of(len(self.subject.train[code])).steps
        return left

    @property
    def _keeps_head(self) -> bool:
        return self.plan.recipe.head == "keep"

    def _require_comparable(self, folder: str | Path, chosen: dict) -> None:
        """Refuse settings under which the full network's score would be another than the study's other methods have."""
        if not (Path(folder) / "study.json").is_file():
            return
        study = Study(folder)
        for name, settings_of in study.of_task(self.plan.task).get("settings", {}).items():
            if name not in METHODS or name == self.plan.method or ("recipe" in settings_of) != self.plan.trains:
                continue
            one, other = shared(settings_of), shared(chosen)
            for setting in [each for each in one if each in other and one[each] != other[each]]:
                raise NeutralError(
                    f"{folder}: its {name} results were made with {setting} {one[setting]}, not {other[setting]}, and "
                    "have the scores of the full network in common with these; choose another --study"
                )

    def _info(self, corpus: Corpus) -> dict:
        plan, model = self.plan, self.subject.model
        weights = models.prunable(model)
        pruned = models.prunable(model, plan.only)
        inventory = models.inventory(model, plan.only)
        say(inventory.lines(), quiet=self.quiet)
        known = {name: weight for name, weight in weights.items() if name not in self.subject.new}
        rest, head = hashes.beside(model, known, self.subject.new)
        chosen = settings(plan) | ({"head": head} if head else {})
        if plan.is_labelled:
            chosen |= {"examples": self.subject.examples, "classes": list(corpus.labels)}
        return {
            "title": plan.title or f"{Path(plan.model).name}: {plan.task}",
            "model": Path(plan.model).name,
            "weights": hashes.digest(known),
            "rest": rest,
            "tokenizer": hashes.tokenizer(self.subject.task.tokenizer),
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
    with writing(folder), memory_limit(advice):
        return Finder(plan, corpus, folder, device=device, quiet=quiet, **options).run()


def _seed(seed: int, code: str) -> int:
    """Return a seed of its own for every language, so that random masks are independent."""
    return zlib.crc32(f"{seed}/{code}".encode())
