"""The distances between a study's languages: looked up, and written into the study."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from neutral import hashes, typology
from neutral.corpora import Corpus
from neutral.lock import only_writer
from neutral.progress import say
from neutral.runs.records import remember
from neutral.runs.typology.worker import written
from neutral.study import Study
from neutral.typology import rows, tokens


def distances(study: Study, languages: Sequence[str], counts: dict[str, np.ndarray] | None = None) -> pd.DataFrame:
    """Return the distances between languages (`typology.filled`), and write those that the study lacks into it.

    With `counts`, language -> (V,) token counts, the distances of vocabulary and text are among them.
    """
    with only_writer(study.path):
        if counts is not None:
            read = {code: hashes.numbers(counts[code]) for code in languages}
            remember(study, "tokens", read, "the tokens (--model, --text) of")
        kind, new = rows.packed(_lacking(rows.read(study), languages, counts), languages)
        study.extend(kind, new)
    return typology.filled(rows.read(study), languages)


def known(study: Study, languages: Sequence[str], counts: dict[str, np.ndarray] | None = None) -> pd.DataFrame:
    """Return what `distances` does; nothing is written."""
    stored = rows.read(study)
    new = pd.DataFrame(_lacking(stored, languages, counts))
    return typology.filled(pd.concat([stored, new], ignore_index=True), languages)


def _lacking(stored: pd.DataFrame, languages: Sequence[str], counts: dict[str, np.ndarray] | None) -> list[dict]:
    """Return the rows of distances that a study lacks."""
    tables = [typology.distances(list(languages))]
    if counts is not None:
        tables.append(tokens.token_distances({code: counts[code] for code in languages}))
    table = pd.concat(tables, ignore_index=True)
    there = set(map(_pair, stored.to_dict("records")))
    new = [row for row in table.to_dict("records") if _pair(row) not in there]
    return [_counted({name: written(value) for name, value in row.items()}) for row in new]


def token_counts(model: str, corpus: Corpus, **options: object) -> dict[str, np.ndarray]:
    """Return language -> (V,) counts of the model's tokens in all of the text, special tokens left out."""
    from neutral import models
    from neutral.compression.tokens import count

    tokenizer = models.load_tokenizer(model, **options)
    lines = {code: [*corpus.train[code], *corpus.held_out[code]] for code in corpus.languages}
    say((*corpus.notes, *models.require_known(model, tokenizer, lines)[1]))
    return count(tokenizer, lines, len(tokenizer))


def _counted(row: dict) -> dict:
    """Return a distance's row with a whole number of features, null where it counts none."""
    features = row.get("features")
    return {**row, "features": None if features is None else int(features)}


def _pair(row: dict) -> tuple[str, frozenset[str]]:
    """Return what tells a distance from others: its kind, and its languages in any order."""
    return row["distance"], frozenset((row["source"], row["target"]))
