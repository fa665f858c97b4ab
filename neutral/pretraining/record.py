"""pretraining.json in a model's folder: what it was asked to be, written first, and what came of it, written last."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from neutral.corpora import Corpus
from neutral.corpora.corpus import digest
from neutral.errors import NeutralError, reading
from neutral.files import write_whole
from neutral.pretraining.start import Encoder, Shape
from neutral.recipes import Recipe
from neutral.tasks import Score

FILE = "pretraining.json"

Scores = dict[str, tuple[Score, Score]]
"""Language -> (score of the model, score of the unigram model)."""

_OPTIONS = {"batch_size": "batch"}  # parts of a recipe that the command calls otherwise

_PARTS = ("weights", "config", "tokenizer")  # of an encoder, each with a hash

_OF_ROUNDS = ("schedule", "examples", "head", "epochs")  # what does not matter to one training by steps


def settings(
    source: str | None, encoder: Encoder | None, corpus: Corpus, recipe: Recipe, shape: Shape, **others: object
) -> dict:
    """Return all that decides the result, by the names of the command's options: a change of one changes the model."""
    recipe_parts = {_OPTIONS.get(name, name): value for name, value in asdict(recipe).items() if name not in _OF_ROUNDS}
    shape_parts = asdict(shape) if encoder is None else {}
    return {
        "from": None if encoder is None else {"name": source, **encoder.digests},
        "languages": list(corpus.train),  # their order is that of the examples
        "text": {code: digest(lines) for code, lines in corpus.train.items()},
        "held-out": {code: digest(lines) for code, lines in corpus.held_out.items()},
        **{name.replace("_", "-"): value for name, value in (others | recipe_parts | shape_parts).items()},
    }


def begin(out: Path, asked: Mapping) -> None:
    """Write the settings."""
    write_whole(out / FILE, json.dumps({"settings": asked}, indent=1, ensure_ascii=False).encode())


def finish(out: Path, asked: Mapping, scores: Scores) -> None:
    """Write settings and scores: from now on the folder is finished."""
    rows = {code: [{"loss": s.loss, "count": s.count} for s in both] for code, both in scores.items()}
    record = {"settings": asked, "scores": rows}
    write_whole(out / FILE, json.dumps(record, indent=1, ensure_ascii=False).encode())


def scores_of(out: Path, asked: Mapping) -> Scores | None:
    """Return the scores of a finished folder, None for one that is not finished or not begun.

    Raises
    ------
    NeutralError
        Naming the settings by which the folder was begun otherwise; for a folder that holds a model, or checkpoints,
        and does not say how they were made.
    FileError
        For a record that cannot be read.
    """
    path = out / FILE
    if not path.exists():
        if others := sorted(other.name for other in out.glob("*") if _is_model(other)):
            raise NeutralError(f"{out}: holds {others[0]} and no {FILE} that tells its settings; choose another --out")
        return None
    with reading(path, "a record of a pretraining (choose another --out)"):
        record = json.loads(path.read_text(encoding="utf-8"))
        differences = _differences(record["settings"], json.loads(json.dumps(asked)))
        rows = record.get("scores", {})
        scores = {code: (_score(model), _score(unigram)) for code, (model, unigram) in rows.items()}
    if differences:
        raise NeutralError(f"{out}: was made with {', and '.join(differences)}; choose another --out")
    return scores or None


def _score(row: Mapping) -> Score:
    return Score(float(row["loss"]), int(row["count"]))


def _is_model(path: Path) -> bool:
    return path.name in ("config.json", "checkpoints") or path.suffix in (".safetensors", ".bin")


def _differences(before: dict, asked: dict) -> list[str]:
    """Return a phrase for each setting that differs."""
    said = []
    for name in [*asked, *(before.keys() - asked.keys())]:
        old, new = before.get(name), asked.get(name)
        if name == "from":
            said += _other_encoder(old, new)
        elif name in ("text", "held-out"):
            changed = [code for code in new if code in old and new[code] != old[code]]
            if changed:
                said.append(f"another --{name} ({', '.join(changed)})")
        elif old != new and not (before["from"] != asked["from"] and None in (old, new)):  # a shape, from nothing only
            said.append(f"--{name} {_written(old)}, not {_written(new)}")
    return said


def _other_encoder(old: dict | None, new: dict | None) -> list[str]:
    names = [encoder["name"] if encoder else "nothing" for encoder in (old, new)]
    changed = [part for part in _PARTS if (old or {}).get(part) != (new or {}).get(part)]
    if not changed:
        return []
    if names[0] == names[1]:
        return [f"--from {names[0]} before its {' and '.join(changed)} changed"]
    return [f"--from {names[0]}, not {names[1]}"]


def _written(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
