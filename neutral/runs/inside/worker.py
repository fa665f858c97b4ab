"""What a device does inside a model: reads sentences under a mask, and compares the languages layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerBase

from neutral import models, scores
from neutral.inside import definitions, representations, retrieval
from neutral.inside.definitions import Definition
from neutral.inside.states import LENGTH, require_pooling, states, usual_pooling
from neutral.masks import Mask
from neutral.models import adapters
from neutral.runs.plans.inside import InsidePlan
from neutral.runs.timing import seconds_of
from neutral.runs.units import Tell, Unit, Worker
from neutral.search import controls
from neutral.search.rewind import rewind, snapshot
from neutral.study import PRETRAINED
from neutral.tasks import making

Pair = tuple[str, str]
Worn = Mask | Mapping[str, Mask] | None
"""What the model wears: one mask for all sentences, one for each language's, or none (the full model)."""

Layers = dict[str, np.ndarray]
"""Layer -> (n, d) states."""

RETRIEVAL, REPRESENTATION = "retrieval", "representation"


@dataclass(frozen=True)
class Look:
    """A unit: what is seen under a mask, by its name in the rows."""

    kind: str  # RETRIEVAL or REPRESENTATION
    mask: str


@dataclass(frozen=True)
class Of:
    """What a study says of the model that its masks are of.

    Attributes
    ----------
    task : str
        Whose head it has, so that its weights have their names in the study.
    only, scope : str
        The stack that is pruned, and among which weights a cut compares; "" the model's usual ones.
    """

    task: str
    only: str = ""
    scope: str = ""


def loaded(plan: InsidePlan, of: Of, tokenizer: PreTrainedTokenizerBase, options: Mapping[str, Any]) -> models.Loaded:
    """Return the model with the head of the study's task; a head that is new has no part in the states."""
    encoder_decoder = of.task in making.LABELLED and models.is_encoder_decoder(plan.model, **options)
    head = making.head(of.task, encoder_decoder=encoder_decoder)
    return models.load(plan.model, head, seed=plan.seed, tokenizer=tokenizer, **options)


def reader(
    model: str,
    device: str,
    *,
    plan: InsidePlan,
    of: Of,
    sentences: Mapping[str, Sequence[str]],
    options: Mapping[str, Any],
) -> Reader:
    """Return a worker, whose model is loaded from where it is on this machine."""
    plan = replace(plan, model=model)
    tokenizer = models.load_tokenizer(model, **options)
    own = loaded(plan, of, tokenizer, options)
    adapters.prepare(own.model, list(sentences))
    return Reader(plan, of, sentences, tokenizer, own, device)


