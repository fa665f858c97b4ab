"""Exact match and F1 of an answer to a question, as SQuAD's evaluation counts them (Rajpurkar et al. 2016).

Both compare normalised answers: lower case, no punctuation, no articles (a, an, the), single spaces. F1 is that of the
words, as bags. A question with several true answers counts the best of them.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Iterable

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLE = re.compile(r"\b(?:a|an|the)\b")


def normalised(text: str) -> str:
    """Return an answer as it is compared.

    >>> normalised("The  Eiffel-Tower, a tower!")
    'eiffeltower tower'
    """
    return " ".join(_ARTICLE.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(answer: str, truths: Iterable[str]) -> bool:
    """Whether an answer is one of the true ones, normalised."""
    return normalised(answer) in {normalised(truth) for truth in truths}


def f1(answer: str, truths: Iterable[str]) -> float:
    """Return the F1 of an answer's words against those of the true answer that it is nearest to, from 0 to 1.

    >>> f1("in the tall tower", ["the tower of London"])
    0.3333333333333333
    """
    return max(_f1(normalised(answer).split(), normalised(truth).split()) for truth in truths)


def _f1(answer: list[str], truth: list[str]) -> float:
    common = (Counter(answer) & Counter(truth)).total()
    return 2 * common / (len(answer) + len(truth)) if common else 0.0
