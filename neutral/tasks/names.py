"""Names of the tasks, which need none of what trains and scores them."""

from neutral.errors import NeutralError

TAGS, NLI = ("ner", "pos"), "nli"

TEXT = ("mlm", "clm")
"""Tasks that take plain text."""

LABELLED = (*TAGS, NLI)
"""Tasks that take labelled examples."""

NAMES = TEXT + LABELLED


def require(name: str) -> None:
    """Raise `NeutralError`, naming the option, unless `name` is a task's."""
    if name == "seq2seq":  # the task that an encoder-decoder is made for
        raise NeutralError("--task seq2seq: an encoder-decoder has no language-modelling task; use --task nli")
    if name not in NAMES:
        raise NeutralError(f"--task {name}: unknown; use one of {', '.join(NAMES)}")
