"""Does the sub-network of one language serve another? Train mask s from the pretrained weights on data of t.

After Foroutan et al. (EMNLP 2022, sections 5 and 6): a(s, t) is the score on t of the model with the mask of s, trained
on t; it is compared with t's own mask, the full model and random masks. `sources` names the masks and `baselines` makes
those that belong to no single language. `results` turns finished runs into the paper's tables, `across` adds other
tasks and mixtures of languages, `published` holds the paper's numbers in the same form. `seeds` chooses the seed of the
training to look at, `answers` draws conclusions from a table, `association` tests transfer against overlap, and
`predictors` against several distances, with its direction.
"""
