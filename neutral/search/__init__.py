"""Find each language's sub-network, say how good it is, and make what it must be compared with.

`lottery` prunes in rounds and rewinds, `one_shot` scores the weights once; both work on a `Search`, a pretrained model
with one language's data. `controls` are the masks and losses that an overlap is compared with, `evaluations` the scores
as tables, `winning` says which tickets are as good as the full model.
"""

ITERATIVE = ("magnitude",)
"""Methods that train, cut and rewind in rounds."""

ONE_SHOT = ("random", "change", "fisher", "wanda")
"""Methods that score the weights once."""

METHODS = ITERATIVE + ONE_SHOT
