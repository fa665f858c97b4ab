"""A study: a folder of results that a person can read and a stopped run goes on from.

study.json      the settings: title, model, task, languages, methods, seeds, text, versions
results.jsonl   one finished result a line; appended and flushed, never rewritten
counts/         overlap counts, one file per (task, method, sparsity, seed, kind)
masks/          packed masks (may be left out of a shared study)
README.md       the results, in words (optional)

Every field is listed in docs/file-formats.md.
"""

from neutral.references import FULL, PRETRAINED
from neutral.study.index import at_sparsity, mask_stem, same_sparsity
from neutral.study.study import KINDS, RESULTS, Study, current_settings, find_studies, merged

__all__ = [
    "FULL",
    "KINDS",
    "PRETRAINED",
    "RESULTS",
    "Study",
    "at_sparsity",
    "current_settings",
    "find_studies",
    "mask_stem",
    "merged",
    "same_sparsity",
]
