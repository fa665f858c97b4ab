"""A picture of a token table before and after compression, by UMAP (McInnes, Healy, Melville 2018).

Both pictures are laid out from their own table's neighbourhoods, by cosine, with the same settings; the one after
starts from the one before and moves in smaller steps, so that tokens whose neighbours stay stay in place. Placing the
compressed rows into the finished first map (UMAP's `transform`) would flatter the compression: it puts each row near
the *old* rows that it resembles and never looks at the neighbourhoods among the compressed rows.

Distances between far groups, and the sizes of groups, mean nothing in such a picture.
"""

from __future__ import annotations

import gzip
import io
import re
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from neutral import umaps
from neutral.errors import FileError, NeutralError, reading
from neutral.files import storing, write_whole
from neutral.languages import NO_SCRIPT
from neutral.study.own import require_own

COLUMNS = ["id", "piece", "script", "before_x", "before_y", "after_x", "after_y"]
FOLDER = "pictures"
_FILE = re.compile(r"^tokens_(?P<method>[^_]+)_(?P<by>parameters|bytes)_(?P<ratio>\d+(?:\.\d+)?)\.csv\.gz$")
_LARGEST = 2**26  # bytes that a picture unpacks to; one of 3,000 tokens has 2^18
_EPOCHS = 200
_NEIGHBOURS = 15
_STEP = 0.3  # of the first layout's learning rate


def sample(scripts: Sequence[str] | np.ndarray, size: int = 3000, *, seed: int = 0) -> np.ndarray:
    """Return the ids, ascending, of at most `size` tokens: of each script a fair share, or all that it has.

    `scripts` (V,) are the scripts of all tokens; the tokens of no script get half a share. `seed` draws the tokens.
    Raises `NeutralError` when there are too few tokens for a picture.
    """
    scripts = np.asarray(scripts, dtype=object)
    random = np.random.default_rng(seed)
    places = {code: random.permutation(np.flatnonzero(scripts == code)) for code in sorted(set(scripts))}
    taken = dict.fromkeys(places, 0)
    missing = min(size, len(scripts))
    while missing > 0:  # places that small scripts cannot fill go to the others
        unfilled = [code for code in places if taken[code] < len(places[code])]
        shares = {code: 0.5 if code == NO_SCRIPT and len(unfilled) > 1 else 1.0 for code in unfilled}
        unit = missing / sum(shares.values())
        for code in unfilled:
            more = min(max(1, int(unit * shares[code])), len(places[code]) - taken[code], missing)
            taken[code] += more
            missing -= more
    ids = np.sort(np.concatenate([places[code][: taken[code]] for code in places]))
    if len(ids) <= _NEIGHBOURS:
        raise NeutralError(f"a picture takes more than {_NEIGHBOURS} tokens; there are {len(ids)}")
    return ids


