"""What study.json and the rows of results.jsonl must be: a study from elsewhere is held against it as it is read.

`info` is held against it when a study is opened, a row when it is read. Keys, fields and kinds of rows that a later
version added are let be. What is wrong is one `FileError`: which file and line, what is there, what belongs there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from neutral.errors import FileError, reading
from neutral.study.shapes import (
    Check,
    WrongError,
    anything,
    columns,
    fields,
    flag,
    listed,
    maybe,
    named,
    number,
    text,
    unique,
    whole,
)

LARGEST_FILE = 2**24  # bytes of a study.json; that of 1,000 languages and all methods has 2^19


def _each(names: str, check: Check) -> dict[str, Check]:
    return dict.fromkeys(names.split(), check)


_TEXT, _LONG, _SHARE, _COUNT = text(), text(100_000), number(0, 1), whole()
_SEED = whole(0, 2**32 - 1)
_MEASURED = number(finite=False)  # a model may have diverged
_UNKNOWN = maybe(number(finite=False))  # of languages about which too little is known
_TEXTS, _SHARES = listed(_TEXT, "a list of texts"), listed(_SHARE, "a list of shares")
_HASHES = named(_TEXT, "an object of name and hash")

_RECIPE = fields({"steps": _COUNT, "epochs": number(0), "batch_size": _COUNT, "rate": number(0), "warmup": _SHARE})
_SETTINGS = fields(
    {
        **_each("scope only prompt answer weights rest head", _TEXT),
        **_each("held_out_blocks held_out passes text_blocks epochs lines rounds_in_all", maybe(_COUNT)),
        **_each("calibration neighbours examples", maybe(_COUNT)),
        **_each("languages sources classes", _TEXTS),
        "sparsities": _SHARES,
        "rounds": named(_SHARE, "an object of sparsity and that of the round before"),
        "recipe": maybe(_RECIPE),
        "labels": maybe(named(_TEXT)),
    }
)
_WORDS = fields({"name": _TEXT, "hashes": _HASHES, "trained_on": named(_COUNT, "an object of language and number")})
_PART = fields({"matrices": _COUNT, "weights": _COUNT, "name": text(1000), "reason": text(1000)})
_INVENTORY = fields(
    {
        **_each("parameters matrices weights", _COUNT),
        "taken": named(_PART),
        "left_out": listed(_PART, "a list of objects"),
    }
)
_INFO = fields(
    {
        **_each("about title model weights rest tokenizer config task created", _TEXT),
        **_each("masks heads tested tokens", _HASHES),
        **_each("length parameters prunable layers vocabulary width", _COUNT),
        **_each("languages methods", _TEXTS),
        **_each("text parallel", _WORDS),
        "seeds": listed(_SEED, "a list of whole numbers"),
        "tied": flag,
        "tests": named(_COUNT),
        "versions": named(_TEXT),
        "unknown": named(number(0, 1, finite=False)),
        "notes": listed(text(10_000), "a list of texts"),
        "files": _TEXTS,
        "inventory": named(_INVENTORY),
        "settings": named(_SETTINGS),
        "tasks": named(fields({"text": _WORDS, "settings": named(_SETTINGS)})),
    }
)

_MASKS = {"task": _TEXT, "method": _TEXT, "sparsity": _SHARE, "seed": _SEED}
_PAIR = {"source": _TEXT, "target": _TEXT}
_SCORED = {"metric": _TEXT, "value": _MEASURED}
_TABLE = {"method": _TEXT, "by": _TEXT, "ratio": number(0)}
_TESTED = {
    **_each("measure by group scheme distance", _TEXT),
    **_each("p holm", _UNKNOWN),
    "members": _LONG,
}
_LAYERS = {"layers": _TEXTS, **_PAIR, "mask": _TEXT}
_COMPONENT = {
    **_MASKS,
    **_each("measure by group predictor", _TEXT),
    **_each("p holm share phylogeny space noise", _UNKNOWN),
    "members": _LONG,
    "component": _COUNT,
}
_NUMBERS = listed(_MEASURED, "a list of numbers")

_USED = {"language": _TEXT, "layer": _TEXT, "tokens": listed(_COUNT, "a list of whole numbers")}

_REQUIRED: dict[str, dict[str, Check]] = {
    "score": {**_MASKS, "language": _TEXT, "variant": _TEXT, **_SCORED},
    "text": {
        "language": _TEXT,
        **_each("lines characters bytes tokens", _COUNT),
        "unknown": _SHARE,
        "fallback": _SHARE,
    },
    "across": {"sparsity": _SHARE, **_each("language other by group", _TEXT), **_each("value chance", maybe(_SHARE))},
    "alike": {
        **_MASKS,
        **_each("other called by group what distance again", _TEXT),
        **_each("here there", maybe(number(-1, 1))),
        **_each("languages pairs", _COUNT),
    },
    "experts": {"task": _TEXT, "method": _TEXT, "seed": _SEED, **_USED},
    "functional": {**_MASKS, **_PAIR, **_SCORED},
    "transfer": {**_MASKS, **_PAIR, **_SCORED, "source_task": _TEXT},
    "distances": {"distance": _TEXT, "languages": _TEXTS, "values": listed(_UNKNOWN, "a list of numbers")},
    "distance": {**_PAIR, "distance": _TEXT, "value": _UNKNOWN},
    "association": {**_MASKS, **_TESTED, "rho": _UNKNOWN},
    "regression": {**_MASKS, **_TESTED, "beta": _UNKNOWN},
    "leaving": {**_MASKS, **_TESTED, "rho": _UNKNOWN, "left": _TEXT, "without": _TEXT},
    "mixed": {
        **_MASKS,
        **{name: check for name, check in _TESTED.items() if name != "scheme"},
        **_each("beta language family area residual", _UNKNOWN),
    },
    "process": _COMPONENT,
    "properties": _COMPONENT,
    "recovery": {
        **_MASKS,
        **_each("measure by group what", _TEXT),
        **_each("right chance", _UNKNOWN),
        "members": _LONG,
        "cases": _COUNT,
    },
    "retrieval": {**_MASKS, **_LAYERS, "at1": _SHARES, "at5": _SHARES},
    "representation": {**_MASKS, **_LAYERS, "measure": _TEXT, "value": _NUMBERS, "chance": _NUMBERS},
    "table": {**_TABLE, "parameters": _COUNT, "bytes": _COUNT},
    "perplexity": {**_TABLE, "language": _TEXT, "where": _TEXT, "words": flag, "value": _MEASURED, "loss": _MEASURED},
    "step": {"method": _TEXT, "training": _MEASURED, "losses": named(_MEASURED, "an object of language and loss")},
    "error": {**_TABLE, "group": _TEXT, "name": _TEXT, "tokens": _COUNT, "cosine": _MEASURED},
    "finetune": {"data": _TEXT, "table": _TEXT, "seed": _SEED, "split": _TEXT, **_SCORED},
}
"""Kind of row -> the fields without which nothing can be done with it."""

_KNOWN: dict[str, Check] = {
    **_MASKS,
    **_TABLE,
    **_each("weights variant language layer pooling score candidates scoring unit train digest", _TEXT),
    **_each("steps tokens examples k sentences step batch_size numbers length permutations languages pairs", _COUNT),
    **_each("characters bytes columns", _COUNT),
    **_each("stride iterations rank features more", _COUNT),
    **_each("loss untrained low median high ratio_parameters ratio_bytes rate warmup accuracy", _MEASURED),
    **_each("cosine cosine_q10 cosine_median cosine_q90 rmse mae power norm_ratio neighbours", _MEASURED),
    **_each("rho expected tested beta r2 r2_p", _UNKNOWN),
    **_each("se df t f lr lr_p aic bic weight r2_conditional r2_added", _UNKNOWN),
    **_each("partial partial_se partial_p phylogeny_p space_p range_km", _UNKNOWN),
    **_each("left_out kinds controls", _LONG),
    **_each("exact chosen trimmed", flag),
    "parts": columns,
    "counted": listed(maybe(_COUNT), "a list of whole numbers"),
}
"""Fields that some rows of a kind have and others lack or have as null, whichever kind they are of."""

_OPTIONAL = {"kind": text(100), **{name: maybe(check) for name, check in _KNOWN.items()}}
_ROWS = {kind: fields({**_OPTIONAL, **needed}) for kind, needed in _REQUIRED.items()}
_EQUAL = {"retrieval": ("layers", "at1", "at5"), "representation": ("layers", "value", "chance")}
_KIND = text(100)


def read_info(file: Path) -> dict:
    """Return what a study.json says. Raises `FileError` for what cannot be read, and for an entry that is wrong."""
    with reading(file, "a study.json"):
        if file.stat().st_size > LARGEST_FILE:
            raise FileError(file, f"has more than {LARGEST_FILE >> 20} MiB; what a study says of itself is small")
        info = json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=unique)
        check_info(file, info)
        return info


def check_info(file: Path, info: object) -> None:
    """Raise `FileError` naming the entry if what a study.json says, as JSON gives it, is not what it must be."""
    if not isinstance(info, dict):
        raise FileError(file, "holds no JSON object")
    try:
        _INFO(info)
    except WrongError as wrong:
        raise FileError(file, str(wrong)) from wrong


def check_row(file: Path, line: int, row: Mapping, *, whole: bool = False) -> None:
    """Raise `FileError` naming the line if a row of results.jsonl is not what its kind must be.

    `whole` asks for the fields, too, without which nothing can be done with a row of its kind.
    """
    try:
        kind = row.get("kind")
        _KIND(kind)
        check = _ROWS.get(kind)
        if check is None:
            return anything(row)  # of a later version
        check(row)
        if whole and (lacking := [name for name in _REQUIRED[kind] if name not in row]):
            raise FileError(file, f"line {line}: has no {lacking[0]}; a row of kind {kind} has one")
        _check_together(kind, row)
    except WrongError as wrong:
        raise FileError(file, f"line {line}: {wrong}") from wrong


def _check_together(kind: str, row: Mapping) -> None:
    """Check what fields of a row must be to each other."""
    lengths = {name: len(row[name]) for name in _EQUAL.get(kind, ()) if name in row}
    if len(set(lengths.values())) > 1:
        names = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise WrongError([], f"as many of each ({names})")
    if row.get("metric") == "perplexity" and row.get("value", 0) < 0:
        raise WrongError(row["value"], "a perplexity from 0 on")
