"""Every architecture of the table in docs/methods.md is found, labelled and compressed right, or refused in one line.

The everyday run takes those in `EVERYDAY`, which cover every kind of layout; `pytest -m every` takes the others.
"""

import re
from pathlib import Path

import architectures
import pytest
import tiny
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from neutral import compression, labels, models, scores
from neutral.compression.placement import embedding, put_in, tied
from neutral.compression.table import Rebuilt
from neutral.corpora import Corpus
from neutral.errors import NeutralError
from neutral.recipes import Recipe
from neutral.runs.subject import subject

EVERYDAY = {
    *("bert", "xmod", "deberta-v2-lm-head", "modernbert", "jina_embeddings_v3", "gpt2", "opt-projected", "gemma3n_text"),
    *("falcon-new", "gpt_oss", "qwen3_next", "deepseek_v3", "mamba", "gemma4", "byt5", "marian", "jetmoe"),
}
TABLE = (Path(__file__).parent.parent / "docs" / "methods.md").read_text(encoding="utf-8")
YES = "yes"


def rows():
    """Architecture -> what the table says of find, labels, compress."""
    cells = re.findall(r"^\| `([^|]+)` \| (.+?) \| (.+?) \| (.+?) \|$", TABLE, re.MULTILINE)
    return {name: said for names, *said in cells for name in names.replace("`", "").split(", ")}


def marked():
    return [pytest.param(n, marks=[] if n in EVERYDAY else pytest.mark.every) for n in architectures.ARCHS]


def text():
    """A corpus of one language."""
    whole = tiny.text(("en",), 30)
    return Corpus(whole.name, {"en": whole.train["en"][:12]}, {"en": whole.held_out["en"][:6]}, whole.hashes)


def task_of(folder):
    task = models.natural_task(folder)
    return "nli" if task == "seq2seq" else task


def plain_squares(model, run):
    """Weight name -> (inputs,) sum of squares of what goes into its layer while `run()` runs."""
    sums, hooks = {}, []
    for name, module in model.named_modules():
        if isinstance(module, (nn.Linear, Conv1D)):

            def see(_module, args, name=f"{name}.weight"):
                rows = args[0].detach().reshape(-1, args[0].shape[-1]).double()
                sums[name] = sums.get(name, 0) + rows.square().sum(0)

            hooks.append(module.register_forward_pre_hook(see))
    with torch.no_grad():
        run()
    for hook in hooks:
        hook.remove()
    return sums
