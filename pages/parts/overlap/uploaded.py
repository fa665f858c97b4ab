"""What the page Your masks says: of files, of the link that keeps masks, and of saving them as a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from neutral import bounds, labels
from neutral.errors import one_line
from neutral.masks import Mask
from neutral.members import display
from neutral.runs.places import Place
from pages.parts import formats
from pages.parts.uploads import Upload

MIXED = "These masks are of different networks, so they cannot all be compared; each network is shown apart."

UPLOAD = """
Upload masks of one model, one file a language, or all languages in one: zeros and ones for every weight, **1 means
kept**. Read are a `mask.pt` of the paper's scripts, checkpoints of `torch.nn.utils.prune`, `torch.ao`, ModelOpt and
NNI, plain or packed `.safetensors` (shards with their index), `.npz`, and arrays in a pickle. Where all files are
called `mask.pt`, zip their folders and upload the archive: its masks are called by their folders. Then every page can
show them, alone or beside the study. Nothing in a file is executed.
"""

FROM_ZEROS = (
    "For pruned models, as Wanda, SparseGPT and llm-compressor leave them: what is zero in the linear layers of the "
    "blocks is removed. Files with masks of their own are read as ever. It holds for what you upload next."
)

INVERT = "Here 1 means kept. Tick this for files in which 1 means removed; it turns what you upload next."

READ_COLUMNS = {
    "file": "File",
    "name": "Name",
    "language": "Language",
    "from": "Language from",
    "tensors": "Tensors",
    "weights": "Weights",
    "removed": "Removed",
    "renamed": "Names changed",
    "notes": "Left out, or assumed",
}

READ = "1 means kept; Removed is the share of zeros. Names changed: of weights, without what wrappers put before them."

BIG = """
A 340 MB file of floats holds 10.6 MB of mask. Files too big to upload, or many of them, are converted faster where they
lie: `python -m neutral masks convert *.pt -o packed/`, then upload what is in `packed/`.
"""

LINK = (
    "A reload finds these masks again by the link in the address, and so does whoever you give it to: they see the "
    "masks, and what they change is a copy of their own. Nobody can guess it. The masks are deleted {days} days after "
    "the last use of the link."
)

DELETE = "Deletes the masks here, under this link, and in the copies that others made by it."

SAVE = (
    "A study stays, and pages and commands show it as one that `find` made; it has no scores, which mask files do not "
    "hold. Its languages are the names above."
)

NOT_SAVED_HERE = (
    "Others can open this server, so studies are not saved from its pages. Who runs it can allow that: NEUTRAL_RUNS=on."
)

MODEL = "Only written down. Choose a bundled one, or type its name."

PLACES = (
    "Masks of one language are runs of one search: its seeds. Where their sparsities differ clearly, they are masks of "
    "several sparsities."
)

MORE = (
    "Two runs can add to it. *Add its controls* finds the mask of the untouched weights, to compare with; it needs the "
    "model that the masks are of. *Test what explains it* tests family, script, place and more, so that the page "
    "Typology opens without computing."
)

NAMES = (
    "A language code such as en lets figures know its family. Two masks under one name count as two runs of the same "
    "language."
)

KNOWN = "A mask is known by its language's code: ISO 639 (sw, swa), with script or region if you like (sr_Cyrl, pt-BR)."

_LOT = 3.0
"""Deviations of masks drawn by lot that are taken for chance."""

PAIR_COLUMNS = {
    "source": "Mask",
    "target": "Other mask",
    "value": "Jaccard",
    "chance": "By chance",
    "excess": "Above chance",
}


def said(masks: Sequence[Mask], key: str) -> str:
    """Say what the headers of masks have of a thing (model, task, method), or that they have nothing."""
    found = list(dict.fromkeys(one_line(mask.header[key]) for mask in masks if mask.header.get(key)))
    return f"As the files say: {', '.join(found[:3])}" if found else "The files say nothing"


def place(where: Place, label: str) -> dict[str, object]:
    """Return a row of the table of what is saved."""
    return {
        "Name": label,
        "Language": display(where.language),
        "Task": where.task,
        "Method": where.method,
        "Removed": f"{where.sparsity:.0%}",
        "Seed": where.seed,
        "Half of the text": where.variant,
    }


def noise(pairs: pd.DataFrame, own: Mapping[str, float], lot: pd.DataFrame) -> str:
    """Say whether what masks share above chance is chance, and whether differences between pairs are noise.

    `pairs` are those of `summary.pairs`, `own` is each language's overlap with itself, `lot` that of `bounds.by_lot`.
    """
    deviation = lot.set_index(["source", "target"])["deviation"]
    reach = [_LOT * deviation[row.source, row.target] for row in pairs.itertuples()]
    beyond = int((pairs["excess"].abs() > reach).sum())
    those = "the pair" if len(pairs) == 1 else f"all {beyond:,} pairs" if beyond == len(pairs) else f"{beyond:,} pairs"
    said = f"Masks drawn by lot would be within ±{max(reach):.1g} of chance"
    said += f", and {those} {'is' if len(pairs) == 1 else 'are'} further from it." if beyond else ", and so are these."
    told = bounds.told(pairs, own)
    if len(pairs) < 2 or told.is_noise:
        return said  # noise among pairs is said above
    if told.noise != told.noise:
        return (
            f"{said} Whether differences **between pairs** (up to {told.spread:.4f}) are noise cannot be told: no "
            "language is here twice. Add a second mask of a language, from another seed or from the other half of its "
            "text, under the same language."
        )
    return (
        f"{said} Differences **between pairs** are more than noise where they are larger than {told.noise:.4f}, by "
        f"which one language found again differs from itself; they reach {told.spread:.4f}."
    )


def about_file(upload: Upload) -> str:
    """Say how large a mask file is; the table of the page has the rest."""
    layers = labels.layers(upload.mask.names, upload.mask.stack)
    return f"{formats.amount(upload.size)}B · {formats.count(layers, 'layer')}"
