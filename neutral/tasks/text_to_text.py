"""Natural language inference as text to text, for encoder-decoders (Raffel et al. 2020; Xue et al. 2021 for mT5).

The network reads "xnli: premise: … hypothesis: …" and is trained to write the name of the class. It is scored by which
of the names it finds likeliest, so every answer is one of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional as F
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from neutral.tasks.base import IGNORED, Score, alike, autocast, padded, padding_token
from neutral.tasks.classification import Example


class TextToText:
    """Inference as text to text over one tokenizer: makes batches, and gives their loss and a model's accuracy."""

    name, head, metric = "nli", "seq2seq", "accuracy"

    def __init__(self, tokenizer: PreTrainedTokenizerBase, labels: Sequence[str], *, length: int = 128) -> None:
        self.tokenizer, self.labels, self.length = tokenizer, list(labels), length
        self.model_options: dict = {}
        self._fillers = {"input_ids": padding_token(tokenizer), "labels": IGNORED}
        end = tokenizer.eos_token_id if tokenizer.eos_token_id is not None else tokenizer.sep_token_id
        self._end = [] if end is None else [end]
        self.names = [torch.tensor(self._tokens(label) + self._end) for label in self.labels]

    def items(self, data: Sequence[Example]) -> Sequence[Example]:
        """Return the examples as they are."""
        return data

    def example(self, example: Example, _seed: tuple[int, ...] = ()) -> dict[str, torch.Tensor]:
        """Return the tokens read, (T,) each, T ≤ length, and those of the class's name, `labels` (N,).

        Where the texts are too long the first of them is cut.
        """
        first, *second = example.texts
        tail = self._tokens(f"hypothesis: {second[0]}") if second else []
        tail = [*tail, *self._end][: self.length]
        ids = (self._tokens(f"xnli: premise: {first}")[: self.length - len(tail)] + tail) or self._end
        read = torch.tensor(ids)
        return {"input_ids": read, "attention_mask": torch.ones_like(read), "labels": self.names[example.label]}

    def collate(self, rows: Sequence[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
        """Pad examples on the right to the longest of them, (B, T), and the names, (B, N)."""
        return padded(rows, self._fillers)

    def forward(self, model: PreTrainedModel, batch: dict[str, torch.Tensor]) -> None:
        """Run the network, for what hooks see on the way; its decoder reads the name of the right class."""
        with autocast(model.device):
            self._losses(model, batch["labels"], input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])

    def mean_loss(self, model: PreTrainedModel, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the mean negative log-likelihood of a batch's names."""
        return self._losses(
            model, batch["labels"], input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]
        ).mean()

    @torch.inference_mode()
    def evaluate(
        self, model: PreTrainedModel, examples: Sequence[Example], *, batch_size: int = 32, passes: int = 1
    ) -> Score:
        """Score a model by the likeliest name; texts are read once for all names. Nothing is random here."""
        was_training, place = model.training, next(model.parameters()).device
        model.eval()
        parts, loss = np.ones((len(examples), 2)), 0.0  # right, examples
        for places in alike(examples, lambda example: sum(map(len, example.texts)), batch_size):
            batch = self.collate([self.example(examples[i]) for i in places])
            mask = batch["attention_mask"].to(place)
            with autocast(place):
                read = model.get_encoder()(input_ids=batch["input_ids"].to(place), attention_mask=mask)
                losses = torch.stack(
                    [
                        self._losses(
                            model, name.to(place).expand(len(places), -1), encoder_outputs=read, attention_mask=mask
                        )
                        for name in self.names
                    ],
                    dim=1,
                )  # (B, classes)
            right = torch.tensor([examples[i].label for i in places], device=place)
            parts[places, 0] = (losses.argmin(dim=1) == right).cpu().numpy()
            loss += float(losses.gather(1, right[:, None]).sum())
        model.train(was_training)
        return Score(loss / len(examples), len(examples), self.metric, parts)

    def _losses(self, model: PreTrainedModel, names: torch.Tensor, **read: object) -> torch.Tensor:
        """Return the negative log-likelihood of each name (B, N), `IGNORED` where it is over, after what is read."""
        logits = model(
            decoder_input_ids=model.prepare_decoder_input_ids_from_labels(labels=names),
            decoder_attention_mask=(names != IGNORED).long(),
            **read,
        ).logits.float()
        each = F.cross_entropy(logits.transpose(1, 2), names, ignore_index=IGNORED, reduction="none")  # (B, N)
        return each.sum(dim=1)

    def _tokens(self, text: str) -> list[int]:
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]
