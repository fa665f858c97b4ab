"""Dicts in dicts: which tensors are one mask, under which names, and whether a file holds several masks.

People save masks as name -> tensor, as module -> {weight: tensor} (NNI), inside of a checkpoint
({"state_dict": {"model": …}}), and for several languages at once (language -> mask). Keys that only say what is in
them (`state_dict`, `masks`) are no part of a weight's name; the state of optimisers is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from neutral import labels
from neutral.labels.names import taken_apart
from neutral.languages import in_name, words
from neutral.maskfiles.choosing import UNITS
from neutral.maskfiles.source import MaskFile, shown
from neutral.maskfiles.values import by

_MASKS = re.compile(r"^(?:\w+_)?masks?(?:_dict|_state_dict)?$", re.IGNORECASE)
_MODELS = (
    "state",
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "module",
    "net",
    "network",
    "params",
    "weights",
)
_TRAINERS = re.compile(
    r"^(?:\w*optim\w*|\w*sched\w*|\w*scaler\w*|rng\w*|callbacks|loops|hparams|hyper_parameters|grad\w*|ema_\w+|amp)$",
    re.IGNORECASE,
)
# Names of matrices in a module: `wo` is also a language.
_LEAVES = re.compile(r"^(?:w[io]|[qkvo]|to|fc|att|mlp|ffn|enc|dec|key|out|self|\d+)$", re.IGNORECASE)
_DEEPEST = 50

Tree = dict[str, Any]
"""Name -> tensor or tree; holds nothing but tensors."""


def masks(source: MaskFile, loaded: Any, is_tensor: Callable[[Any], bool]) -> tuple[dict[str, Tree], list[str]]:
    """Return label -> name -> tensor, and notes on what was passed over. The label of a file's only mask is "".

    Raises `FileError` for what holds no tensors, and for lists of neurons and matrices of heads.
    """
    if is_tensor(loaded):
        shape = by(loaded.shape)
        hint = f" ({UNITS.format(shape)})" if len(loaded.shape) == 2 else ""
        raise source.error(f"holds one tensor without a name; a mask is a dict of tensors by weight name{hint}")
    if not isinstance(loaded, Mapping):
        if _is_list_of_numbers(loaded, is_tensor):
            raise source.error(_NEURONS)
        raise source.error(f"holds a {type(loaded).__name__}; a mask is a dict of tensors by weight name")
    if not loaded:
        raise source.error("holds an empty dict, so no tensors")
    if {"state", "param_groups"} <= set(loaded):
        raise source.error("holds the state of an optimiser, not a mask")
    tree = _tree(source, loaded, is_tensor)
    if not tree:
        if any(_is_list_of_tensors(value, is_tensor, dimensions=2) for value in _values(loaded)):
            raise source.error("holds lists of tensors; a mask is a dict of tensors by weight name")
        lists = any(_is_list_of_numbers(value, is_tensor) for value in _values(loaded))
        raise source.error(_NEURONS if lists else "holds a dict, but no tensors in it")
    notes: list[str] = []
    found = _masks(source, tree, notes)
    if any(_is_list_of_tensors(value, is_tensor) for value in _values(loaded)):
        notes.append("left out lists of tensors, which name no weights")
    return found, notes


_NEURONS = (
    "holds lists of numbers, as of a language's neurons layer by layer; a mask here has a 0 or 1 for every weight"
)


def _tree(source: MaskFile, table: Mapping[Any, Any], is_tensor: Callable[[Any], bool], depth: int = 0) -> Tree:
    """Return a dict's tensors, and those of the dicts in it, without all that is no tensor."""
    if depth > _DEEPEST:
        raise source.error(f"holds dicts more than {_DEEPEST} deep: damaged, or made to do so")
    tree: Tree = {}
    for key, value in table.items():
        if isinstance(value, (list, tuple)) and value and all(isinstance(each, Mapping) for each in value):
            value = dict(enumerate(value))  # layer by layer
        if is_tensor(value):
            if not len(value.shape):
                continue  # a number
            if not isinstance(key, str):
                called = f"calls a tensor {shown(repr(key), 60)}, which is no weight's name"
                raise source.error(_NEURONS if len(value.shape) == 1 else called)
            tree[key] = value
        elif isinstance(value, Mapping) and (inner := _tree(source, value, is_tensor, depth + 1)):
            tree[str(key)] = inner
    return tree


