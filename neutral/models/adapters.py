"""Models that have parts of their own for each language: which of them reads a text.

X-MOD has an adapter a language in every block (Pfeiffer et al. 2022, arXiv 2205.06266), XLM and FlauBERT may add a
language's embedding to that of every token (Conneau & Lample 2019, arXiv 1901.07291). Without being told the language,
X-MOD reads everything with one default adapter, or refuses, and XLM adds nothing. `speak` tells a model the language of
what follows. It does nothing to a model that has no such parts. Models that mark the language by a token of the text
(mBART, M2M100, NLLB) have none either: nothing is put into their texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel

from neutral.corpora import parts
from neutral.errors import NeutralError
from neutral.languages import language as known

_ID = "_neutral_language"  # of a base model: the number of the language that it reads


@dataclass(frozen=True)
class Tongues:
    """The languages that a model has parts for.

    Attributes
    ----------
    numbers : language -> int
        By the names that the configuration gives them (en_XX, sw_KE).
    default : str or None
        The language whose part reads all others.
    argument : str
        What the base model's forward pass calls the numbers.
    by_token : bool
        Whether it takes a number a token, (B, T), or a text, (B,).
    """

    numbers: dict[str, int]
    default: str | None
    argument: str
    by_token: bool

    def name(self, language: str) -> str | None:
        """Return the name of a language here: its own, else the first one of the same language; None if there is none.

        >>> tongues = Tongues({"en_XX": 0, "zh_CN": 1, "zh_TW": 2}, None, "lang_ids", False)
        >>> tongues.name("zh"), tongues.name("zh_TW"), tongues.name("eng"), tongues.name("sw")
        ('zh_CN', 'zh_TW', 'en_XX', None)
        """
        if language in self.numbers:
            return language
        first = _subtag(language)
        same = [name for name in self.numbers if _subtag(name) == first]
        return next(iter(same or [n for n in self.numbers if known(_subtag(n)).iso3 == known(first).iso3]), None)


def tongues(config: PreTrainedConfig) -> Tongues | None:
    """Return the languages that a model has parts for, by its configuration; None if it has none, or they are unnamed.

    XLM names its languages in `lang2id`, which a checkpoint may lack.
    """
    if config.model_type == "xmod":
        numbers = {str(name): number for number, name in enumerate(config.languages)}
        return Tongues(numbers, config.default_language, "lang_ids", by_token=False)
    if _adds_embeddings(config) and getattr(config, "lang2id", None):
        return Tongues(
            {str(name): int(number) for name, number in config.lang2id.items()}, None, "langs", by_token=True
        )
    return None


def require_tongues(source: str | Path, config: PreTrainedConfig) -> None:
    """Raise `NeutralError` for a configuration whose list of languages cannot be: empty, or not of names to numbers."""
    if config.model_type == "xmod":
        named = config.languages
        if not isinstance(named, (list, tuple)) or not named or not all(isinstance(name, str) for name in named):
            raise NeutralError(f"{source}/config.json: languages is no list of names, and X-MOD has adapters for some")
        if config.default_language not in (None, *named):
            raise NeutralError(
                f"{source}/config.json: default_language is {config.default_language!r}, and languages has only "
                f"{', '.join(named)}"
            )
    elif _adds_embeddings(config) and (numbers := getattr(config, "lang2id", None)):
        most = config.n_langs
        if not isinstance(numbers, dict) or not all(type(n) is int and 0 <= n < most for n in numbers.values()):
            raise NeutralError(
                f"{source}/config.json: lang2id does not give every language a number from 0 to {most - 1} (n_langs is "
                f"{most})"
            )


def speak(model: PreTrainedModel, language: str) -> None:
    """Make a model read what follows as text in a language, in place; nothing changes in one without such parts.

    The model takes its own default for a language that it has no part for, and for "", an unknown one. Numbers that the
    caller passes to the forward pass go before.

    Raises `NeutralError` naming the model's languages if it has neither, and for a mixture of languages.
    """
    spoken = tongues(model.config)
    if spoken is None:
        return
    base = model.base_model
    if not hasattr(base, _ID):
        base.register_forward_pre_hook(_tell, with_kwargs=True)
    setattr(base, _ID, spoken.numbers[_read_as(model, spoken, language)])


def prepare(model: PreTrainedModel, languages: Iterable[str]) -> list[str]:
    """Return what is to be said of the way a model reads languages, in sentences; nothing for most models.

    Raises `NeutralError` for the first language that `speak` would refuse.
    """
    spoken, name = tongues(model.config), type(model).__name__
    if spoken is None:
        if _adds_embeddings(model.config):
            return [
                f"{name}: its configuration does not name its languages (lang2id), so no language embedding is added"
            ]
        return []
    without = [code for code in languages if _read_as(model, spoken, code) != spoken.name(code)]
    if not without:
        return []
    return [
        f"{name} has no adapter for {', '.join(without)}: its default, {spoken.default}, reads "
        f"{'it' if len(without) == 1 else 'them'} (it has {', '.join(spoken.numbers)})"
    ]


def require_one(model: PreTrainedModel, languages: Sequence[str]) -> None:
    """Raise `NeutralError` if a model is to be trained on several languages at once, and has parts for each."""
    if len(languages) > 1 and tongues(model.config) is not None:
        raise NeutralError(
            f"{type(model).__name__}: reads each language with parts of its own, and these batches would mix "
            f"{', '.join(languages)}; take one language"
        )


def _read_as(model: PreTrainedModel, spoken: Tongues, language: str) -> str:
    """Return the name of the language whose part reads a text."""
    require_one(model, parts(language) if language else [])
    name = spoken.name(language) if language else None
    if name is None and spoken.default is None:
        raise NeutralError(
            f"{type(model).__name__}: has nothing for {language or 'an unknown language'}, and no default; it has "
            f"{', '.join(spoken.numbers)}"
        )
    return spoken.default if name is None else name


def _tell(base: nn.Module, inputs: tuple, named: dict[str, object]) -> tuple[tuple, dict[str, object]]:
    """Pass the number of the language to the base model's forward pass."""
    spoken = tongues(base.config)
    if len(inputs) > 2 or named.get(spoken.argument) is not None:  # the third argument of both
        return inputs, named
    tokens = inputs[0] if inputs else named.get("input_ids")
    tokens = named["inputs_embeds"][..., 0] if tokens is None else tokens  # (B, T)
    shape = tokens.shape if spoken.by_token else tokens.shape[:1]
    numbers = torch.full(shape, getattr(base, _ID), dtype=torch.long, device=tokens.device)
    return inputs, {**named, spoken.argument: numbers}


def _adds_embeddings(config: PreTrainedConfig) -> bool:
    """Whether a model of XLM's kind adds a language's embedding to its tokens'."""
    return config.model_type in ("xlm", "flaubert") and config.use_lang_emb and config.n_langs > 1


def _subtag(name: str) -> str:
    """Return the first part of a language's name: en of en_XX, zh of zh-Hant."""
    return name.replace("-", "_").split("_")[0].lower()
