"""What sub-networks are compared with, by the names that results have for it."""

FULL = "full"
"""The model without a mask: a name in the results' columns of methods and of sources of masks."""

PRETRAINED = "pretrained"
"""The mask of the untouched pretrained weights: a name in counts and results."""
