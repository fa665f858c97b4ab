"""Overlap is counts: one pass over the bits of many masks, then every measure is algebra.

`count` finds, per weight tensor, how many weights each mask keeps, how many each pair keeps, and how many are kept by
exactly k of the n masks (`popcount`). `Counts` adds them up for any grouping of the tensors, and turns them into the
neutral core and the `measures` of a pair: Jaccard, Dice, agreement, φ, and the Jaccard expected by chance. `meant` says
which pairs mean something, where not all do; `stored` is the file. `joint` is the Jaccard of all masks at once.
`opposed` names pairs of which one mask may say 1 for what is removed.
"""

from neutral.overlap.counting import count
from neutral.overlap.counts import Counts
from neutral.overlap.joint import is_told, joint
from neutral.overlap.measures import MEASURES
from neutral.overlap.pairs import meant
from neutral.overlap.polarity import about_opposed, opposed

__all__ = ["MEASURES", "Counts", "about_opposed", "count", "is_told", "joint", "meant", "opposed"]
