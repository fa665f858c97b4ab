"""The plan of `compress`, and its tables: a `Trial` for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import MISSING, dataclass, replace
from typing import ClassVar

from neutral import options
from neutral.compression import BY, FORMS, METHODS, TABLES, WEIGHTS, WHERE, variants
from neutral.errors import NeutralError
from neutral.options import COMPUTED, HASHED, harmless, key, option, part, setting
from neutral.runs.plans import fields, finetuning
from neutral.runs.plans.autoencoder import AutoEncoder
from neutral.runs.plans.finetuning import FinetuningPlan

VARIANTS = {
    "autoencoder": (variants.USUAL,),  # and all that `variants` reads
    "direction": ("", "project", "free"),
    "svd": ("", "randomized"),
    "mixed": ("", "plain"),
    "transform": ("", "plain"),
}
"""Method -> its variants, the default first; a method that is not listed has one."""

FIXED = ("int8", "int4")  # methods of one size
LOW_RANK = ("svd", "direction", "autoencoder")  # methods whose size is a rank
CODED = ("int8", "int4", "mixed", "transform")  # methods that store a number for every number: their ratio is by bytes
DRAWN = ("autoencoder", "pq", "mixed")  # methods that draw random numbers, as the randomized svd does
USUAL_WEIGHTS = {"mixed": "frequency", "transform": "sqrt"}  # of methods that count tokens, if nothing is asked
PERPLEXITIES = ("blocks", "lines")  # of packed blocks of text, or line by line as in the paper's scripts
# By bytes: a code takes a byte at most, so a lower ratio gives this table again.
_FROM = {"pq": 4.0, "mixed": 4.0, "transform": 4.0}


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
    """What `compress` does: which tables are made, and how they are judged.

    As asked, the task may be auto and no language named, and `autoencoder` holds what `filled` puts into `methods`.
    """

    model: str = fields.model(MISSING)
    task: str = option(
        "auto", "what tables are scored on", choices=("auto", "mlm", "clm"), group="main", decides=HASHED
    )
    languages: tuple[str, ...] = option(
        (), "en,fr,… (default: all that the text has)", kind="languages", group="main", decides=COMPUTED
    )
    methods: tuple[str, ...] = option(
        ("svd", "direction", "int8", "int4", "pq", "mixed", "transform"),
        "also autoencoder, autoencoder:cosine|power|rmse|elu|from-svd|from-direction|c1=1,…, svd:randomized, "
        "direction:project|free, mixed:plain, transform:plain",
        reads=variants.split,
        some=True,
        group="main",
        decides=key("method"),
    )
    ratios: tuple[float, ...] = option(
        (2.5, 5.0, 10.0),
        "how many times smaller: 2.5,5,10",
        least=1,
        some=True,
        must="numbers of 1 or more, such as 2.5,5,10",
        group="main",
        decides=key("ratio"),
    )
    by: tuple[str, ...] = option(
        BY, "what is counted: parameters,bytes (default: both)", choices=BY, some=True, group="main", decides=key()
    )
    weights: tuple[str, ...] = option(
        ("uniform",), "of tokens: uniform,frequency,sqrt,expected", choices=WEIGHTS, some=True, decides=key()
    )
    where: tuple[str, ...] = option(
        (), "input,both: with the tied output or not (default: both)", choices=WHERE, decides=key()
    )
    tables: str = option(
        "all",
        "of Gemma 3n and 4: the table that embeds tokens, their embeddings for all layers (per-layer), or both",
        choices=TABLES,
        decides=COMPUTED,
    )
    words: tuple[bool, ...] = option(
        (False,),
        "mask whole words (mlm)",
        choices={"no": (False,), "yes": (True,), "both": (False, True)},
        only_for={"task": ("auto", "mlm")},
        decides=key(),
    )
    perplexity: tuple[str, ...] = option(
        ("blocks",),
        "blocks,lines: of packed blocks, or line by line as in the paper's scripts (mlm)",
        choices=PERPLEXITIES,
        some=True,
        decides=key("scoring"),
    )
    trim: bool = option(False, "first cut the vocabulary to the tokens of the text", decides=key("trimmed"))
    seeds: tuple[int, ...] = options.seeds(
        (0,),
        "0, or 0,1,2: the methods that draw random numbers under each",
        flag="seed",
        some=True,
        decides=key("seed"),
    )
    epochs: int = option(
        30,
        "30: 20 in which alpha falls, and 10 more",
        unit="epochs",
        least=1,
        group="training of the auto-encoder (defaults: the paper's)",
        only_for={"methods": ("autoencoder",)},
        decides=setting(),
    )
    autoencoder: AutoEncoder = part(AutoEncoder, prefix="autoencoder", decides=COMPUTED)
    iterations: tuple[int, ...] = option(
        (1, 2, 5, 9, 29),
        "of svd:randomized; of several, perplexity on training text chooses",
        least=1,
        some=True,
        must="numbers of 1 or more, such as 1,2,5,9,29",
        only_for={"methods": ("svd:randomized",)},
        decides=COMPUTED,
    )
    follow: bool = option(
        False,
        "write down perplexity and errors by epoch (autoencoder), iterations (svd:randomized), round (direction)",
        decides=harmless("more results"),
    )
    length: int = fields.length("tokens a block")
    held_out: int = fields.held_out("at most so many blocks are scored", 32, decides=setting())
    lines: int = option(4000, "lines a language in which tokens are counted", unit="lines", least=1, decides=setting())
    calibration: int = option(
        8, "blocks of training text a language for the output metric", unit="blocks", least=1, decides=setting()
    )
    neighbours: int = option(
        1000, "tokens whose nearest neighbours are looked up", unit="tokens", least=1, decides=setting()
    )
    keep: bool = option(
        False, "keep the tables in the study's folder tables/", decides=harmless("whether tables are written")
    )
    picture: bool = option(False, "draw the tokens before and after, by UMAP", decides=harmless("a picture besides"))
    title: str = fields.title()
    ranks: tuple[int, ...] = option(
        (),
        "size of the low-rank methods, instead of ratios: 75",
        flag="rank",
        least=1,
        must="numbers of 1 or more, such as 75",
        decides=key("ratio"),
    )
    text: str = fields.text("a folder of <lang>.txt[.gz|.xz], or wikimedia/wikipedia")
    held_out_text: str = fields.held_out_text()
    documents: str = fields.documents()
    gguf: str = fields.gguf()
    export: str = option(
        "",
        "write a Hugging Face folder for every table",
        kind="folder",
        decides=harmless("folders besides the study"),
    )
    form: str = option(
        "plain",
        "what --export writes: plain (the rebuilt matrix), neutral (compressed), compressed-tensors (int8 and int4)",
        flag="as",
        choices=FORMS,
        decides=harmless("the form of these folders"),
    )
    finetuning: FinetuningPlan | None = part(
        FinetuningPlan, prefix="finetune", optional=True, decides=harmless("more results, with settings of their own")
    )

    WITHOUT: ClassVar[tuple[str, ...]] = ()
    FLAGS: ClassVar[dict[str, str]] = {}

    def check_asked(self) -> None:
        """Raise `NeutralError`, naming the option, for what cannot be whatever the text is."""
        check(filled(self, self.task, self.languages))

    @property
    def seed(self) -> int:
        """The seed of everything that is drawn."""
        return self.seeds[0]

    def views(self) -> list[View]:
        """Return how held-out text is scored: the ways that were asked for."""
        by_lines = [View("lines", True)] if "lines" in self.perplexity else []
        return [*(View("blocks", words) for words in self.words if "blocks" in self.perplexity), *by_lines]

    @property
    def exported_to(self) -> str | None:
        """Where `export` puts a table: in the input alone if that is asked; None is a tied output layer too."""
        return "input" if self.where == ("input",) else None

    def trials(self) -> Iterator[Trial]:
        """Yield the plan's tables: those of further seeds last, of methods that draw random numbers."""
        for seed in self.seeds:
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
            if method in USUAL_WEIGHTS:  # it gives frequent tokens more bits, but not in its plain variant
                counted = tuple(kind for kind in self.weights if kind != "uniform") or (USUAL_WEIGHTS[method],)
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


