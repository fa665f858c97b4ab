"""A pretrained model and the data of one language: masked, trained, scored, cut, and rewound."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from transformers import PreTrainedModel, set_seed

from neutral import labels, scores
from neutral.curves import Curve
from neutral.errors import MismatchError
from neutral.masks import Mask
from neutral.models import adapters, prunable
from neutral.recipes import Recipe
from neutral.search.rewind import head_names, rewind, snapshot
from neutral.tasks import Order, Score, Task
from neutral.training import train

Tell = Callable[[int, int], None]


@dataclass
class Search:
    """A pretrained model and the data of one language. The model is changed in place; `rewind` restores it.

    Attributes
    ----------
    model : PreTrainedModel
        The network that is masked, trained and scored.
    task : Task
        What it is trained on and how it is scored.
    train_items, held_out : sequence
        Training and held-out text, as the task's `items` returns it.
    recipe : Recipe
        How it is trained, with the seed of everything that is drawn.
    scope : str
        The groups in which weights are cut: see `scores.cut`.
    passes : int
        How often the held-out text is scored, each time with other positions masked.
    origin : name -> tensor
        θ0, taken from the model if None; searches of one model may share it.
    only : str
        The stack that is pruned; all if empty.
    weights : name -> parameter
        The prunable weights of the model.
    language : str
        The language of the data, for models that read each with parts of its own; "" if unknown.
    head : name -> tensor
        The task's head as the last round left it, if the recipe keeps it; empty before any.
    tokens : variant -> weight name -> int
        How many tokens each expert's matrix saw in the last pass of Wanda; empty for a model without experts.
    unreached : tuple of str
        Weights that no token of that pass reached: of experts, and of other languages' adapters. They score 0.
    curve : Curve, optional
        Where loss and rate of its trainings go.
    """

    model: PreTrainedModel
    task: Task
    train_items: Sequence
    held_out: Sequence
    recipe: Recipe = field(default_factory=Recipe)
    scope: str = "global"
    passes: int = 1
    origin: dict[str, torch.Tensor] | None = None
    only: str = ""
    language: str = ""
    head: dict[str, torch.Tensor] = field(default_factory=dict)
    tokens: dict[str, dict[str, int]] = field(default_factory=dict)
    unreached: tuple[str, ...] = ()
    curve: Curve | None = None

    def __post_init__(self) -> None:
        self.weights = prunable(self.model, self.only)
        if self.origin is None:
            self.origin = snapshot(self.model)

    def rewind(self, mask: Mask | None = None) -> dict[str, torch.Tensor] | None:
        """Set the model to θ0, or to mask ⊙ θ0, reading the search's language; return the mask as 0/1 tensors.

        Weights that the mask lacks stay whole. A mask that was found on another task may have a pooler that the model
        lacks; it is ignored. Raises `MismatchError` for any other weight that the model lacks.
        """
        rewind(self.model, self.origin)
        adapters.speak(self.model, self.language)
        if mask is None:
            return None
        keep = {}
        for name, tensor in mask.to_tensors().items():
            if name in self.weights:
                keep[name] = tensor.to(self.model.device)
            elif labels.label(name).component != "pooler":
                raise MismatchError(f"{name}: the mask has it, {type(self.model).__name__} does not")
        with torch.no_grad():
            for name, tensor in keep.items():
                self.weights[name].mul_(tensor)
        return keep

    def trained(self, mask: Mask | None, tell: Tell | None = None, *, number: int = 0, rounds: int = 1) -> Score:
        """Train mask ⊙ θ0 by the recipe, as round `number` of `rounds`, and score it; the model is left trained."""
        keep = self.rewind(mask)
        if self.recipe.head == "keep":
            self.model.load_state_dict(self.head, strict=False)
        if self.recipe.steps:
            set_seed(self.recipe.seed_of(number))
            self.model.train()
            train(
                self.model,
                self.task,
                self._order(number),
                self.recipe,
                weights=self.weights,
                keep=keep,
                number=number,
                rounds=rounds,
                tell=tell,
                curve=self.curve,
            )
        if self.recipe.head == "keep":
            parameters = dict(self.model.named_parameters())
            self.head = {name: parameters[name].detach().clone() for name in head_names(self.model)}
        return self.evaluate()

    def _order(self, number: int) -> Order:
        """Return the examples of a round."""
        size = self.recipe.steps * self.recipe.examples_a_step
        start = number * size if self.recipe.examples == "fresh" else 0
        return Order(self.task, {"": self.train_items}, size, self.recipe.seed, start)

    def evaluate(self) -> Score:
        """Score the model as it stands on the held-out text."""
        adapters.speak(self.model, self.language)
        return self.task.evaluate(self.model, self.held_out, passes=self.passes)

    def cut(
        self, weight_scores: scores.Scores, share: float, *, scope: str | None = None, kept: Mask | None = None
    ) -> Mask:
        """Drop the lowest `share` of all weights of the scores, by default in the search's scope."""
        transposed = scores.transposed(self.model)
        return scores.cut(weight_scores, share, scope or self.scope, kept, transposed=transposed)

    def batches(
        self, items: Sequence, size: int, places: Sequence[int] | None = None
    ) -> Iterator[dict[str, torch.Tensor]]:
        """Yield batches of the examples of `items`, or of those at `places`, on the model's device.

        What is random of an example is drawn from the recipe's seed and its place.
        """
        adapters.speak(self.model, self.language)
        places = range(len(items)) if places is None else places
        for start in range(0, len(places), size):
            rows = [self.task.example(items[i], (self.recipe.seed, i)) for i in places[start : start + size]]
            yield {key: value.to(self.model.device) for key, value in self.task.collate(rows).items()}