def project(
    before: np.ndarray,
    after: np.ndarray,
    *,
    seed: int = 0,
    epochs: int = _EPOCHS,
    progress: Callable[[float], None] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the two layouts, each (n, 2), of n rows before and after compression.

    Parameters
    ----------
    before, after : array (n, d)
        Rows of the same tokens.
    seed : int
        Seed of UMAP.
    epochs : int
        Steps of each layout.
    progress : float -> None, optional
        Called with the share of the work that is done, from 0 to 1.

    Returns
    -------
    (array, array)
        The layouts before and after, float32; the second lies on the first as well as it can (`onto`).

    Raises
    ------
    NeutralError
        When the shapes differ, or there are too few rows.
    """
    if before.shape != after.shape or before.ndim != 2:
        raise NeutralError(f"before and after must be the same rows; got shapes {before.shape} and {after.shape}")
    if len(before) <= _NEIGHBOURS:
        raise NeutralError(f"a picture takes more than {_NEIGHBOURS} tokens; there are {len(before)}")
    report = progress or (lambda share: None)
    report(0.0)
    first = _layout(before, "spectral", 1.0, seed, epochs, lambda share: report(share / 2))
    second = _layout(after, first.copy(), _STEP, seed, epochs, lambda share: report(0.5 + share / 2))
    report(1.0)
    return first, onto(second, first)


def onto(moved: np.ndarray, fixed: np.ndarray) -> np.ndarray:
    """Return `moved` (n, 2) shifted, turned and scaled to lie on `fixed` (n, 2) as well as it can (Procrustes)."""
    centred, target = moved - moved.mean(axis=0), fixed - fixed.mean(axis=0)
    left, values, right = np.linalg.svd(centred.T @ target)
    scale = values.sum() / max(float((centred**2).sum()), 1e-12)
    return (scale * centred @ (left @ right) + fixed.mean(axis=0)).astype(np.float32)


def nearest(rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the ids and cosine distances, (n, k) each, of every row's k nearest rows, itself first, from all pairs.

    A row of zeros is at distance 1 from all others.
    """
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    units = (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    distances = np.clip(1 - units @ units.T, 0, 2)
    np.fill_diagonal(distances, -1)  # itself first, before any duplicates
    ids = np.argsort(distances, axis=1, kind="stable")[:, :k]
    nearest_distances = np.take_along_axis(distances, ids, axis=1)
    nearest_distances[:, 0] = 0
    return ids, nearest_distances


def picture(
    before: np.ndarray,
    after: np.ndarray,
    ids: np.ndarray,
    pieces: Sequence[str],
    scripts: Sequence[str],
    **options: object,
) -> pd.DataFrame:
    """Return the picture of the tokens `ids` (n,), whose rows are `before` and `after` (n, d): `COLUMNS`.

    `pieces` and `scripts` are those of all tokens; `options` go to `project`.
    """
    first, second = project(before, after, **options)
    named = {"id": ids, "piece": [pieces[i] for i in ids], "script": [scripts[i] for i in ids]}
    places = {"before_x": first[:, 0], "before_y": first[:, 1], "after_x": second[:, 0], "after_y": second[:, 1]}
    return pd.DataFrame(named | places)[COLUMNS]


def picture_path(study: str | Path, method: str, by: str, ratio: float) -> Path:
    """Return where a study keeps the picture of one compressed table."""
    return Path(study) / FOLDER / f"tokens_{method}_{by}_{ratio:g}.csv.gz"


def write_projection(study: str | Path, table: pd.DataFrame, method: str, by: str, ratio: float) -> Path:
    """Write a picture into a study's folder and return its path; equal pictures give equal files."""
    path = picture_path(study, method, by, ratio)
    text = table[COLUMNS].to_csv(index=False, float_format="%.3f", lineterminator="\n")
    with storing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, gzip.compress(text.encode(), mtime=0))
    return path


def read_projection(path: str | Path) -> pd.DataFrame:
    """Read a picture. Raises `FileError` for another file."""
    text = {"piece": str, "script": str}
    with reading(path, "a picture of tokens"):
        with gzip.open(path) as packed:
            content = packed.read(_LARGEST + 1)  # a few bytes may unpack to as much as there is
        if len(content) > _LARGEST:
            raise FileError(path, f"unpacks to more than {_LARGEST >> 20} MiB, which no picture of tokens does")
        # "nan" and "null" are pieces of words, too.
        table = pd.read_csv(io.BytesIO(content), dtype=text, keep_default_na=False, na_filter=False)
        if list(table.columns) != COLUMNS:
            raise FileError(path, f"is no picture of tokens: it must have the columns {', '.join(COLUMNS)}")
        numbers = table.drop(columns=list(text)).to_numpy(dtype=float)  # text among them raises
        if not np.isfinite(numbers).all():
            raise FileError(path, "is no picture of tokens: a place in it is no number")
        return table


def projections(study: str | Path) -> pd.DataFrame:
    """Return the pictures of a study: method, by, ratio, path. Raises `FileError` for a link to outside of it."""
    rows = []
    for path in sorted((Path(study) / FOLDER).glob("*.csv.gz")):
        if match := _FILE.match(path.name):
            require_own(Path(study), path)
            rows.append({**match.groupdict(), "ratio": float(match["ratio"]), "path": path})
    return pd.DataFrame(rows, columns=["method", "by", "ratio", "path"])


class _Epochs:
    """The file that UMAP's progress bar writes to: each line says how many epochs are done."""

    def __init__(self, epochs: int, tell: Callable[[float], None]) -> None:
        self.epochs, self.tell = epochs, tell

    def write(self, line: str) -> None:
        if epoch := re.search(r"\d+", line):
            self.tell(min(1.0, int(epoch[0]) / self.epochs))

    def flush(self) -> None:
        """Do nothing: every line was passed on at once."""


def _layout(
    rows: np.ndarray, start: str | np.ndarray, step: float, seed: int, epochs: int, tell: Callable[[float], None]
) -> np.ndarray:
    engine = umaps.engine()(
        n_neighbors=_NEIGHBOURS,
        metric="cosine",
        init=start,
        learning_rate=step,
        n_epochs=epochs,
        random_state=seed,
        n_jobs=1,  # more threads give other bits
        precomputed_knn=(*nearest(rows, _NEIGHBOURS), None),  # UMAP's own search takes ten times as long
        force_approximation_algorithm=True,  # without it UMAP does its own search where rows are few
        tqdm_kwds={"disable": False, "file": _Epochs(epochs, tell), "bar_format": "{n_fmt}", "mininterval": 0.2},
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="precomputed_knn|n_jobs", category=UserWarning)
        return engine.fit_transform(rows).astype(np.float32)