class Reader(Worker):
    """One model, and parallel sentences."""

    def __init__(
        self,
        plan: InsidePlan,
        of: Of,
        sentences: Mapping[str, Sequence[str]],
        tokenizer: PreTrainedTokenizerBase,
        own: models.Loaded,
        device: str,
    ) -> None:
        self.plan, self.of, self.sentences, self.tokenizer, self.model = plan, of, sentences, tokenizer, own.model
        self.weights = models.prunable(self.model, of.only)
        self.definition = Definition(plan.candidates, plan.pooling or usual_pooling(self.model), plan.score)
        require_pooling(self.model, tokenizer, self.definition.pooling)
        self.model.to(models.device(device)).eval()
        self.origin = snapshot(self.model)

    def do(self, unit: Unit, given: Mapping[str, Any], tell: Tell) -> Iterator[list[dict]]:
        """Yield the rows of a pair after the other; see `Worker.do`."""
        look, pairs = unit.asked, given["pairs"]
        codes = {code for pair in pairs for code in pair}
        done, steps = 0, len(codes) + len(pairs)

        def advance() -> None:
            nonlocal done
            done += 1
            tell(done, steps)

        layers_of = dict(self.states(self._worn(look.mask, given), codes, advance))
        if look.kind == RETRIEVAL:
            found = _retrieval(layers_of, pairs, self.definition)
        else:
            found = _representation(layers_of, pairs)
        for rows in found:
            advance()
            yield [said(look.kind, self.definition) | row for row in rows]
        rewind(self.model, self.origin)

    def seconds(self, unit: Unit, given: Mapping[str, Any]) -> float:
        """Estimate how long a unit takes, from reading two languages and comparing them."""
        pairs, worn = given["pairs"], self._worn(unit.asked.mask, given)
        read: dict[str, Layers] = {}
        reading = seconds_of(lambda: read.update(self.states(worn, pairs[0])))
        is_retrieval = unit.asked.kind == RETRIEVAL
        rows = _retrieval(read, pairs[:1], self.definition) if is_retrieval else _representation(read, pairs[:1])
        comparing = seconds_of(lambda: list(rows))
        rewind(self.model, self.origin)
        return reading * len({code for pair in pairs for code in pair}) / 2 + comparing * len(pairs)

    def states(
        self, worn: Worn, codes: Iterable[str], tell: Callable[[], None] = lambda: None
    ) -> Iterator[tuple[str, Layers]]:
        """Yield (language, layer -> states) of some languages, read under what the model wears."""
        plan, pooling = self.plan, self.definition.pooling
        if not isinstance(worn, Mapping):
            self._wear(worn)
        for code in [code for code in self.sentences if code in set(codes)]:
            if isinstance(worn, Mapping):
                self._wear(worn[code])
            adapters.speak(self.model, code)
            length = min(LENGTH, models.positions(self.model) or LENGTH)
            own = {"pooling": pooling, "batch": plan.batch, "length": length}
            yield code, states(self.model, self.tokenizer, self.sentences[code], **own)
            tell()

    def control(self, name: str) -> Mask:
        """Return the random mask, or the one of the untouched weights."""
        rewind(self.model, self.origin)
        if name == PRETRAINED:
            usual = "stack" if getattr(self.model.config, "is_encoder_decoder", False) else "global"
            scope, across = self.of.scope or usual, scores.transposed(self.model)
            return controls.pretrained(self.origin, self.weights, self.plan.sparsity, scope, transposed=across)
        return Mask.random(self.weights, self.plan.sparsity, self.plan.seed)

    def _worn(self, name: str, given: Mapping[str, Any]) -> Worn:
        """Return what the model wears under a name: what is given, or a control, which takes the model."""
        if name in ("random", PRETRAINED):
            return self.control(name)
        if name == "own":
            return {code: given[f"mask {code}"] for code in self.sentences if f"mask {code}" in given}
        return given.get("mask")

    def _wear(self, mask: Mask | None) -> None:
        rewind(self.model, self.origin)
        if mask is not None:
            mask.apply(self.model, strict=False)  # a pooler's mask, under a head that has none


def said(kind: str, definition: Definition) -> dict[str, str]:
    """Return what rows of a kind say of the definition; representations have no candidates and no score."""
    return definitions.written(definition) if kind == RETRIEVAL else definitions.written(definition, ("pooling",))


def _retrieval(layers_of: dict[str, Layers], pairs: Sequence[Pair], definition: Definition) -> Iterator[list[dict]]:
    """Yield two rows for each pair, one for each direction: accuracy at 1 and 5 by layer."""
    for first, second in pairs:
        one, other = layers_of[first], layers_of[second]
        names = list(one)
        there, back = zip(*(retrieval.both_ways(one[name], other[name], definition) for name in names), strict=True)
        rows = []
        for source, target, accuracies in ((first, second, there), (second, first, back)):
            at1, at5 = zip(*accuracies, strict=True)
            row = {"source": source, "target": target, "layers": names, "at1": _short(at1), "at5": _short(at5)}
            rows.append(row | {"k": retrieval.NEIGHBOURS})
        yield rows


def _representation(layers_of: dict[str, Layers], pairs: Sequence[Pair]) -> Iterator[list[dict]]:
    """Yield a row for each measure of a pair after the other: its value and chance by layer.

    Layers are the outer loop, so that only one layer's inner products, (n, n) for each language, are held at a time.
    """
    names = list(next(iter(layers_of.values()), {}))
    comparisons: dict[Pair, list[dict[str, tuple[float, float]]]] = {pair: [] for pair in pairs}
    for layer in names:
        geometries = {code: representations.geometry(layers[layer]) for code, layers in layers_of.items()}
        for first, second in pairs:
            comparisons[first, second].append(representations.compare(geometries[first], geometries[second]))
    for (first, second), by_layer in comparisons.items():
        rows = []
        for measure in representations.MEASURES:
            value, chance = zip(*(each[measure] for each in by_layer), strict=True)
            row = {"source": first, "target": second, "measure": measure, "layers": names}
            rows.append(row | {"value": _short(value), "chance": _short(chance)})
        yield rows


def _short(values: Iterable[float]) -> list[float]:
    """Round to four decimals: finer than a few hundred sentences can tell."""
    return [round(value, 4) for value in values]
