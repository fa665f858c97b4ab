"""Does the sub-network of one language serve another? Train mask s from the pretrained weights on data of t.

After Foroutan et al. (EMNLP 2022, sections 5 and 6): a(s, t) is the score on t of the model with the mask of s, trained
on t; it is read against t's own mask, the full model and random masks. `plan` says what is run, `baselines` makes the
masks that belong to no single language, `results` turns finished runs into the paper's tables, `winning` decides which
tickets win, `published` holds the paper's numbers in the same form.
"""
