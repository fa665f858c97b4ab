"""Natural language inference as text to text, for encoder-decoders (Raffel et al. 2020; Xue et al. 2021 for mT5).

The network reads both texts in a prompt, "xnli: premise: … hypothesis: …" say, and is trained to write the name of the
class. Its answer is the name that it finds likeliest, or the text that it writes (`wording.ANSWERS`).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional as F
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from neutral.errors import NeutralError
from neutral.tasks.base import IGNORED, autocast
from neutral.tasks.classification import Classification
from neutral.tasks.decoding import GREEDY, first_token, shifted_right
from neutral.tasks.examples import Example
from neutral.tasks.wording import Wording, filled


class TextToText(Classification):
    """Classification by the name of the class: the head is the language model's own, and nothing in it is new.

    Raises `NeutralError` if answers are generated and the tokenizer writes two names alike.
    """

    head = "seq2seq"

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        labels: Sequence[str],
        *,
        length: int = 128,
        wording: Wording | None = None,
    ) -> None:
        super().__init__(tokenizer, length=length)
        self.labels, self.wording = list(labels), wording or Wording()
        self._fillers["labels"] = IGNORED
        end = tokenizer.eos_token_id if tokenizer.eos_token_id is not None else tokenizer.sep_token_id
        self._end = [] if end is None else [end]
        self.names = [torch.tensor(self._tokens(label) + self._end) for label in self.labels]
        self.written = [self._text(name) for name in self.names]
        if self.wording.answer == "generated" and len(set(self.written)) < len(self.written):
            raise NeutralError(
                f"--answer generated: this model's tokenizer writes two of the classes {', '.join(self.labels)} alike; "
                "use --answer likeliest"
            )

    def example(self, example: Example, _seed: tuple[int, ...] = ()) -> dict[str, torch.Tensor]:
        """Return the tokens read, (T,) each, T ≤ length, and those of the class's name, `labels` (N,).

        If the texts are too long, the premise is cut.
        """
        premise, *others = example.texts
        before, after = (filled(part, others[0] if others else None) for part in self.wording.around)
        tail = [*self._tokens(after.strip()), *self._end][: self.length]
        ids = (self._tokens(before + premise)[: self.length - len(tail)] + tail) or self._end
        tokens = torch.tensor(ids)
        return {"input_ids": tokens, "attention_mask": torch.ones_like(tokens), "labels": self.names[example.label]}

    def _around(self, texts: int) -> int:
        """Return how many tokens of the prompt stand around so many texts, and at their end."""
        before, after = (filled(part, "" if texts > 1 else None) for part in self.wording.around)
        return len(self._tokens(before)) + len(self._tokens(after.strip())) + len(self._end)

    def forward(self, model: PreTrainedModel, batch: dict[str, torch.Tensor]) -> None:
        """Run the network, for what hooks see on the way; its decoder reads the name of the right class."""
        with autocast(model.device):
            self._losses(model, batch["labels"], input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])

    def mean_loss(self, model: PreTrainedModel, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the mean negative log-likelihood of a batch's names."""
        return self._losses(
            model, batch["labels"], input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]
        ).mean()

    def _costs(self, model: PreTrainedModel, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the negative log-likelihood of every class's name, (B, classes); texts are read once for all names."""
        mask = batch["attention_mask"]
        encoded = model.get_encoder()(input_ids=batch["input_ids"], attention_mask=mask)
        names = [name.to(mask.device).expand(len(mask), -1) for name in self.names]
        costs = [self._losses(model, name, encoder_outputs=encoded, attention_mask=mask) for name in names]
        return torch.stack(costs, dim=1)

    def _chosen(self, model: PreTrainedModel, batch: dict[str, torch.Tensor], costs: torch.Tensor) -> torch.Tensor:
        """Return the number of the class that each example gets, (B,); -1 where the text written names none."""
        if self.wording.answer == "likeliest":
            return super()._chosen(model, batch, costs)
        tokens = model.generate(
            input_ids=batch["input_ids"],
            attention_mask=batch["attention_mask"],
            max_new_tokens=max(map(len, self.names)),
            decoder_start_token_id=first_token(model, self.names[0]),
            eos_token_id=self._end or None,
            pad_token_id=self.tokenizer.pad_token_id,
            **GREEDY,
        )
        number = {text: i for i, text in enumerate(self.written)}
        return torch.tensor([number.get(self._text(row), -1) for row in tokens], device=costs.device)

    def _losses(self, model: PreTrainedModel, names: torch.Tensor, **inputs: object) -> torch.Tensor:
        """Return the negative log-likelihood of each name (B, N), `IGNORED` after its end, given the model's inputs."""
        first = first_token(model, self.names[0])
        logits = model(
            decoder_input_ids=shifted_right(names, first, self.tokenizer.pad_token_id),
            decoder_attention_mask=(names != IGNORED).long(),
            **inputs,
        ).logits.float()
        each = F.cross_entropy(logits.transpose(1, 2), names, ignore_index=IGNORED, reduction="none")  # (B, N)
        return each.sum(dim=1)

    def _text(self, tokens: torch.Tensor) -> str:
        """Return the text of tokens (N,), without the special ones."""
        return self.tokenizer.decode(tokens, skip_special_tokens=True)

    def _tokens(self, text: str) -> list[int]:
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]
