"""The methods that compress a token table, a file each; `neutral.compression.fit` calls them by name."""

from collections.abc import Callable

from neutral.compression.methods.autoencoder import fit_autoencoder
from neutral.compression.methods.direction import fit_direction
from neutral.compression.methods.int4 import Int4, fit_int4
from neutral.compression.methods.int8 import Int8, fit_int8
from neutral.compression.methods.mixed import fit_mixed
from neutral.compression.methods.pq import fit_pq
from neutral.compression.methods.svd import fit_svd
from neutral.compression.methods.transform import fit_transform
from neutral.compression.rounding import Rounded
from neutral.compression.table import Table

FITS: dict[str, Callable[..., Table]] = {
    "svd": fit_svd,
    "direction": fit_direction,
    "autoencoder": fit_autoencoder,
    "int8": fit_int8,
    "int4": fit_int4,
    "pq": fit_pq,
    "mixed": fit_mixed,
    "transform": fit_transform,
}
"""Method -> what fits its table: `fit(matrix, budget, *, weights, seed, **options)`."""

ROUNDED: dict[str, type[Rounded]] = {"int8": Int8, "int4": Int4}
"""Method of one size -> the class of its tables, which knows that size (`Rounded.reach`)."""
