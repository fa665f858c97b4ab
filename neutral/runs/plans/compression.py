"""The plan of `compress`, and its tables: a `Trial` for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

from neutral.compression import METHODS, variants
from neutral.compression.budget import BY
from neutral.compression.placement import WHERE
from neutral.compression.tokens import WEIGHTS
from neutral.errors import NeutralError
from neutral.runs.plans.numbers import require_least, require_seeds

VARIANTS = {
    "autoencoder": (variants.USUAL,),  # and all that `variants` reads
    "direction": ("", "project", "free"),
    "svd": ("", "randomized"),
    "mixed": ("", "plain"),
}
"""Method -> its variants, the default first; a method that is not listed has one."""

FIXED = ("int8", "int4")  # methods of one size
LOW_RANK = ("svd", "direction", "autoencoder")  # methods whose size is a rank
CODED = ("int8", "int4", "mixed")  # methods that store a number for every number: their ratio is by bytes
DRAWN = ("autoencoder", "pq", "mixed")  # methods that draw random numbers, as the randomized svd does
PERPLEXITIES = ("blocks", "lines")  # of packed blocks of text, or line by line as in the paper's scripts
_FROM = {"pq": 4.0, "mixed": 4.0}  # by bytes: a code takes a byte at most, so a lower ratio gives this table again


@dataclass(frozen=True)
class Trial:
    """How one table is made."""

    method: str
    by: str
    ratio: float | None  # None: the one size that the method has, or that of the rank
    weights: str
    variant: str = ""
    trimmed: bool = False
    rank: int | None = None
    seed: int = 0

    @property
    def unit(self) -> str:
        """What is counted on the way to the table, "epoch", "iterations" or "rounds"; "" if there is no way."""
        if self.method == "svd":
            return "iterations" if self.variant == "randomized" else ""
        return {"autoencoder": "epoch", "direction": "rounds"}.get(self.method, "")


@dataclass(frozen=True)
class View:
    """How held-out text is scored."""

    scoring: str  # of `PERPLEXITIES`
    words: bool  # whether whole words are masked

    @property
    def fields(self) -> dict[str, object]:
        """The fields by which a result names it; older studies know blocks only, and do not say so."""
        return {"words": self.words} | ({"scoring": self.scoring} if self.scoring != "blocks" else {})


@dataclass(frozen=True)
class CompressionPlan:
    """What `compress` does: which tables are made, and how they are judged."""

    model: str
    task: str  # mlm | clm
    languages: tuple[str, ...]
    methods: tuple[str, ...]  # `method` or `method:variant`
    ratios: tuple[float, ...]
    by: tuple[str, ...] = BY
    weights: tuple[str, ...] = ("uniform",)
    where: tuple[str, ...] = ()  # input | both; none: both ways where the output layer is tied, else input
    words: tuple[bool, ...] = (False,)  # masking of whole words: without, with, or both
    perplexity: tuple[str, ...] = ("blocks",)  # of `PERPLEXITIES`
    trim: bool = False  # on the model whose vocabulary is trimmed to the text
    seed: int = 0
    more_seeds: tuple[int, ...] = ()  # further seeds of methods that draw random numbers
    epochs: int = 30  # of the auto-encoder
    iterations: tuple[int, ...] = (1, 2, 5, 9, 29)  # of the randomized svd; of several, training text chooses
    follow: bool = False  # measure the tables that a fit tries on the way
    length: int = 128
    held_out: int = 32  # blocks of held-out text a language, at most
    lines: int = 4000  # lines a language in which tokens are counted
    calibration: int = 8  # blocks of training text a language for the output metric
    neighbours: int = 1000  # tokens whose nearest neighbours are looked up
    keep: bool = False  # keep the tables in the study
    picture: bool = False  # draw the tokens before and after
    title: str = ""
    ranks: tuple[int, ...] = ()  # sizes of the low-rank methods, instead of ratios

    def views(self) -> list[View]:
        """Return how held-out text is scored: the ways that were asked for."""
        by_lines = [View("lines", True)] if "lines" in self.perplexity else []
        return [*(View("blocks", words) for words in self.words if "blocks" in self.perplexity), *by_lines]

    def trials(self) -> Iterator[Trial]:
        """Yield the plan's tables: those of further seeds last, of methods that draw random numbers."""
        for seed in (self.seed, *self.more_seeds):
            for trial in self._trials():
                if seed == self.seed or trial.method in DRAWN or trial.variant.startswith("randomized"):
                    yield replace(trial, seed=seed)

    def _trials(self) -> Iterator[Trial]:
        if self.trim:
            yield Trial("trim", "parameters", None, "uniform", trimmed=True)
        for name in self.methods:
            method, _, variant = name.partition(":")
            variant = variant or VARIANTS.get(method, ("",))[0]
            if variant == "randomized" and len(self.iterations) == 1:
                variant = f"randomized-{self.iterations[0]}"
            if method == "autoencoder":
                variant = variants.canonical(variant)
            kinds = self.weights if method not in FIXED else ("uniform",)  # rounding counts every token alike
            if method == "mixed":  # it gives frequent tokens more bits, but not in its plain variant
                counted = tuple(kind for kind in self.weights if kind != "uniform") or ("frequency",)
                kinds = ("uniform",) if variant == "plain" else counted
            for weights in kinds:
                if method in FIXED:
                    yield Trial(method, "bytes", None, weights, variant, self.trim)
                    continue
                for by in self.by:
                    if self.ranks and method in LOW_RANK:
                        for rank in self.ranks:
                            yield Trial(method, by, None, weights, variant, self.trim, rank=rank)
                        continue
                    for ratio in self.ratios:
                        if ratio >= _FROM.get(method, 1.0) if by == "bytes" else method not in CODED:
                            yield Trial(method, by, ratio, weights, variant, self.trim)


