"""What is compressed on the page itself, in words."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from neutral.compression.live import DRAWN
from pages.parts import formats
from pages.parts.compression.said.choices import WEIGHTS
from pages.parts.text import as_text, code

SAVED = "The tables that this study keeps"
NO_SAVED = "This study keeps no tables: `neutral compress --keep` puts them into its folder `tables/`, to be read here."
TAKE_HOME = "The table alone, still compressed: `neutral.compression.load(FILE)` reads it, `put_in` puts it in a model."
TAKE_HOME_MODEL = (
    "Or a model folder with such a table, which transformers reads after `import neutral` (`--as plain` and "
    "`--as compressed-tensors`: without). TEXT is a folder of `<lang>.txt`, with which `mixed` sees the outputs too."
)


def saved(read: int, there: int, *, measured: bool) -> str:
    """Say what is shown of a study's tables."""
    more = f"the first {read} of {there} tables" if read < there else formats.count(read, "table")
    errors = f"errors over {DRAWN:,} drawn tokens, none of a trimmed vocabulary" if measured else ""
    return (
        f"Read from the study's folder, not fitted again: {more}; {errors or 'its model is not here, so sizes alone'}."
    )


def folders(own: Sequence[str], *, local: bool) -> str:
    """Say how to give another model: `own` are the folders that this server allows beside its own."""
    how = "any folder with config.json, safetensors and tokenizer.json"
    if own:
        return f"Another model: {how} inside {', '.join(map(code, own))} is offered here, as Model."
    who = "start the app with" if local else "whoever runs this server, which allows no folders yet, starts it with"
    return f"Another model: {who} `neutral app --folders DIR`; {how} inside DIR is then offered here, as Model."


def full_table(rows: int, width: int, weights: str, one_size: Sequence[str]) -> str:
    """Say how large the table compressed live is, and what the methods see of the tokens."""
    return (
        f"Full table: {rows:,} × {width}, {4 * rows * width / 1e6:.3g} MB in float32. Token weights: "
        f"{WEIGHTS[weights]}. {', '.join(one_size)} have one size; mixed weighs by frequency and sees the table alone, "
        f"not the model. Errors: over {min(rows, DRAWN):,} drawn tokens."
    )


def estimates(table: pd.DataFrame, ratio: float, by: str, who: str) -> str:
    """Say what the study's curves tell of a ratio: the table is that of `choosing.estimates`."""
    if table.empty:
        return f"No curve of this study reaches from below {ratio:g} × by {by} to above it: no estimate."
    listed = ", ".join(f"{as_text(row.line)} {row.factor:.2f} ×" for row in table.head(5).itertuples())
    return (
        f"**Estimated perplexity at {ratio:g} × by {by}**, over the full model's ({as_text(who)}; read off this "
        f"study's curves, not measured now): {listed}."
    )


def computing(title: str) -> str:
    """Say what is computed; grey rows are those of before."""
    return f"Computing {title} … grey rows are of the ratio before."


def no_model(name: str, *, another: bool) -> str:
    """Say that a model is not on this machine, and whether another one is shown."""
    instead = " Shown instead: a model that is." if another else ""
    return f"This part needs the folder of {as_text(name)}, which is not on this machine.{instead}"


def too_large(name: str, rows: int, width: int) -> str:
    """Say that a table is too large to be compressed on the page."""
    return f"The table of {as_text(name)}, {rows:,} × {width}, is too large to be compressed here: use the shell."
