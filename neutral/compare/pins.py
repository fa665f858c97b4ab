"""Pins: what is shown, written as one line that an address and a shell take.

    overlap:STUDY:LANGUAGES:METHOD:SPARSITY:TASK:SEED:MEASURE:LAYER:COMPONENT
    pair:STUDY:ONE,OTHER:METHOD:SPARSITY:TASK:SEED:MEASURE:LAYER:COMPONENT
    language:STUDY:LANGUAGE:METHOD:SPARSITY:TASK:SEED:MEASURE:LAYER:COMPONENT
    typology:STUDY:LANGUAGES:METHOD:SPARSITY:TASK:SEED:MEASURE:LAYER:COMPONENT
    transfer:STUDY:LANGUAGES:METHOD:SPARSITY:TASK:SEED:SCORE
    tickets:STUDY:LANGUAGES:METHOD::TASK::SCORE
    table:STUDY:LINE:RATIO:BY:WHERE:MASKING:SCORING

What is left out at the end, or empty, is the only one there is, or the usual one. A pin that a page writes says all,
so that another default changes nothing in it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from urllib.parse import unquote

from neutral.errors import NeutralError, is_one_line
from neutral.summary import MEASURES

KINDS = ("overlap", "pair", "language", "typology", "transfer", "tickets", "table")
SCORES = ("metric", "accuracy")
"""What transfers and tickets are scored by: the task's metric, or the accuracy of language modelling."""
PAPER = "@paper"
"""In the place of a study of transfers: the tables of Foroutan et al. (2022); the method is the model then."""
MOST = 6
"""Views that are shown side by side."""
LONGEST = 4000
"""Characters of a pin: a thousand languages by their codes."""

_ESCAPES = {"%": "%25", ":": "%3A", ",": "%2C"}
_MEMBERS = {"pair": (2, 2), "language": (1, 1)}  # of the others any number
_MEASURES = {"transfer": SCORES, "tickets": SCORES}  # those of masks for the others
_MASKING = {"pieces": False, "words": True}
BY, WHERE, SCORING = ("parameters", "bytes"), ("input", "both"), ("blocks", "lines")


@dataclass(frozen=True)
class MaskPin:
    """Masks of a study: those of all its languages or of some, of a pair, or of one beside the others.

    Their overlap, over all weights or in a layer, in a component or in one of the other; what it goes with (typology);
    or what they score, for other languages (transfer) and for their own (tickets).
    """

    kind: str
    study: str
    members: tuple[str, ...] = ()
    method: str = ""
    sparsity: float | None = None
    task: str = ""
    seed: int | None = None
    measure: str = "jaccard"
    layer: str = ""
    component: str = ""

    @property
    def text(self) -> str:
        """The pin as one line, which `read` takes.

        >>> MaskPin("pair", "mini", ("en", "zho-TW"), "wanda", 0.5, "mlm", 0).text
        'pair:mini:en,zho-TW:wanda:0.5:mlm:0:jaccard'
        """
        members = ",".join(_escaped(member, "%:,") for member in self.members)
        rest = [self.method, _number(self.sparsity), self.task, _number(self.seed), self.measure]
        if self.layer or self.component:  # pins are older than these: one without them is written as ever
            rest += [self.layer, self.component] if self.component else [self.layer]
        return ":".join([self.kind, _escaped(self.study), members, *map(_escaped, rest)])


@dataclass(frozen=True)
class TablePin:
    """A way of making a token table smaller, at one ratio and at all."""

    study: str
    line: str = ""
    ratio: float | None = None
    by: str = ""
    where: str = ""
    words: bool | None = None
    scoring: str = ""
    kind: str = "table"

    @property
    def text(self) -> str:
        """The pin as one line, which `read` takes.

        >>> TablePin("tables", "svd", 10.0, "bytes", "input", False, "blocks").text
        'table:tables:svd:10:bytes:input:pieces:blocks'
        """
        masking = next((name for name, words in _MASKING.items() if words is self.words), "")
        rest = (self.line, _number(self.ratio), self.by, self.where, masking, self.scoring)
        return ":".join([self.kind, _escaped(self.study), *map(_escaped, rest)])


