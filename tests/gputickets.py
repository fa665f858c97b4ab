"""How the tickets trained on a GPU overlap, for the tests of what their README says."""

import numpy as np
import pandas as pd
from claims import ROOT

from neutral.languages import PAPER_ORDER
from neutral.study import Study

PAGE = "data/studies/mini-mbert-mlm-gpu/README.md"
CODES = list(PAPER_ORDER)
GPU = Study(ROOT / "data/studies/mini-mbert-mlm-gpu")
BUNDLED = Study(ROOT / "data/studies/mini-mbert-mlm")


def jaccard(study, method="magnitude", sparsity=0.5, kind="languages", seed=0):
    """The overlap of the 55 pairs: group, source, target, value."""
    return study.counts("mlm", method, sparsity, seed, kind=kind).jaccard()


def control(study, sparsity=0.5, seed=0):
    square = study.counts("mlm", "magnitude", sparsity, seed, kind="pretrained").matrix("jaccard")
    return square.loc["pretrained", CODES]


def designed(table):
    return np.array([[float(code in pair) for code in CODES] for pair in zip(table.source, table.target, strict=True)])


def levels_of(table):
    """One number a language, whose sums over pairs are nearest to the overlap (least squares)."""
    return pd.Series(np.linalg.lstsq(designed(table), table["value"].to_numpy(), rcond=None)[0], CODES)


def rest(table):
    """The overlap without the languages' own levels."""
    return table.assign(value=table["value"] - designed(table) @ levels_of(table).to_numpy())


def explained(table):
    return 1 - rest(table)["value"].var() / table["value"].var()


def by_pair(table):
    return pd.Series(table["value"].to_numpy(), [(r.source, r.target) for r in table.itertuples()]).sort_values()
