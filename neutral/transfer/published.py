"""The tables of Foroutan et al. (2022), as printed, in the form of our own results.

Discovering Language-neutral Sub-networks in Multilingual Language Models. EMNLP 2022, pages 7560–7575, DOI
10.18653/v1/2022.emnlp-main.513 (CC BY 4.0). `data/published/README.md` says what is what, and lists the print's
oddities. The paper prints means of three runs and no standard deviations.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from neutral.errors import FileError, NeutralError, reading
from neutral.transfer.across import CROSS_TASK, MULTILINGUAL

FOLDER = Path(__file__).parents[2] / "data" / "published"
CITATION = "Foroutan et al., EMNLP 2022, doi:10.18653/v1/2022.emnlp-main.513"
NAME = "Foroutan et al. 2022"
MODELS = {"bert-base-multilingual-cased": "mBERT", "google/mt5-base": "mT5"}
SPARSITY = 0.5
"""Of the paper's masks in its tables of transfer and of overlap."""
TASKS = {"mlm": "mlm", "ner": "ner", "nli": "xnli"}  # our name -> the paper's


def transfer(model: str, task: str) -> pd.DataFrame:
    """Return one of Tables 3 to 6, masks of 50 % sparsity, in the form of `results.matrix`; std and untrained are NaN.

    Raises `NeutralError` for a model and task that the paper has no table of.
    """
    table = read("transfer")
    rows = table[(table["model"] == model) & (table["task"] == task)]
    if rows.empty:
        printed = ", ".join(f"{m} {t}" for m, t in experiments())
        raise NeutralError(f"the paper has no transfer table of {model} on {task}; it has {printed}")
    own = rows[rows["source"] == rows["target"]].set_index("target")["value"]
    cells = rows[["source", "target", "metric", "value"]].reset_index(drop=True)
    return cells.assign(std=np.nan, seeds=3, untrained=np.nan, paired=cells["value"], own=cells["target"].map(own))


def experiments() -> list[tuple[str, str]]:
    """Return every (model, task) that the paper has a transfer table of, in its order."""
    return list(dict.fromkeys(read("transfer")[["model", "task"]].itertuples(index=False, name=None)))


def winning_tickets() -> pd.DataFrame:
    """Return Table 2: language, task, metric, full, ticket, sparsity (share), random."""
    table = read("winning_tickets")
    return table.assign(sparsity=table["sparsity_percent"] / 100).drop(columns="sparsity_percent")


def cross_task() -> pd.DataFrame:
    """Return Figure 9 in the form of `across.cross_task`, XNLI as our "nli"; unprinted columns are NaN or ""."""
    metrics = {"mlm": "perplexity", "ner": "f1", "nli": "accuracy"}
    tasks = {printed: task for task, printed in TASKS.items()}
    table = read("cross_task").replace({"target_task": tasks, "source_task": tasks})
    unknown = {"seeds": "", "own": np.nan, "cost": np.nan, "low": np.nan, "high": np.nan, "p": np.nan}
    return table.assign(metric=table["target_task"].map(metrics), **unknown)[CROSS_TASK]


def multilingual_ticket() -> pd.DataFrame:
    """Return Table 1 in the form of `across.multilingual`."""
    table = read("multilingual_ticket").rename(columns={"f1": "value"})
    mixture = next(source for source in table["source"] if "-" in source)
    table["source"] = table["source"].replace(mixture, mixture.replace("-", "+"))
    return table.assign(task="ner", mixture=mixture.replace("-", "+"), seeds="", metric="f1")[MULTILINGUAL]


def seed_overlap() -> pd.DataFrame:
    """Return the overlap of masks of one language under several seeds: task, jaccard (share)."""
    table = read("seed_overlap")
    return table.assign(jaccard=table["jaccard_percent"] / 100).drop(columns="jaccard_percent")


def training() -> pd.DataFrame:
    """Return Table 7: setting, and its value for mlm, ner, xnli (as printed; NaN if the paper gives none)."""
    return read("training")


def steps(task: str) -> int:
    """Return how many training steps a round takes by Table 7; `task` is mlm, ner or xnli."""
    printed = training().set_index("setting")[task]
    return int(printed["epochs"]) * int(printed["iterations_per_epoch"])


def read(name: str) -> pd.DataFrame:
    """Return one file of `data/published`. Raises `FileError` when it is missing."""
    path = FOLDER / f"{name}.csv"
    if not path.is_file():
        raise FileError(path, "the published tables are missing; they come with the repository, not with the package")
    with reading(path, "a published table"):
        return pd.read_csv(path)