Pin = MaskPin | TablePin


class PinError(NeutralError):
    """A pin says nothing that can be shown; `problem` is why, without the pin."""

    def __init__(self, text: str, problem: str) -> None:
        self.text, self.problem = text, problem
        super().__init__(f"pin {text[:100]!r}: {problem}")

    def __reduce__(self) -> tuple:
        return type(self), (self.text, self.problem)


def read(text: str) -> Pin:
    """Return the pin that a line says. Raises `PinError` for one that says none.

    >>> read("pair:mini:en,fr:wanda:50%")
    MaskPin(kind='pair', study='mini', members=('en', 'fr'), method='wanda', sparsity=0.5, task='', seed=None, \
measure='jaccard', layer='', component='')
    """
    if len(text) > LONGEST or not is_one_line(text):
        raise PinError(text, f"a pin is one line of at most {LONGEST} characters")
    kind, *rest = text.split(":")
    if kind not in KINDS:
        raise PinError(text, f"it begins with none of {', '.join(KINDS)}")
    most = len(fields(TablePin)) - 1 if kind == "table" else len(fields(MaskPin)) - 1 - 2 * (kind in _MEASURES)
    if not rest or not rest[0] or len(rest) > most:
        raise PinError(text, f"says KIND:STUDY and at most {most - 1} more between colons")
    rest += [""] * (most - len(rest))
    return (_table if kind == "table" else _masks)(text, kind, rest)


def _masks(text: str, kind: str, rest: list[str]) -> MaskPin:
    study, members, method, sparsity, task, seed, measure, *place = rest
    chosen = tuple(unquote(member) for member in members.split(",") if member)
    least, most = _MEMBERS.get(kind, (0, 10_000))
    if not least <= len(chosen) <= most:
        wanted = "two languages: en,fr" if kind == "pair" else "one language"
        raise PinError(text, f"a {kind} is of {wanted}")
    if kind == "pair" and chosen[0] == chosen[1]:
        raise PinError(text, "a pair is of two different languages")
    known = _MEASURES.get(kind, MEASURES)
    if measure and measure not in known:
        raise PinError(text, f"no measure {measure!r}; use one of {', '.join(known)}")
    share = _read_number(text, "sparsity", sparsity)
    if share is not None and not 0 <= share <= 1:
        raise PinError(text, f"sparsity {sparsity!r} is no share of weights; 0.5 or 50%, say")
    number = _read_number(text, "seed", seed)
    if number is not None and number != int(number):
        raise PinError(text, f"seed {seed!r} is no whole number")
    whole = None if number is None else int(number)
    asked = unquote(method), share, unquote(task), whole, measure or known[0]
    return MaskPin(kind, unquote(study), chosen, *asked, *map(unquote, place))


def _table(text: str, kind: str, rest: list[str]) -> TablePin:
    study, line, ratio, by, where, masking, scoring = rest
    for name, value, known in (
        ("size counted in", by, BY),
        ("place", where, WHERE),
        ("masking", masking, tuple(_MASKING)),
        ("scoring", scoring, SCORING),
    ):
        if value and value not in known:
            raise PinError(text, f"no {name} {value!r}; use one of {', '.join(known)}")
    times = _read_number(text, "ratio", ratio)
    return TablePin(unquote(study), unquote(line), times, by, where, _MASKING.get(masking), scoring)


def _read_number(text: str, name: str, value: str) -> float | None:
    """Return a number, or per cent as a share; None for nothing."""
    if not value:
        return None
    written = unquote(value)
    try:
        number = float(written.removesuffix("%"))
    except ValueError:
        number = float("nan")
    if not abs(number) < 1e9:  # NaN as well
        raise PinError(text, f"{name} {written!r} is no number")
    return number / 100 if written.endswith("%") else number


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _escaped(value: str, marks: str = "%:") -> str:
    return "".join(_ESCAPES[letter] if letter in marks else letter for letter in value)
