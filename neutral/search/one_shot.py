"""One-shot methods: score the weights once; every sparsity is a cut of the same scores.

random   uniform numbers, the baseline
change   how far training moved each weight (Ansell et al. 2022)
fisher   the diagonal of the Fisher information (Sung et al. 2021)
wanda    weight times the norm of its input (Sun et al. 2023)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from neutral import scores
from neutral.errors import NeutralError
from neutral.masks import Mask
from neutral.search import METHODS, calibration
from neutral.search.calibration import Calibration
from neutral.search.search import Search, Tell

FISHER_EXAMPLES = 1024  # Sung et al. (2021) as used by Foroutan et al. (2022)


def one_shot(
    search: Search,
    method: str,
    sparsities: list[float],
    *,
    text: Calibration | None = None,
    halves: bool = False,
    tell: Tell | None = None,
) -> dict[str, dict[float, Mask]]:
    """Score the weights once and cut at every sparsity.

    `wanda` cuts within every output row, as its authors do, and leaves what experts saw in `search.tokens`; the others
    use the search's scope. The model is left at θ0, except that `change` leaves it trained.

    Parameters
    ----------
    search : Search
        The model and the data.
    method : str
        random, change, fisher or wanda.
    sparsities : list of float
        Shares of weights to drop.
    text : Calibration or None
        The text to score the weights on; the search's training blocks if None.
    halves : bool
        Whether to score them on either half of the text as well.
    tell : callable or None
        Called during training with the steps done and their number.

    Returns
    -------
    variant -> sparsity -> Mask
        Variant "" is from all of the text; with `halves`, "a" and "b" are from its halves.

    Raises
    ------
    NeutralError
        For an unknown method, or a half without text.
    """
    text = calibration.alternating(search.train_items) if text is None else text
    if halves and not (text.a and text.b):
        raise NeutralError("one block of text has no two halves; lower --length or add text")
    places = {"": range(len(text.items)), **({"a": text.a, "b": text.b} if halves else {})}
    texts = {variant: [text.items[i] for i in of_variant] for variant, of_variant in places.items()}
    if method == "wanda":
        search.rewind()
        norms = _norms(search, text)
        search.unreached = tuple(name for name, norm in norms[""].items() if not norm.any())
        search.tokens = {variant: norms[variant].tokens for variant in texts if norms[variant].tokens}
        return scores.masks_of_texts(search.weights, {variant: norms[variant] for variant in texts}, sparsities)
    scored = ((v, weight_scores(search, method, items, tell)) for v, items in texts.items())
    scope = scores.scope_of(method, search.scope)
    return {variant: {s: search.cut(weights, s, scope=scope) for s in sparsities} for variant, weights in scored}


def weight_scores(search: Search, method: str, blocks: Sequence, tell: Tell | None = None) -> scores.Scores:
    """Return the score of every prunable weight by a one-shot method; `blocks` is the text that the method may use."""
    if method == "change":
        replace(search, train_items=blocks).trained(None, tell)
        return scores.change(search.weights, search.origin)
    search.rewind()
    if method == "random":
        return scores.random(search.weights, search.recipe.seed)
    if method == "wanda":
        return scores.from_norms(search.weights, _norms(search, calibration.alternating(blocks))[""])
    if method == "fisher":
        examples = search.batches(blocks[:FISHER_EXAMPLES], 1)
        return scores.fisher(search.model, search.weights, examples, search.task.mean_loss)
    raise NeutralError(f"no such method: {method}; use {', '.join(METHODS)}")


def _norms(search: Search, text: Calibration) -> dict[str, scores.Scores]:
    """Return the input norms over all of a text (""), and over its halves ("a", "b").

    All are always measured in halves and joined, and an item is masked by its place among all of them: so the mask of
    the whole text is the same whether or not the halves are asked for. One item alone is "" and "a".
    """
    norms = {}
    for variant, places in (("a", text.a), ("b", text.b)):
        if places or variant == "a":
            batches = search.batches(text.items, search.recipe.batch_size, places)
            norms[variant] = scores.input_norms(search.model, search.weights, batches, search.task.forward)
    return norms | {"": scores.join(*norms.values())}
