"""Ids of tokens that a model's configurations name: of special tokens, of pictures, of tokens never to be generated.

They stand in the configuration itself, in those of its parts (text, vision, an encoder's and a decoder's) and in what
it says of generation, alone or in lists of any depth.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from transformers import GenerationConfig, PreTrainedConfig, PreTrainedModel

_FIELD = re.compile(r"_token_(?:ids?|index)$|^(?:begin_)?suppress_tokens$|^bad_words_ids$|^force_words_ids$")
_LANGUAGES = re.compile(r"^lang_to_id$")
"""A field that maps names to ids."""


def named(model: PreTrainedModel) -> set[int]:
    """Return the ids that the model's configurations name; some may be beyond its table."""
    return {token for config in _configurations(model) for _, value in _fields(config) for token in _flat(value)}


def renumber(model: PreTrainedModel, new: Mapping[int, int], special: Mapping[str, int]) -> None:
    """Give the ids in the model's configurations their new numbers, in place.

    Parameters
    ----------
    model : PreTrainedModel
    new : old id -> new id
        Of the tokens that stay. An id beyond them all that names no token before, names none after: it is left.
    special : field -> new id
        Ids by the tokenizer's own word, such as pad_token_id, for a field whose token went.
    """
    for config in _configurations(model):
        for name, value in _fields(config):
            setattr(config, name, _renumbered(value, new, special.get(name)))


def _configurations(model: PreTrainedModel) -> Iterator[PreTrainedConfig | GenerationConfig]:
    waiting, seen = [model.config, getattr(model, "generation_config", None)], set()
    while waiting:
        config = waiting.pop()
        if config is None or id(config) in seen:
            continue
        seen.add(id(config))
        yield config
        parts = (value for value in vars(config).values() if isinstance(value, PreTrainedConfig))
        waiting += [*parts]


def _fields(config: PreTrainedConfig | GenerationConfig) -> list[tuple[str, object]]:
    return [
        (name, value)
        for name, value in vars(config).items()
        if (_FIELD.search(name) or _LANGUAGES.search(name)) and value is not None
    ]


def _flat(value: object) -> Iterator[int]:
    if isinstance(value, int) and not isinstance(value, bool):
        yield value
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _flat(each)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _flat(each)


def _renumbered(value: object, new: Mapping[int, int], special: int | None = None) -> object:
    """Return a field's value with new ids; of a list, what went is left out."""
    if isinstance(value, (list, tuple)):
        several = [_renumbered(each, new) for each in value]
        return type(value)(each for each in several if each is not None and each != [])
    if isinstance(value, Mapping):
        return {name: _renumbered(each, new) for name, each in value.items()}
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        return value
    return new.get(value, special if special is not None or value < len(new) else value)
