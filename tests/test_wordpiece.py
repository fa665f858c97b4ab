"""The pieces of a WordPiece vocabulary: as a plain version finds them, and the same ones in every process."""

import hashlib
import os
import subprocess
import sys
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import tiny
from conftest import ROOT
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from neutral import vocabulary, wordpiece
from neutral.errors import NeutralError

IN_ANOTHER_PROCESS = """
import hashlib, sys
from neutral import wordpiece
words = {word: len(word) % 3 + 1 for word in set(sys.stdin.read().split())}
print(hashlib.sha256("\\n".join(wordpiece.pieces(words, 900)).encode()).hexdigest())
"""


def plain_pieces(words, size):
    """Count all pairs anew after every merge."""
    spelled = {word: [word[0], *("##" + character for character in word[1:])] for word in words}
    vocabulary = sorted({symbol for symbols in spelled.values() for symbol in symbols})
    while len(vocabulary) < size:
        counts = Counter()
        for word, symbols in spelled.items():
            for pair in pairwise(symbols):
                counts[pair] += words[word]
        if not counts:
            break
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        merged = best[0] + best[1][2:]
        vocabulary += [merged] * (merged not in vocabulary)
        for symbols in spelled.values():
            at = 0
            while at < len(symbols):
                if tuple(symbols[at : at + 2]) == best:
                    symbols[at : at + 2] = [merged]
                at += 1
    return vocabulary


def test_pieces_are_those_of_a_plain_version():
    draw = np.random.default_rng(0)
    for _ in range(60):
        letters = list("abcdeé")[: draw.integers(1, 7)]
        texts = ["".join(draw.choice(letters, draw.integers(1, 9))) for _ in range(draw.integers(1, 40))]
        words = {text: int(draw.integers(1, 5)) for text in texts}
        size = int(draw.integers(15, 80))
        assert wordpiece.pieces(words, size) == plain_pieces(words, size)


@pytest.mark.parametrize("lines", [{"en": ["aaaa aa a"]}, {"en": ["ab"]}, {"en": [" "], "sw": ["a"]}])
def test_a_text_with_few_pairs_gives_few_pieces(lines):
    assert len(vocabulary.train_wordpiece(lines, 300)) < 20


def test_the_vocabulary_is_the_same_in_every_process_and_by_any_order_of_words():
    text = " ".join(line for rows in tiny.text(lines=100).train.values() for line in rows)
    printed = set()
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "RAYON_NUM_THREADS": seed}
        command = [sys.executable, "-c", IN_ANOTHER_PROCESS]
        done = subprocess.run(
            command, input=text, env=environment, cwd=ROOT, capture_output=True, text=True, check=True
        )
        printed.add(done.stdout.strip())
    words = {word: len(word) % 3 + 1 for word in sorted(set(text.split()))}
    assert printed == {hashlib.sha256("\n".join(wordpiece.pieces(words, 900)).encode()).hexdigest()}


def test_a_tokenizer_made_twice_is_the_same_to_the_byte():
    one, other = (vocabulary.train_wordpiece(tiny.text().train, 700) for _ in range(2))
    assert one.backend_tokenizer.to_str() == other.backend_tokenizer.to_str()
    assert len(one) == 700
    assert one.convert_ids_to_tokens([0, 1, 2, 3, 4]) == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def test_a_text_takes_as_many_pieces_as_by_the_librarys_trainer():
    lines = [line for rows in tiny.text(lines=100).train.values() for line in rows]
    backend = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=700, special_tokens=special, show_progress=False)
    backend.train_from_iterator(lines, trainer)
    ours = vocabulary.train_wordpiece({"all": lines}, 700)
    own, library = (sum(len(t.encode(line, add_special_tokens=False)) for line in lines) for t in (ours, backend))
    assert own == pytest.approx(library, rel=0.01)


def test_too_few_pieces_for_the_characters_are_refused():
    with pytest.raises(NeutralError, match=r"30 pieces are too few: special tokens and single characters are \d+"):
        vocabulary.train_wordpiece(tiny.text().train, 30)
