"""Find a language's sub-network: iterative magnitude pruning with rewinding, and faster ways.

The lottery-ticket search follows Foroutan et al. (2022, section 3; after Frankle & Carbin 2019, Chen et al. 2020):
start from the pretrained θ0; train the masked network on the task with a fresh optimizer and schedule; remove the
weights of smallest trained magnitude so that `step` of the *original* weights go each round; rewind the
survivors to θ0; repeat. The state between two rounds is θ0 and a mask, so a stopped search needs no
checkpoint to go on.

One-shot methods score the weights once, and every sparsity is a cut of the same scores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from tempfile import TemporaryDirectory

import torch
from transformers import PreTrainedModel, set_seed

from neutral import labels, scores
from neutral.errors import MismatchError, NeutralError
from neutral.masks import Mask
from neutral.models import prunable
from neutral.search import ITERATIVE, METHODS, ONE_SHOT  # noqa: F401  callers know them by this module, too
from neutral.tasks import Order, Score, Task
from neutral.training import Recipe, train

FISHER_EXAMPLES = 1024  # Sung et al. (2021) as used by Foroutan et al. (2022)

Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class Round:
    """A finished round: the network kept `mask` (None: all of it), was trained and scored.

    `following` is what to keep next; None after the last round.
    """

    sparsity: float
    mask: Mask | None
    score: Score
    following: Mask | None = None


@dataclass
class Search:
    """A pretrained model and the data of one language, between whose rounds the weights are rewound.

    `train_items` and `held_out` are what the task's `items` gives; the model is changed in place and can be had back
    with `rewind`.
    """

    model: PreTrainedModel
    task: Task
    train_items: Sequence
    held_out: Sequence
    recipe: Recipe = field(default_factory=Recipe)
    scope: str = "global"
    passes: int = 1
    origin: dict[str, torch.Tensor] | None = None  # θ0, shared between searches of one model
    only: str = ""  # the stack that is pruned; all if empty

    def __post_init__(self) -> None:
        self.weights = prunable(self.model, self.only)
        if self.origin is None:
            self.origin = snapshot(self.model)

    def rewind(self, mask: Mask | None = None) -> dict[str, torch.Tensor] | None:
        """Set the model to θ0, or to mask ⊙ θ0; return the mask as 0/1 tensors on the model's device.

        A pooler that the mask has, found on another task, and the model has not, is passed over; weights that the
        mask has not are left whole. Raises `MismatchError` for another weight that the model lacks.
        """
        rewind(self.model, self.origin)
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

    def trained(self, mask: Mask | None, tell: Tell | None = None) -> Score:
        """Train mask ⊙ θ0 by the recipe and score it; the model is left trained."""
        keep = self.rewind(mask)
        if self.recipe.steps:
            set_seed(self.recipe.seed)
            order = Order(
                self.task,
                {"": self.train_items},
                self.recipe.steps * self.recipe.batch_size,
                self.recipe.seed,
            )
            self.model.train()
            with TemporaryDirectory() as folder:
                train(
                    self.model,
                    self.task,
                    order,
                    self.recipe,
                    folder=folder,
                    weights=self.weights,
                    keep=keep,
                    tell=tell,
                )
        return self.evaluate()

    def evaluate(self) -> Score:
        """Score the model as it stands on the held-out text."""
        return self.task.evaluate(self.model, self.held_out, passes=self.passes)

    def cut(self, found: scores.Scores, share: float, *, scope: str | None = None, kept: Mask | None = None) -> Mask:
        """Drop the lowest `share` of all weights, in the search's scope unless another is given."""
        across = scores.transposed(self.model)
        return scores.cut(found, share, scope or self.scope, kept, transposed=across)

    def batches(self, items: Sequence, size: int) -> Iterator[dict[str, torch.Tensor]]:
        """Yield batches of examples from `items`, drawn by the recipe's seed, on the model's device."""
        seed = self.recipe.seed
        for start in range(0, len(items), size):
            rows = [self.task.example(item, (seed, start + i)) for i, item in enumerate(items[start : start + size])]
            yield {key: value.to(self.model.device) for key, value in self.task.collate(rows).items()}


