"""How an example is put to a text-to-text network, and how its answer is read."""

from __future__ import annotations

from dataclasses import dataclass

from neutral.errors import NeutralError
from neutral.options import check, option, setting, settings

PREMISE, HYPOTHESIS = "{premise}", "{hypothesis}"

PROMPTS = {
    "mt5": f"xnli: premise: {PREMISE} hypothesis: {HYPOTHESIS}",
    "paper": f"xnli premise: {PREMISE} hypothesis:  {HYPOTHESIS}",
}
"""Templates by name: mt5, that of the model's authors (Xue et al. 2021); paper, that of Foroutan et al. (2022)."""

ANSWERS = ("likeliest", "generated")
"""likeliest: the class whose name the network finds likeliest. generated: the text that it writes, which is right if it
is the name of the class to the letter, as in the paper; a text that names no class is wrong."""


@dataclass(frozen=True)
class Wording:
    """How an example is put to a text-to-text network, and how its answer is read.

    Attributes
    ----------
    prompt : str
        One of `PROMPTS`, or a template that has {premise} and {hypothesis}, once each.
    answer : str
        One of `ANSWERS`.

    Raises
    ------
    NeutralError
        For another prompt or answer, naming the option.

    Examples
    --------
    >>> Wording("paper").around
    ('xnli premise: ', ' hypothesis:  {hypothesis}')
    """

    prompt: str = option(
        "mt5",
        f"for nli on an encoder-decoder, what it reads: mt5, paper, or a text with {PREMISE} and {HYPOTHESIS}",
        group="text to text",
        only_for={"task": ("auto", "nli")},
        decides=setting(unless="mt5"),
    )
    answer: str = option(
        "likeliest",
        "there, its answer: the likeliest class, or the text that it writes, to the letter",
        choices=ANSWERS,
        group="text to text",
        only_for={"task": ("auto", "nli")},
        decides=setting(unless="likeliest"),
    )

    def __post_init__(self) -> None:
        if any(self.template.count(part) != 1 for part in (PREMISE, HYPOTHESIS)):
            raise NeutralError(
                f"--prompt {self.prompt!r}: use {' or '.join(PROMPTS)}, or a text with {PREMISE} and {HYPOTHESIS} in "
                "it, once each"
            )
        check(self)

    @property
    def template(self) -> str:
        """The prompt with places for the texts."""
        return PROMPTS.get(self.prompt, self.prompt)

    @property
    def around(self) -> tuple[str, str]:
        """What stands before the premise, and what after it."""
        before, after = self.template.split(PREMISE)
        return before, after

    def settings(self) -> dict[str, str]:
        """Return what differs from the usual wording: a study writes only that."""
        return settings(self)


def filled(part: str, hypothesis: str | None) -> str:
    """Return a part of a template with the hypothesis in its place.

    Without one, what the template says up to its place is left out too.

    >>> filled("hypothesis: {hypothesis} premise: ", "It rained."), filled("hypothesis: {hypothesis} premise: ", None)
    ('hypothesis: It rained. premise: ', 'premise: ')
    """
    if HYPOTHESIS not in part:
        return part
    if hypothesis is None:
        return part.split(HYPOTHESIS)[1].lstrip()
    return part.replace(HYPOTHESIS, hypothesis)
