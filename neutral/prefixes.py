"""Names of one network's weights that one prefix tells apart: a base model's and a headed one's, a text model's within
another model, a wrapper's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from neutral.errors import MismatchError

_TEXT = "model.language_model."  # how names begin in the text model inside of one of several media

Shapes = Mapping[str, tuple[int, ...]]


def between(shapes: Shapes, others: Shapes) -> tuple[str, str] | None:
    """Return what to take off names and what to put on, so that they are the others; name -> shape of both are given.

    ("", "") if they are the same already; None if no one prefix makes them so, or shapes differ.
    """
    if shapes == others:
        return "", ""
    if len(shapes) != len(others):
        return None
    first = next(iter(shapes))
    candidates = [("model.", _TEXT), (_TEXT, "model.")]
    candidates += [("", name.removesuffix(first)) for name in others if name.endswith(f".{first}")]
    candidates += [(first.removesuffix(name), "") for name in others if first.endswith(f".{name}")]
    for off, on in candidates:
        if all(
            name.startswith(off) and others.get(on + name.removeprefix(off)) == shape for name, shape in shapes.items()
        ):
            return off, on
    return None


def match(names: Sequence[str], model_names: Sequence[str], *, strict: bool) -> dict[str, str]:
    """Return mask name -> model name under the one change of prefix that finds most names.

    Raises `MismatchError` if no name is found, `strict` if any is not, and where names fit two weights.
    """
    present = set(model_names)
    if present.issuperset(names):
        return {name: name for name in names}
    # (prefix to take off the mask's names, prefix to put on), first those of a text model inside of another
    candidates = {("", ""), ("model.", _TEXT), (_TEXT, "model.")}
    for name in names:
        candidates |= {("", other.removesuffix(name)) for other in model_names if other.endswith(f".{name}")}
        candidates |= {(name.removesuffix(other), "") for other in model_names if name.endswith(f".{other}")}
        if len(candidates) > 3:
            break

    def matched(off: str, on: str) -> dict[str, str]:
        changed = {name: on + name.removeprefix(off) for name in names if name.startswith(off)}
        return {name: other for name, other in changed.items() if other in present}

    best, *rest = sorted((matched(*candidate) for candidate in candidates), key=len, reverse=True)
    missing = [name for name in names if name not in best]
    if missing and (strict or not best):
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        raise MismatchError(f"{missing[0]}: the mask has it, the model does not{more}")
    if rest and len(rest[0]) == len(best):
        places = " and ".join(next(iter(match.values())) for match in (best, rest[0]))
        raise MismatchError(f"{next(iter(best))}: fits two weights of the model, {places}")
    return best