def check(plan: CompressionPlan) -> None:
    """Raise `NeutralError`, naming the option, for a plan that cannot be carried out."""
    for name in plan.methods:
        method, _, variant = name.partition(":")
        if method not in METHODS:
            raise NeutralError(f"--methods {method}: unknown; there are {', '.join(METHODS)}")
        known = VARIANTS.get(method, ("",))
        if method == "autoencoder":
            variants.options(variant)
        elif variant and variant not in known:
            offered = ", ".join(f"{method}:{v}" for v in known if v) or "none"
            raise NeutralError(f"--methods {name}: unknown variant; there is {offered}")
    for option, values, known in (
        ("by", plan.by, BY),
        ("weights", plan.weights, WEIGHTS),
        ("where", plan.where, WHERE),
        ("perplexity", plan.perplexity, PERPLEXITIES),
    ):
        wrong = [value for value in values if value not in known]
        if wrong:
            raise NeutralError(f"--{option} {wrong[0]}: unknown; there are {', '.join(known)}")
    if plan.task == "seq2seq":
        raise NeutralError("--task seq2seq: an encoder-decoder has no language-modelling task to score tables on")
    if plan.task not in ("mlm", "clm"):
        raise NeutralError(f"--task {plan.task}: tables are scored on mlm (encoders) or clm (decoders)")
    if plan.trim and any(plan.words):
        raise NeutralError("--trim: a trimmed vocabulary is scored without --words")
    if "lines" in plan.perplexity and (plan.trim or plan.task != "mlm"):
        raise NeutralError("--perplexity lines: of masked language models only, and without --trim")
    if not plan.iterations or min(plan.iterations) < 1:
        raise NeutralError("--iterations: numbers of 1 or more, such as 1,2,5,9,29")
    if plan.follow and not any(trial.unit for trial in plan.trials()):
        raise NeutralError(
            "--follow: there are steps on the way to autoencoder, direction, and svd:randomized of several --iterations"
        )
    if any(plan.words) and plan.task != "mlm":
        raise NeutralError("--words: whole words are masked in masked language modelling only")
    if not plan.ratios or not all(1 <= ratio < float("inf") for ratio in plan.ratios):
        raise NeutralError("--ratios: numbers of 1 or more, such as 2.5,5,10")
    if any(rank < 1 for rank in plan.ranks):
        raise NeutralError("--rank: numbers of 1 or more, such as 75")
    require_least(1, length=plan.length, held_out_blocks=plan.held_out, lines=plan.lines, epochs=plan.epochs)
    require_seeds(seed=(plan.seed, *plan.more_seeds))
    if not any(True for _ in plan.trials()):
        raise NeutralError("--methods: nothing to do; mixed takes ratios by bytes, of 4 or more")


def settings(plan: CompressionPlan) -> dict:
    """Return the settings of a plan that decide its results; the tables and the seed are in the results themselves."""
    names = ("epochs", "held_out", "lines", "calibration", "neighbours")
    languages = {"languages": sorted(plan.languages)}  # whose tokens are counted, and whose losses choose a table
    chosen = "svd:randomized" in plan.methods and len(plan.iterations) > 1  # a single number is in the variant's name
    more = {"iterations": sorted(set(plan.iterations))} if chosen else {}
    return {name: value for name, value in asdict(plan).items() if name in names} | languages | more
