"""Files that are damaged at random are read or refused in one line, of every kind (benchmarks/mutations.py)."""

import pytest

from benchmarks import mutated, mutations
from neutral import maskfiles
from neutral.errors import FileError, NeutralError

KINDS = mutated.kinds()


class LoudError(NeutralError):
    """An error that takes two lines."""

    def __str__(self):
        return "two\nlines"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.many], ids=lambda kind: kind.name)
def test_the_sound_files_are_read(kind, tmp_path):
    mutations.laid(tmp_path, kind.files)
    kind.read(tmp_path)


@pytest.mark.long
def test_the_sound_files_that_one_child_process_opens_are_read(tmp_path):
    for kind in KINDS:
        if kind.many:
            mutations.laid(tmp_path / kind.name, kind.files)
    for one in maskfiles.readings([path for path in sorted(tmp_path.rglob("*")) if path.is_file()]):
        mutated.use_mask(one)


@pytest.mark.long
def test_two_thousand_damaged_files_are_read_or_refused_in_one_line():
    with mutations.limited():
        figures = mutations.run(2000, 0, KINDS)
    assert not figures.failed, "\n".join(figures.failed)
    counts = figures.counts.values()
    assert sum(each["read"] + each["refused"] for each in counts) == 2000
    assert all(each["refused"] for each in counts)
    assert figures.slowest < mutations.SECONDS


def test_a_few_damaged_files_of_what_is_read_without_a_child_process():
    kinds = [kind for kind in KINDS if not kind.many]
    figures = mutations.run(4 * len(kinds), 1, kinds)
    assert not figures.failed, "\n".join(figures.failed)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (KeyError("a"), "KeyError"),
        (RecursionError(), "RecursionError"),
        (SystemError("bad"), "SystemError"),
        (LoudError(), "a message of"),
        (FileError("f", "needs more memory than there is"), "took all memory"),
    ],
)
def test_what_breaks_the_rule_would_be_found(fault, said):
    def read(folder):
        raise fault

    kind = mutated.Kind("broken", {"a.txt": b"text"}, ("a.txt",), mutated.mutators.BYTES, read)
    figures = mutations.run(1, 0, [kind])
    assert len(figures.failed) == 1
    assert said in figures.failed[0]


def test_a_word_a_file_left_and_a_warning_would_be_found():
    def speaks(folder):
        print("word")

    def leaves(folder):
        (folder / "left").write_bytes(b"")

    def warns(folder):
        import warnings

        warnings.warn("careful", stacklevel=1)

    for read, said in ((speaks, "said 'word"), (leaves, "left ['f/left']"), (warns, "warned: UserWarning: careful")):
        kind = mutated.Kind("broken", {"a.txt": b"text"}, ("a.txt",), mutated.mutators.BYTES, read)
        assert said in mutations.run(1, 0, [kind]).failed[0]


def test_the_same_seed_gives_the_same_files():
    for kind in KINDS[:3]:
        assert mutations.damaged(kind, "0/a/1") == mutations.damaged(kind, "0/a/1")
        assert mutations.damaged(kind, "0/a/1") != mutations.damaged(kind, "0/a/2")


def test_refusals_count_as_refused():
    def read(folder):
        raise NeutralError("one line")

    kind = mutated.Kind("refused", {"a.txt": b"text"}, ("a.txt",), mutated.mutators.BYTES, read)
    assert mutations.run(2, 0, [kind]).counts["refused"]["refused"] == 2
