"""Look inside a study's model, whole and under its masks: parallel sentences read layer by layer, into the study.

There are two kinds of rows, each of a mask and a pair of languages, with lists over layers: "retrieval" (every ordered
pair) and "representation" (every pair and measure). Rows that the study has are not redone; a row says by which
definition it was made where that is not `definitions.UNWRITTEN`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial, reduce
from itertools import combinations
from operator import and_
from pathlib import Path

import numpy as np
from transformers import PreTrainedModel

from neutral import corpora, hashes, maskfiles, models, scores
from neutral.errors import FileError, NeutralError
from neutral.files import storing
from neutral.inside import definitions, representations, retrieval
from neutral.inside.definitions import Definition
from neutral.inside.states import LENGTH, parallel, require_pooling, states, usual_pooling
from neutral.lock import only_writer
from neutral.masks import Mask
from neutral.models import adapters
from neutral.progress import bar, say
from neutral.runs.plans.inside import MASKS, InsidePlan, check, filled
from neutral.runs.records import Finished, remember, require_model
from neutral.search import controls
from neutral.search.rewind import rewind, snapshot
from neutral.study import FULL, PRETRAINED, Study
from neutral.tasks import making
from neutral.training import memory_limit

KEY = ("task", "method", "sparsity", "seed", "mask", "source", "target", "measure", *definitions.FIELDS)
"""Fields that tell the results inside the model apart."""

Pair = tuple[str, str]
Worn = Mask | dict[str, Mask] | None
"""What the model wears: one mask for all sentences, one for each language's, or none (the full model)."""

Layers = dict[str, np.ndarray]
"""Layer -> (n, d) states."""


class Inside:
    """A plan at work: a study's model, its masks, and parallel sentences."""

    def __init__(
        self,
        plan: InsidePlan,
        folder: str | Path,
        *,
        device: str = "auto",
        quiet: bool = False,
        **options: object,
    ) -> None:
        check(plan)
        plan = filled(plan)
        self.plan, self.quiet = plan, quiet
        self.study = Study(folder)
        self.task = self.study.info.get("task", "mlm")
        self.settings = self.study.settings(self.task, plan.method)
        self.sentences = self._sentences()
        self.masks = self._stored_masks()
        self._require_own()
        self.tokenizer = models.load_tokenizer(plan.model, **options)
        self.model = self._load(**options)
        self.weights = models.prunable(self.model, self.settings.get("only", ""))
        self.definition = Definition(plan.candidates, plan.pooling or usual_pooling(self.model), plan.score)
        require_pooling(self.model, self.tokenizer, self.definition.pooling)
        self.model.to(models.device(device)).eval()
        self.origin = snapshot(self.model)

    def run(self, kind: str) -> Study:
        """Append the rows of a kind that the study lacks, and return the study."""
        self._remember_sentences()
        self._remember_masks()
        results = Finished(self.study, KEY, kind=kind, seen_as=definitions.completed)
        measure, said = _representation, definitions.written(self.definition, ("pooling",))
        if kind == "retrieval":
            measure, said = partial(_retrieval, definition=self.definition), definitions.written(self.definition)
        pairs = list(combinations(self.sentences, 2))
        masks = list(self._masks())
        with bar(len(masks) * len(pairs), "pair", quiet=self.quiet) as shown:
            for name, mask in masks:
                common = self._common(name) | said
                todo = [p for p in pairs if not all(results.has(kind, **common, **row) for row in _expected(kind, p))]
                shown.update(len(pairs) - len(todo))
                shown.set_description(f"{kind} {name}")
                if not todo:
                    continue
                for row in measure(self.states(mask, todo), todo, shown.update):
                    row = common | row | {"sentences": len(self.sentences[row["source"]])}
                    if not results.has(kind, **row):
                        results.append(kind, **row)
        rewind(self.model, self.origin)
        return self.study

    def states(self, worn: Worn, pairs: Iterable[Pair]) -> dict[str, Layers]:
        """Return language -> layer -> states of the languages in `pairs`, read under what the model wears."""
        codes = {code for pair in pairs for code in pair}
        if not isinstance(worn, dict):
            self._wear(worn)
        read = {}
        for code in [code for code in self.sentences if code in codes]:
            if isinstance(worn, dict):
                self._wear(worn[code])
            adapters.speak(self.model, code)
            pooling, batch = self.definition.pooling, self.plan.batch
            sentences, length = self.sentences[code], min(LENGTH, models.positions(self.model) or LENGTH)
            read[code] = states(self.model, self.tokenizer, sentences, pooling=pooling, batch=batch, length=length)
        return read

    def _wear(self, mask: Mask | None) -> None:
        rewind(self.model, self.origin)
        if mask is not None:
            mask.apply(self.model, strict=False)  # a pooler's mask, under a head that has none

    def _masks(self) -> Iterator[tuple[str, Worn]]:
        """Yield (name in the rows, what the model wears) for everything that the plan's `masks` name."""
        plan = self.plan
        rewind(self.model, self.origin)
        if FULL in plan.masks:
            yield FULL, None
        if "each" in plan.masks:
            yield from self.masks.items()
        if "own" in plan.masks:
            yield "own", self.masks
        if "core" in plan.masks:
            yield "core", reduce(and_, self.masks.values())
        if "random" in plan.masks:
            yield "random", Mask.random(self.weights, plan.sparsity, plan.seed)
        if "pretrained" in plan.masks:
            usual = "stack" if getattr(self.model.config, "is_encoder_decoder", False) else "global"
            scope, across = self.settings.get("scope", usual), scores.transposed(self.model)
            yield PRETRAINED, controls.pretrained(self.origin, self.weights, plan.sparsity, scope, transposed=across)

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
            hint = "; name the languages to look at with --languages"
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

    def _load(self, **options: object) -> PreTrainedModel:
        """Load the model with the head of the study's task, so that its weights have their names in the study.

        A head that the checkpoint lacks has no part in the states. Raises `NeutralError` if weights or configuration
        are not those that the study was made with.
        """
        _, poor = models.require_known(self.plan.model, self.tokenizer, self.sentences)
        encoder_decoder = self.task in making.LABELLED and models.is_encoder_decoder(self.plan.model, **options)
        head = making.head(self.task, encoder_decoder=encoder_decoder)
        loaded = models.load(self.plan.model, head, seed=self.plan.seed, tokenizer=self.tokenizer, **options)
        weights = {name: weight for name, weight in models.prunable(loaded.model).items() if name not in loaded.new}
        parts = {"weights": hashes.digest(weights)}
        rest, _ = hashes.beside(loaded.model, weights, loaded.new)
        parts |= {"config": hashes.configured(self.plan.model, **options), "rest": rest}
        parts |= {"tokenizer": hashes.tokenizer(self.tokenizer)}
        require_model(self.study, parts)
        if any(self.study.info.get(name) != value for name, value in parts.items()):
            self.study.info = Study.create(self.study.path, parts).info
        if notes := [*loaded.notes, *poor, *adapters.prepare(loaded.model, list(self.sentences))]:
            say(notes, quiet=self.quiet)
            self.study.info = Study.create(self.study.path, {"notes": notes}).info
        return loaded.model

    def _remember_sentences(self) -> None:
        """Write into study.json which sentences were read, and refuse sentences that have changed."""
        read = {code: corpora.digest(lines) for code, lines in self.sentences.items()}
        before = self.study.info.get("parallel", {}).get("hashes", {})
        if changed := [code for code in read if before.get(code, read[code]) != read[code]]:
            raise NeutralError(
                f"{self.study.path}: the sentences of {', '.join(changed)} are not those that its results inside the "
                "model were made with; choose another --study"
            )
        if read.items() - before.items():
            name = Path(self.plan.sentences).resolve().name
            self.study.info = Study.create(self.study.path, {"parallel": {"name": name, "hashes": read}}).info

    def _remember_masks(self) -> None:
        """Write into study.json which masks were read, and refuse another under the same name."""
        plan, read = self.plan, dict(self.masks)
        if "core" in plan.masks:
            read["core"] = reduce(and_, self.masks.values())  # of the languages that had one
        path = partial(self.study.mask_path, self.task, plan.method, plan.sparsity, plan.seed)
        known = {path(name).stem: hashes.mask(mask) for name, mask in read.items()}
        remember(self.study, "masks", known, "the mask")


