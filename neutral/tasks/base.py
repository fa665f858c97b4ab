"""What all tasks share: the protocol, the score, the training order, batches, and the precision of the device."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from neutral.errors import NeutralError
from neutral.metrics import metric
from neutral.models.devices import gains_from_bfloat16

IGNORED = -100  # torch's label for positions that carry no loss


@dataclass(frozen=True)
class Score:
    """A model's score on one language's held-out examples.

    Attributes
    ----------
    loss : float
        Mean negative log-likelihood, nats for each token (language modelling), word (tagging) or example.
    count : int
        Scored tokens, or examples.
    metric : str
        What `value` is.
    parts : (examples, k) array, or None
        What each example adds to the metric (`metrics.METRICS`); None if it was not kept.
    characters, bytes : int or None
        How much text a causal model was scored on; None of other tasks. Languages compare by bits a character or byte
        of the same text, which do not depend on how many tokens a text is cut into.
    """

    loss: float
    count: int
    metric: str = "perplexity"
    parts: np.ndarray | None = field(default=None, compare=False, repr=False)
    characters: int | None = None
    bytes: int | None = None

    @property
    def value(self) -> float:
        """The metric's value: perplexity is exp(loss), infinite where that overflows."""
        if self.metric == "perplexity":
            return float(np.exp(self.loss)) if self.loss < 700 else float("inf")
        return float(metric(self.metric).over(self.parts))

    @property
    def accuracy(self) -> float | None:
        """Of language modelling, the share of scored tokens whose likeliest token is right; None if not counted."""
        if self.metric != "perplexity" or self.parts is None or self.parts.shape[1] < 3:
            return None
        _, tokens, right = self.parts.sum(axis=0)
        return float(right / max(tokens, 1))


class Task(Protocol):
    """The interface of a task that training, scoring and the search for masks use."""

    name: str  # as results call it: mlm, ner, …
    head: str  # the model's head, as `models.load_model` calls it
    metric: str
    tokenizer: PreTrainedTokenizerBase
    model_options: dict[str, Any]  # keyword arguments for the model's loader

    def items(self, data: Sequence) -> Sequence:
        """Return the items that examples are made of: blocks of text, or the labelled examples themselves."""

    def example(self, item: Any, seed: tuple[int, ...]) -> dict[str, torch.Tensor]:
        """Return the example made of an item; its randomness comes from `seed`."""

    def collate(self, rows: Iterable[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
        """Make a batch of examples."""

    def forward(self, model: PreTrainedModel, batch: dict[str, torch.Tensor]) -> None:
        """Run the network, for what hooks see on the way."""

    def mean_loss(self, model: PreTrainedModel, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the mean loss of a batch's scored tokens or examples."""

    def evaluate(self, model: PreTrainedModel, items: Sequence, *, passes: int = 1) -> Score:
        """Score a model; `passes` matters only if examples are partly random."""


class Order(torch.utils.data.Dataset):
    """The training order: place i takes language i mod L, and that language's items in reshuffled epochs.

    So languages are sampled evenly, however much text each has. The order begins at place `start`: a later round of a
    search may go on where the one before stopped.
    """

    def __init__(
        self, task: Task, items: Mapping[str, Sequence | np.ndarray], size: int, seed: int, start: int = 0
    ) -> None:
        self.task, self.size, self.seed, self.start = task, size, seed, start
        self.items = list(items.values())
        self._shuffled: dict[int, tuple[int, np.ndarray]] = {}  # language -> its last epoch, shuffled

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        place = self.start + index
        which = place % len(self.items)
        items = self.items[which]
        epoch, within = divmod(place // len(self.items), len(items))
        last_epoch, shuffled = self._shuffled.get(which, (None, None))
        if last_epoch != epoch:
            shuffled = np.random.default_rng((self.seed, which, epoch)).permutation(len(items))
            self._shuffled[which] = epoch, shuffled
        return self.task.example(items[shuffled[within]], (self.seed, place))


def stacked(examples: Iterable[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Stack examples of one length into a batch."""
    rows = list(examples)
    return {key: torch.stack([row[key] for row in rows]) for key in rows[0]}


def padded(rows: Sequence[dict[str, torch.Tensor]], fillers: Mapping[str, int]) -> dict[str, torch.Tensor]:
    """Pad examples on the right to the longest of them, (B, T), with `fillers` by key, else 0; stack single numbers."""
    return {
        key: pad_sequence([row[key] for row in rows], batch_first=True, padding_value=fillers.get(key, 0))
        if rows[0][key].ndim
        else torch.stack([row[key] for row in rows])
        for key in rows[0]
    }


def padding_token(tokenizer: PreTrainedTokenizerBase) -> int:
    """Return the id of the padding token; a tokenizer that has none takes its end token.

    Raises `NeutralError` if it has neither.
    """
    if tokenizer.pad_token_id is None:  # causal models often have none; the attention mask hides the substitute
        tokenizer.pad_token = tokenizer.eos_token
    if tokenizer.pad_token_id is None:
        raise NeutralError("this model's tokenizer has neither a padding nor an end token, so texts cannot be batched")
    return tokenizer.pad_token_id


def tell_padding(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Write the padding token into a model's configurations: a causal model finds a text's last token by it.

    Raises `NeutralError` for a model that was built without one and counts its positions by it (M2M100, NLLB).
    """
    counts = (module for module in model.modules() if not isinstance(module, torch.nn.Embedding))
    if any(getattr(module, "padding_idx", 0) is None for module in counts):
        raise NeutralError(
            f"{type(model).__name__}: counts positions by its padding token, and its config.json names none; set "
            f"pad_token_id, {tokenizer.pad_token_id} in its tokenizer"
        )
    for config in (model.config, model.config.get_text_config()):
        config.pad_token_id = tokenizer.pad_token_id


def require_scored(count: int, what: str) -> None:
    """Raise `NeutralError` if there is nothing to score: a mean over nothing would look like a perfect score."""
    if count < 1:
        raise NeutralError(
            f"the held-out text has no {what} to score; raise --length or --held-out-blocks, or add text"
        )


def require_room(length: int, least: int) -> None:
    """Raise `NeutralError` for a length that leaves no text beside the special tokens; `least` does."""
    if length < least:
        raise NeutralError(f"--length {length}: leaves no text beside this model's special tokens; at least {least}")


def alike(items: Sequence, length: Callable[[Any], int], size: int) -> Iterator[list[int]]:
    """Yield the places of items of like length, at most `size` at a time."""
    order = sorted(range(len(items)), key=lambda i: length(items[i]))
    for start in range(0, len(order), size):
        yield order[start : start + size]


def autocast(place: torch.device) -> torch.autocast:
    """Return a bfloat16 autocast if the processor or GPU gains from it, and one that does nothing if not."""
    return torch.autocast(place.type, torch.bfloat16, enabled=gains_from_bfloat16(place))
