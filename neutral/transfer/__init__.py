"""Does the sub-network of one language serve another? Train mask s from the pretrained weights on data of t.

After Foroutan et al. (EMNLP 2022, sections 5 and 6): a(s, t) is the score on t of the model with the mask of s, trained
on t; it is compared with t's own mask, the full model and random masks. `sources` names the masks, `baselines` makes
those that belong to no single language, `results` turns finished runs into the paper's tables, `across` compares tasks
and mixtures of languages, `published` holds the paper's numbers in the same form.
"""