def filled(plan: CompressionPlan, task: str, languages: Sequence[str]) -> CompressionPlan:
    """Return the plan as it is carried out: its task, its languages, the auto-encoder's settings in its name."""
    own = {"methods": plan.autoencoder.named(plan.methods), "autoencoder": AutoEncoder()}
    return replace(plan, task=task, languages=tuple(languages), **own)


def check(plan: CompressionPlan) -> None:
    """Raise `NeutralError`, naming the option, for a plan that cannot be carried out."""
    if plan.task == "seq2seq":
        raise NeutralError("--task seq2seq: an encoder-decoder has no language-modelling task to score tables on")
    if plan.task not in ("auto", "mlm", "clm"):
        raise NeutralError(f"--task {plan.task}: tables are scored on mlm (encoders) or clm (decoders)")
    _check_methods(plan.methods)
    options.check(plan)
    if plan.trim and any(plan.words):
        raise NeutralError("--trim: a trimmed vocabulary is scored without --words")
    if "lines" in plan.perplexity and (plan.trim or plan.task == "clm"):
        raise NeutralError("--perplexity lines: of masked language models only, and without --trim")
    if plan.follow and not any(trial.unit for trial in plan.trials()):
        raise NeutralError(
            "--follow: there are steps on the way to autoencoder, direction, and svd:randomized of several --iterations"
        )
    if plan.tables == "per-layer" and "both" in plan.where:
        raise NeutralError("--where both: not with --tables per-layer, which the output layer does not use")
    if any(plan.words) and plan.task == "clm":
        raise NeutralError("--words: whole words are masked in masked language modelling only")
    if plan.form != "plain" and not plan.export:
        raise NeutralError(f"--as {plan.form}: says what --export DIR writes; give that too")
    if not any(True for _ in plan.trials()):
        raise NeutralError("--methods: nothing to do; mixed and transform take ratios by bytes, of 4 or more")
    if plan.finetuning:
        finetuning.check(plan.finetuning)
        if plan.trim:
            raise NeutralError("--finetune: not with --trim; export the trimmed model and fine-tune that")