def levels(sparsity: float, step: float = 0.1) -> list[float]:
    """Return the sparsities of the rounds after the first: step, 2·step, … up to `sparsity`.

    Raises `NeutralError` unless 0 < step ≤ sparsity < 1.
    """
    if not 0 < sparsity < 1 or not 0 < step <= sparsity:
        raise NeutralError(f"sparsity {sparsity:g} in steps of {step:g}: both must be over 0, and sparsity under 1")
    count = int(sparsity / step + 1e-9)
    found = [round(step * i, 6) for i in range(1, count + 1)]
    return found if abs(found[-1] - sparsity) < 1e-9 else [*found, sparsity]


def find(
    search: Search,
    sparsities: list[float],
    *,
    start: int = 0,
    mask: Mask | None = None,
    tell: Tell | None = None,
) -> Iterator[Round]:
    """Search for a lottery ticket; yield each round after its training, scoring and cut.

    Round 0 trains the full model, round r the mask at sparsities[r - 1]; the last round cuts no further. To go on
    with a stopped search, give the round to `start` with and the mask that it keeps.
    """
    for r, sparsity in enumerate([0.0, *sparsities]):
        if r < start:
            continue
        score = search.trained(mask, tell)
        following = None
        if r < len(sparsities):
            following = search.cut(scores.magnitude(search.weights), sparsities[r], kept=mask)
        yield Round(sparsity, mask, score, following)
        mask = following


def one_shot(
    search: Search,
    method: str,
    sparsities: list[float],
    *,
    blocks: Sequence | None = None,
    halves: bool = False,
    tell: Tell | None = None,
) -> dict[str, dict[float, Mask]]:
    """Score the weights once and cut at every sparsity: random | change | fisher | wanda.

    Returns variant -> sparsity -> mask: variant "" is from all of `blocks` (the search's training blocks, if None);
    with `halves` there are also "a" and "b", from its even and its odd blocks. `wanda` cuts within every output row, as
    its authors do; the others use the search's scope. The model is left at θ0, except that `change` leaves it trained.

    Raises `NeutralError` for an unknown method, or halves of less than two blocks.
    """
    blocks = search.train_items if blocks is None else blocks
    if halves and len(blocks) < 2:
        raise NeutralError("one block of text has no two halves; lower --length or add text")
    texts = {"": blocks, "a": blocks[::2], "b": blocks[1::2]} if halves else {"": blocks}
    if method == "wanda":
        search.rewind()
        norms = {v: _norms(search, text) for v, text in texts.items() if v or not halves}
        if halves:
            norms[""] = scores.join(norms["a"], norms["b"])
        found = ((v, scores.from_norms(search.weights, norms[v])) for v in texts)
    else:
        found = ((v, weight_scores(search, method, text, tell)) for v, text in texts.items())
    scope = "row" if method == "wanda" else search.scope
    return {variant: {s: search.cut(each, s, scope=scope) for s in sparsities} for variant, each in found}


def weight_scores(search: Search, method: str, blocks: Sequence, tell: Tell | None = None) -> scores.Scores:
    """Return the score of every prunable weight by a one-shot method, from `blocks` where the method looks at text."""
    if method == "change":
        replace(search, train_items=blocks).trained(None, tell)
        return scores.change(search.weights, search.origin)
    search.rewind()
    if method == "random":
        return scores.random(search.weights, search.recipe.seed)
    if method == "wanda":
        return scores.from_norms(search.weights, _norms(search, blocks))
    if method == "fisher":
        examples = search.batches(blocks[:FISHER_EXAMPLES], 1)
        return scores.fisher(search.model, search.weights, examples, search.task.mean_loss)
    raise NeutralError(f"no such method: {method}; use {', '.join(METHODS)}")


def _norms(search: Search, blocks: Sequence) -> scores.Scores:
    return scores.input_norms(
        search.model, search.weights, search.batches(blocks, search.recipe.batch_size), search.task.forward
    )


def snapshot(model: PreTrainedModel) -> dict[str, torch.Tensor]:
    """Return a copy of every parameter and buffer, on the model's device."""
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


@torch.no_grad()
def rewind(model: PreTrainedModel, origin: dict[str, torch.Tensor]) -> None:
    """Set the model back to a snapshot."""
    for name, tensor in model.state_dict().items():
        tensor.copy_(origin[name])