def _masks(source: MaskFile, tree: Tree, notes: list[str]) -> dict[str, Tree]:
    inner = {key: value for key, value in tree.items() if isinstance(value, dict)}
    if any(_MASKS.match(key) or key.lower() in _MODELS for key in inner):  # a checkpoint: the state of its training
        its = {key: value for key, value in tree.items() if not _TRAINERS.search(key)}
        if len(inner) < len(tree) and len(its) < len(tree):
            notes.append(f"left out {', '.join(shown(key) for key in tree if key not in its)}")
            return _masks(source, its, notes)
    if len(inner) < len(tree):  # tensors beside dicts
        _refuse_units(source, {key: value for key, value in tree.items() if key not in inner})
        return {"": dict(_flat(tree))}
    inner = {key: value for key, value in inner.items() if not _TRAINERS.search(key)} or inner
    for is_one in (_MASKS.match, lambda key: key.lower() in _MODELS):
        within = [key for key in inner if is_one(key) and not language_of(key)]
        # a `model` beside an `lm_head` is a part of the network
        if within and (is_one == _MASKS.match or len(within) == len(inner)):
            if len(within) > 1:
                raise source.error(
                    f"holds several dicts of tensors ({', '.join(map(shown, within))}); save the masks alone"
                )
            if rest := [key for key in tree if key != within[0]]:
                notes.append(f"read {within[0]}, not {', '.join(map(shown, rest))}")
            return _masks(source, tree[within[0]], notes)
    if several := _several(inner):
        if rest := [key for key in inner if key not in several]:
            notes.append(f"read {', '.join(several)}, not {', '.join(map(shown, rest))}")
        found = {key: _masks(source, inner[key], notes) for key in several}
        if all(list(each) == [""] for each in found.values()):
            return {key: each[""] for key, each in found.items()}
        return {f"{key}/{label}".rstrip("/"): one for key, each in found.items() for label, one in each.items()}
    return {"": dict(_flat(inner))}


def _flat(tree: Tree, before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


def _several(inner: Mapping[str, Tree]) -> list[str]:
    """Return the keys of dicts that are a mask each: languages, or all, if the weights in their layers are alike."""
    spoken = [key for key in inner if language_of(key) and not _LEAVES.match(key)]
    if len(spoken) == len(inner) or (len(spoken) > 1 and _same_weights([inner[key] for key in spoken])):
        return spoken
    if all(key.isdecimal() for key in inner) and all(map(_is_network, inner.values())):
        return list(inner) if _same_weights(list(inner.values())) else []
    if len(inner) < 2 or any(key in labels.STACKS or _LEAVES.match(key) or _is_matrix(key) for key in inner):
        return []
    return list(inner) if _same_weights(list(inner.values())) else []


def _same_weights(trees: Sequence[Tree]) -> bool:
    """Whether dicts name the same weights, as large, in numbered layers."""
    first, *rest = ({name: tuple(tensor.shape) for name, tensor in _flat(tree)} for tree in trees)
    return all(shapes == first for shapes in rest) and any(taken_apart(name).at is not None for name in first)


def _is_network(tree: Tree) -> bool:
    """Whether a dict has one matrix in several layers, and so is no layer: of a T5's block, every matrix is in one."""
    names = [name for name, _ in _flat(tree)]
    return len({re.sub(r"(?<![^.])\d+(?![^.])", "*", name) for name in names}) < len(names)


def _is_matrix(key: str) -> bool:
    """Whether a key names a matrix of every layer: {"query": {"layer.0.attention": …}, "value": …}."""
    return labels.label(f"layer.0.{key}").component != "other"


def named(label: str) -> tuple[str, str | None]:
    """Return how one of several masks of a file is called, the language first, and its language.

    >>> named("mask_en"), named("fi/0.5"), named("seed1_fi"), named("before")
    (('en', 'en'), ('fi/0_5', 'fi'), ('fi/seed1', 'fi'), ('before', None))
    """
    if code := language_of(label):
        return code, code
    path = label.replace("/", "_")
    if code := in_name(path):
        return f"{code}/{'_'.join(word for word in words(path) if word != code)}", code
    return label, None


def language_of(key: str) -> str | None:
    """Return the language of a key that is its code, with the word mask or without: en, mask_en, en_mask; else None."""
    code = in_name(key)
    bare = re.sub(r"^masks?[-_.]|[-_.]masks?$", "", key, flags=re.IGNORECASE)
    return code if code == bare else None


def is_language(key: str) -> bool:
    """Whether a key is a language's code."""
    return in_name(key) == key


def _refuse_units(source: MaskFile, named: Mapping[str, Any]) -> None:
    """Raise `FileError` for language -> matrix: that is no mask of weights."""
    if all(is_language(key) and not _LEAVES.match(key) for key in named):
        key, tensor = next(iter(named.items()))
        raise source.error(f"tensor {key} {UNITS.format(by(tensor.shape))}")


def _values(table: Mapping[Any, Any]) -> Iterator[Any]:
    for value in table.values():
        if isinstance(value, Mapping):
            yield from _values(value)
        else:
            yield value


def _is_list_of_tensors(value: Any, is_tensor: Callable[[Any], bool], dimensions: int = 0) -> bool:
    return isinstance(value, (list, tuple)) and any(is_tensor(each) and len(each.shape) >= dimensions for each in value)


def _is_list_of_numbers(value: Any, is_tensor: Callable[[Any], bool]) -> bool:
    """Whether a list holds whole numbers or vectors, or lists of them."""
    if not isinstance(value, (list, tuple, set)):
        return False
    return any(
        len(each.shape) == 1 if is_tensor(each) else type(each) is int or _is_list_of_numbers(each, is_tensor)
        for each in value
    )