def _check_methods(methods: tuple[str, ...]) -> None:
    for name in methods:
        method, _, variant = name.partition(":")
        if method not in METHODS:
            raise NeutralError(f"--methods {method}: unknown; there are {', '.join(METHODS)}")
        known = VARIANTS.get(method, ("",))
        if method == "autoencoder":
            variants.options(variant)
        elif variant and variant not in known:
            offered = ", ".join(f"{method}:{v}" for v in known if v) or "none"
            raise NeutralError(f"--methods {name}: unknown variant; there is {offered}")


def check_several(plan: CompressionPlan) -> None:
    """Raise `NeutralError`, naming the option, for what a model's token table can and several tables cannot."""
    alone = "of the token table alone: give --tables tokens too"
    for name in plan.methods:
        if name.startswith(("autoencoder", "svd:")):
            raise NeutralError(f"--methods {name}: {alone}")
    for flag, asked in {"--rank": plan.ranks, "--follow": plan.follow, "--finetune": plan.finetuning}.items():
        if asked:
            raise NeutralError(f"{flag}: {alone}")


def settings(plan: CompressionPlan) -> dict:
    """Return the settings of a plan that decide its results; the tables and the seed are in the results themselves.

    Which of a model's tables are compressed is written where it has several (`Compressor`).
    """
    languages = {"languages": sorted(plan.languages)}  # whose tokens are counted, and whose losses choose a table
    chosen = "svd:randomized" in plan.methods and len(plan.iterations) > 1  # a single number is in the variant's name
    more = {"iterations": sorted(set(plan.iterations))} if chosen else {}
    return options.settings(plan) | languages | more
