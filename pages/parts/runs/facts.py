"""What a check says, in words and rows: an answer of the command's dry run, with names from the model and the text."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real

from neutral.members import display
from neutral.memory import amount
from neutral.progress.bar import duration
from pages.parts import formats
from pages.parts.formats import Tile
from pages.parts.text import as_text, in_words

TIME_HELP = (
    "Estimated from a unit that was timed here. Loading the model and reading the text comes to it, and what else the "
    "machine does makes it longer."
)

_FIRST = 90  # letters of an example
_TASKS = {"mlm": "an encoder", "clm": "a decoder", "seq2seq": "an encoder-decoder"}


def tiles(facts: Mapping) -> list[Tile]:
    """Return the key numbers: what is left to do, how long it takes, the memory and the room on the disk."""
    units = facts.get("units") if isinstance(facts.get("units"), dict) else {}
    left, done = number(units.get("left")), number(units.get("done"))
    shown = []
    if left is not None:
        shown.append(Tile("Units to do", f"{left:.0f}", f"{done:.0f} already done" if done else ""))
    if (seconds := number(facts.get("seconds"))) is not None:
        shown.append(Tile("Time, about", duration(seconds), "", TIME_HELP))
    if (memory := number(facts.get("memory"))) is not None:
        shown.append(Tile("Memory, about", amount(memory), ""))
    if (size := number(facts.get("study_bytes"))) is not None:
        shown.append(Tile("On disk, about", amount(size), ""))
    return shown


def timed(facts: Mapping) -> str:
    """Say what the time is estimated from."""
    said = facts.get("timed")
    return f"The time is from {as_text(said)}." if isinstance(said, str) and said else ""


def text_read(data: Mapping) -> str:
    """Say how much was read of a text."""
    read = [each for each in data.values() if isinstance(each, dict) and number(each.get("read"))]
    total = sum(number(each.get("read")) or 0 for each in read)
    unit = next((str(each["unit"]) for each in read if each.get("unit")), "lines")
    return f"**The text**: {total:,.0f} {as_text(unit)} in {formats.count(len(read), 'language')}."


def unread(data: Mapping) -> list[tuple[str, str]]:
    """Return language and reason, of those that cannot be read, as Markdown."""
    problems = ((code, each.get("problem")) for code, each in data.items() if isinstance(each, dict))
    return [(in_words(code), as_text(problem)) for code, problem in problems if problem]


def data_rows(data: Mapping) -> list[dict]:
    """Return a row for each language of what was read."""
    rows = []
    for code, each in data.items():
        told = each if isinstance(each, dict) else {}
        left = told.get("left_out") if isinstance(told.get("left_out"), dict) else {}
        rows.append(
            {
                "Language": display(str(code)),
                "Read": number(told.get("read")),
                "To train on": number(told.get("train")),
                "Held out": number(told.get("held_out")),
                "Tokens": number(told.get("tokens")),
                "Unknown": _unknown(told.get("unknown")),
                "Left out": ", ".join(f"{reason}: {count}" for reason, count in left.items()),
                "The first": _first(told.get("first")),
            }
        )
    kept = [name for name in (rows[0] if rows else {}) if any(row[name] not in (None, "") for row in rows)]
    return [{name: row[name] for name in kept} for row in rows]


def model_read(model: Mapping) -> str:
    """Say what a model is, and how much of it can be pruned."""
    parts = [_TASKS.get(str(model.get("task")), "")]
    if parameters := number(model.get("parameters")):
        parts.append(f"{formats.amount(int(parameters))} weights")
    prunable = model.get("prunable") if isinstance(model.get("prunable"), dict) else {}
    if (share := number(prunable.get("share"))) is not None:
        matrices = number(prunable.get("matrices")) or 0
        parts.append(f"of which {share:.0%}, in {matrices:.0f} matrices, can be part of a mask")
    name = as_text(model.get("class") or "")
    return f"**The model**: {', '.join(part for part in (name, *parts) if part)}."


def left_rows(left: object) -> list[dict]:
    """Return a row for each weight that is left out."""
    known = [each for each in left if isinstance(each, dict)] if isinstance(left, list) else []
    return [
        {
            "Weight": str(each.get("name", "")),
            "Shape": " × ".join(map(str, each.get("shape") or ())),
            "Why": str(each.get("reason", "")),
        }
        for each in known
    ]


def unit_rows(each: object) -> list[dict]:
    """Return a row for each unit of the work."""
    known = [one for one in each if isinstance(one, dict)] if isinstance(each, list) else []
    return [
        {
            "Unit": str(one.get("unit", "")),
            "Reads": str(one.get("reads", "")),
            "Writes": str(one.get("writes", "")),
            "About": "" if (seconds := number(one.get("seconds"))) is None else duration(seconds),
        }
        for one in known
    ]


def texts(value: object) -> list[str]:
    """Return the texts in a list."""
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def number(value: object) -> float | None:
    """Return a number, if it is one."""
    is_number = isinstance(value, Real) and not isinstance(value, bool) and 0 <= value < 1e18
    return float(value) if is_number else None


def _unknown(value: object) -> str:
    """Return the share of a text's tokens that the tokenizer does not know, if it is not small."""
    share = number(value)
    return f"{share:.0%} of the tokens" if share is not None and share >= 0.005 else ""


def _first(first: object) -> str:
    """Return the first example of a language, cut short."""
    told = first if isinstance(first, dict) else {}
    text = " ".join(" ".join(map(str, each)) if isinstance(each, list) else str(each) for each in told.values())
    return text if len(text) <= _FIRST else f"{text[: _FIRST - 1]}…"
