"""The loops of the papers' scripts, written from their description with torch alone.

Foroutan et al. (2022): `Scripts` trains, prunes by magnitude and rewinds; `BATCHES` reads examples as the scripts do.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch.nn.utils import prune

from neutral.tasks import Order

PRUNED = {
    "bert": ("query", "key", "value", "attention.output.dense", "intermediate.dense", "output.dense", "pooler.dense"),
    "mt5": ("q", "k", "v", "o", "wi_0", "wi_1", "wo"),
}
STACKS = {"bert": ("",), "mt5": ("encoder.", "decoder.")}


class OldAdamW(torch.optim.Optimizer):
    """AdamW as transformers 4 had it: ε is added to √v before the bias of v is taken out."""

    def __init__(self, parameters, lr, epsilon=1e-8):
        super().__init__(parameters, {"lr": lr})
        self.epsilon, self.count = epsilon, 0

    @torch.no_grad()
    def step(self):
        self.count += 1
        for group in self.param_groups:
            step = group["lr"] * (1 - 0.999**self.count) ** 0.5 / (1 - 0.9**self.count)
            for weight in group["params"]:
                if weight.grad is not None:
                    moments = self.state[weight]
                    if not moments:
                        moments.update(m=torch.zeros_like(weight), v=torch.zeros_like(weight))
                    moments["m"].lerp_(weight.grad, 0.1)
                    moments["v"].lerp_(weight.grad**2, 0.001)
                    weight -= step * moments["m"] / (moments["v"].sqrt() + self.epsilon)


class Scripts:
    """A model in the hands of the scripts; `origin` is θ0 by name, `clip` the greatest norm of a step's gradient."""

    def __init__(self, model, origin, rate, *, clip=1.0, adamw=OldAdamW):
        self.model, self.origin, self.rate, self.clip, self.adamw = model, origin, rate, clip, adamw
        self.family = "mt5" if model.config.is_encoder_decoder else "bert"
        leaves = tuple(f".{leaf}" for leaf in PRUNED[self.family])
        self.modules = {
            name: module
            for name, module in model.named_modules()
            if isinstance(module, torch.nn.Linear) and name.endswith(leaves)
        }

    def train(self, batches, total):
        """A new AdamW without decay; the rate falls in a line to 0 at step `total`; gradients are clipped."""
        optimizer = self.adamw(self.model.parameters(), lr=self.rate)
        for group in optimizer.param_groups:
            group["weight_decay"] = 0.0
        self.model.train()
        for i, batch in enumerate(batches):
            optimizer.param_groups[0]["lr"] = self.rate * (1 - i / total)
            self.model.zero_grad()
            self.model(**batch).loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
            optimizer.step()
        with torch.no_grad():  # the scripts score here; pruned layers hold the last pass's weights, which a cut reads
            self.model(**batch)

    def cut(self, share):
        """Prune the share of smallest magnitude of what is left; mT5's stacks each for itself."""
        for stack in STACKS[self.family]:
            group = [(module, "weight") for name, module in self.modules.items() if name.startswith(stack)]
            prune.global_unstructured(group, prune.L1Unstructured, amount=share)

    def put_on(self, mask):
        """Prune by a mask: its zeros stay zero in training, and so do their gradients."""
        for name, module in self.modules.items():
            prune.CustomFromMask.apply(module, "weight", mask.to_tensors()[f"{name}.weight"].float())

    @torch.no_grad()
    def rewind(self):
        """Set the weights back to θ0: of mBERT all but the task's head, of mT5 all."""
        for name, tensor in self.model.state_dict().items():
            plain = name.removesuffix("_orig")
            if plain in self.origin and (self.family == "mt5" or plain.startswith("bert.")):
                tensor.copy_(self.origin[plain])

    def kept(self):
        """Name of a pruned matrix -> what is kept, as bool."""
        return {f"{name}.weight": module.weight_mask.bool() for name, module in self.modules.items()}

    def weights(self):
        """Name -> tensor of every weight, pruned ones at zero."""
        state = self.model.state_dict()
        masks = {name.removesuffix("_mask"): tensor for name, tensor in state.items() if name.endswith("_mask")}
        plain = {name.removesuffix("_orig"): tensor for name, tensor in state.items() if not name.endswith("_mask")}
        return {name: tensor * masks.get(name, 1) for name, tensor in plain.items()}


def in_order(items, size, steps, first=0) -> Iterator[list]:
    """Batches of items from step `first` on, in the library's order: an epoch is drawn by (0, 0, its number)."""
    places = range(first * size, (first + steps) * size)
    epochs = {
        epoch: np.random.default_rng((0, 0, epoch)).permutation(len(items))
        for epoch in {place // len(items) for place in places}
    }
    chosen = [items[epochs[place // len(items)][place % len(items)]] for place in places]
    return (chosen[i : i + size] for i in range(0, len(chosen), size))


def language_batches(task, blocks, size, steps, first=0):
    """Blocks of text, masked by the library, whose draws are its own; nothing says where padding is."""
    order = Order(task, {"": blocks}, (first + steps) * size, 0)
    for start in range(first * size, (first + steps) * size, size):
        batch = task.collate([order[place] for place in range(start, start + size)])
        yield {"input_ids": batch["input_ids"], "labels": batch["labels"]}


def name_batches(task, sentences, size, steps, first=0):
    """Sentences padded to the length; the first token of a word has its tag, the others have none."""
    options = {"is_split_into_words": True, "padding": "max_length", "truncation": True, "return_tensors": "pt"}
    for rows in in_order(sentences, size, steps, first):
        tokens = task.tokenizer([list(row.words) for row in rows], max_length=task.length, **options)
        labels = torch.full(tokens["input_ids"].shape, -100)
        for i, row in enumerate(rows):
            words = tokens.word_ids(i)
            for word in set(words) - {None}:
                labels[i, words.index(word)] = row.tags[word]
        yield {**tokens, "labels": labels}


def inference_batches(task, pairs, size, steps, first=0):
    """Premise and hypothesis padded to the length, the longer one cut first."""
    options = {"padding": "max_length", "truncation": True, "return_tensors": "pt"}
    for rows in in_order(pairs, size, steps, first):
        premises, hypotheses = (list(texts) for texts in zip(*(row.texts for row in rows), strict=True))
        tokens = task.tokenizer(premises, hypotheses, max_length=task.length, **options)
        yield {**tokens, "labels": torch.tensor([row.label for row in rows])}


BATCHES = {"mlm": language_batches, "ner": name_batches, "nli": inference_batches}
