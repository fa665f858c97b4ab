"""Find each language's sub-network, say how good it is, and what it must be compared with.

`lottery` prunes in rounds and rewinds, `one_shot` scores the weights once, both on a `search`: a pretrained model with
one language's data. `controls` are the masks and losses that an overlap is read against, `evaluations` the scores as
tables, `winning` says which tickets are as good as the full model.
"""