def retrieve(plan: InsidePlan, folder: str | Path, *, device: str = "auto", quiet: bool = False, **options) -> Study:
    """Retrieve parallel sentences by layer, under each of the plan's masks, into the study in `folder`.

    `options` go to the loaders of model and tokenizer (`gguf_file=…`, say). Raises `NeutralError` if the folder is no
    study, if its model, masks or sentences are others, or if the sentences are not parallel; `MemoryLimitError` if the
    device's memory is too small.
    """
    return _run("retrieval", plan, folder, device=device, quiet=quiet, **options)


def represent(plan: InsidePlan, folder: str | Path, *, device: str = "auto", quiet: bool = False, **options) -> Study:
    """Compare the languages' representations by layer; arguments and errors are those of `retrieve`."""
    return _run("representation", plan, folder, device=device, quiet=quiet, **options)


def _run(kind: str, plan: InsidePlan, folder: str | Path, **options: object) -> Study:
    advice = "lower --batch and run the same command again; it goes on where it stopped"
    with only_writer(Study(folder).path), storing(folder), memory_limit(advice):
        return Inside(plan, folder, **options).run(kind)


def _retrieval(
    layers_of: dict[str, Layers], pairs: Sequence[Pair], tell: Callable[[int], object], definition: Definition
) -> Iterator[dict]:
    """Yield two rows for each pair, one for each direction: accuracy at 1 and 5 by layer."""
    for first, second in pairs:
        one, other = layers_of[first], layers_of[second]
        names = list(one)
        there, back = zip(*(retrieval.both_ways(one[name], other[name], definition) for name in names), strict=True)
        for source, target, accuracies in ((first, second, there), (second, first, back)):
            at1, at5 = zip(*accuracies, strict=True)
            row = {"source": source, "target": target, "layers": names, "at1": _short(at1), "at5": _short(at5)}
            yield row | {"k": retrieval.NEIGHBOURS}
        tell(1)


def _representation(
    layers_of: dict[str, Layers], pairs: Sequence[Pair], tell: Callable[[int], object]
) -> Iterator[dict]:
    """Yield a row for each measure and pair: its value and chance by layer.

    Layers are the outer loop, so that only one layer's inner products, (n, n) for each language, are held at a time.
    """
    names = list(next(iter(layers_of.values()), {}))
    comparisons: dict[Pair, list[dict[str, tuple[float, float]]]] = {pair: [] for pair in pairs}
    for layer in names:
        geometries = {code: representations.geometry(layers[layer]) for code, layers in layers_of.items()}
        for first, second in pairs:
            comparisons[first, second].append(representations.compare(geometries[first], geometries[second]))
    for (first, second), by_layer in comparisons.items():
        for measure in representations.MEASURES:
            value, chance = zip(*(each[measure] for each in by_layer), strict=True)
            row = {"source": first, "target": second, "measure": measure, "layers": names}
            yield row | {"value": _short(value), "chance": _short(chance)}
        tell(1)


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


def _short(values: Iterable[float]) -> list[float]:
    """Round to four decimals: finer than a few hundred sentences can tell."""
    return [round(value, 4) for value in values]
