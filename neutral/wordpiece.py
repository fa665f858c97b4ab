"""Train the pieces of a WordPiece vocabulary: the most frequent pair of pieces becomes one, again and again.

Sennrich, Haddow, Birch 2016, with WordPiece's "##" before a piece that continues a word. The library `tokenizers` does
the same in a tenth of the time, but it breaks ties by the order of a hash table that is another in every process. Here
the first pair in alphabetical order wins, so a text has one vocabulary.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from itertools import pairwise

CONTINUES = "##"


def pieces(words: Mapping[str, int], size: int) -> list[str]:
    """Return `size` pieces for words and their counts: single characters by alphabet, then pairs as they are merged.

    Fewer come back if the words have no pair left, more if their characters alone are more.

    >>> pieces({"aab": 3, "ab": 2}, 5)
    ['##a', '##b', 'a', '##ab', 'aab']
    """
    spelled = [[word[0], *(CONTINUES + character for character in word[1:])] for word in words if word]
    times = [count for word, count in words.items() if word]
    vocabulary = dict.fromkeys(sorted({symbol for symbols in spelled for symbol in symbols}))
    counts: Counter[tuple[str, str]] = Counter()
    places: defaultdict[tuple[str, str], set[int]] = defaultdict(set)  # of a pair: words that have it, or once had
    for i, symbols in enumerate(spelled):
        for pair in pairwise(symbols):
            counts[pair] += times[i]
            places[pair].add(i)
    queue = [(-count, pair) for pair, count in counts.items()]
    heapq.heapify(queue)
    while queue and len(vocabulary) < size:
        count, pair = heapq.heappop(queue)
        if counts[pair] != -count:  # it has changed since it was queued
            continue
        merged = pair[0] + pair[1].removeprefix(CONTINUES)
        vocabulary[merged] = None
        changes: Counter[tuple[str, str]] = Counter()
        for i in places.pop(pair):
            for changed, sign in _join(spelled[i], pair, merged):
                changes[changed] += sign * times[i]
                if sign > 0:
                    places[changed].add(i)
        for changed, change in changes.items():
            counts[changed] += change
            if counts[changed] > 0:
                heapq.heappush(queue, (-counts[changed], changed))
            else:
                del counts[changed]
    return list(vocabulary)


def _join(symbols: list[str], pair: tuple[str, str], merged: str) -> Iterator[tuple[tuple[str, str], int]]:
    """Make every such pair of a word's symbols one symbol, from the left, in place; yield pairs that go (-1) and come.

    >>> symbols = ["a", "##b", "##c"]
    >>> list(_join(symbols, ("a", "##b"), "ab")), symbols
    ([(('a', '##b'), -1), (('##b', '##c'), -1), (('ab', '##c'), 1)], ['ab', '##c'])
    """
    left, right = pair
    at = 0
    while at < len(symbols) - 1:
        if symbols[at] == left and symbols[at + 1] == right:
            yield pair, -1
            if at > 0:
                yield (symbols[at - 1], left), -1
                yield (symbols[at - 1], merged), 1
            if at + 2 < len(symbols):
                yield (right, symbols[at + 2]), -1
                yield (merged, symbols[at + 2]), 1
            symbols[at : at + 2] = [merged]
        at += 1
