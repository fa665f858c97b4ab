"""The plan of `find`: one method on languages, seeds and sparsities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, replace
from typing import ClassVar

from neutral import options
from neutral.errors import NeutralError
from neutral.options import COMPUTED, harmless, key, option, part, setting
from neutral.recipes import Recipe
from neutral.runs.plans import fields
from neutral.runs.plans.fields import TASKS
from neutral.search import ITERATIVE, METHODS, ONE_SHOT
from neutral.search.rounds import levels, rounds_to_nothing
from neutral.selection import scope_of
from neutral.tasks import names
from neutral.tasks.wording import Wording

CONTROLS = ("pretrained", "shuffled")
READS_TEXT = ("wanda", "fisher")  # methods that look at a few blocks of text


@dataclass(frozen=True)
class SearchPlan:
    """What `find` does: one method on languages, seeds and sparsities.

    As asked, the task may be auto and no language named; `filled` says what the text and the model make of that.
    """

    model: str = fields.model(MISSING)
    task: str = option("auto", "what is trained and scored", choices=TASKS, group="main", decides=key())
    languages: tuple[str, ...] = option(
        (),
        "en,fr,… or en+fa+fr+zh for a mixture (default: all that the text has)",
        kind="languages",
        group="main",
        decides=key("language"),
    )
    method: str = option("magnitude", "how masks are found", choices=METHODS, group="main", decides=key())
    sparsities: tuple[float, ...] = fields.sparsities((0.5,), "0.5; one-shot methods take several: 0.3,0.5", setting())
    seeds: tuple[int, ...] = options.seeds(
        (0,), "of everything that is drawn: 0,1,2", some=True, group="main", decides=key("seed")
    )
    scope: str = fields.scope(COMPUTED)
    wording: Wording = part(Wording, decides=COMPUTED)
    labels: tuple[tuple[str, str], ...] = fields.labels()
    only: str = option(
        "", "prune one stack of an encoder-decoder", choices=("", "encoder", "decoder"), decides=setting(unless="")
    )
    recipe: Recipe = part(Recipe, decides=COMPUTED)
    length: int = fields.length()
    blocks: int = option(
        64,
        "blocks or examples that wanda and fisher look at",
        unit="blocks",
        least=1,
        only_for={"method": READS_TEXT},
        decides=setting("text_blocks", if_used=True),
    )
    lines: int | None = option(
        None,
        "whole lines that wanda and fisher look at, in place of --blocks; of parallel text these mean the same in all "
        "languages, where blocks are as many tokens",
        unit="lines",
        least=2,
        only_for={"method": READS_TEXT},
        decides=setting("text_lines", unless=None),
    )
    held_out: int = fields.held_out(decides=setting("held_out_blocks"))
    held_out_lines: int | None = option(
        None,
        "whole lines of held-out text that are scored, in place of --held-out-blocks",
        unit="lines",
        least=1,
        only_for=fields.ONLY_TEXT,
        decides=setting(unless=None),
    )
    examples: int | None = fields.examples("training examples a language (default: of the one with fewest)", COMPUTED)
    passes: int = fields.passes()
    halves: bool = option(
        False,
        "one-shot masks on two halves of the text as well",
        only_for={"method": ONE_SHOT},
        decides=harmless("more masks, with names of their own"),
    )
    controls: tuple[str, ...] = option(
        (),
        "what masks are compared with: pretrained,shuffled",
        choices=CONTROLS,
        group="main",
        decides=harmless("more counts, with names of their own"),
    )
    functional: tuple[float, ...] = option(
        (), "sparsities for the functional check", only_for=fields.ONLY_TEXT, decides=harmless("more results")
    )
    functional_languages: tuple[str, ...] = option(
        (),
        "the languages of the functional check, as masks and as text (default: all)",
        kind="languages",
        only_for=fields.ONLY_TEXT,
        decides=harmless("more results, or fewer"),
    )
    functional_blocks: int | None = option(
        None,
        "blocks of each language that the functional check scores (default: all that are held out)",
        unit="blocks",
        least=1,
        only_for=fields.ONLY_TEXT,
        decides=COMPUTED,
    )
    typology: bool = option(
        False,
        "test what goes with the overlap of the masks, as `typology` does (of the sparsity nearest to 0.5)",
        decides=harmless("tests, which `typology` makes alike"),
    )
    keep: tuple[float, ...] | None = option(
        None,
        "keep masks of these sparsities only (default: all)",
        decides=harmless("which masks are removed in the end"),
    )
    title: str = fields.title()
    text: str = fields.text(
        "a folder of <lang>.txt[.gz|.xz], or wikimedia/wikipedia; for ner, pos and nli a folder of "
        "<lang>/train.conll|tsv|… and <lang>/validation.…, or unimelb-nlp/wikiann, facebook/xnli",
        metavar="DATA",
    )
    held_out_text: str = fields.held_out_text("a tenth of the text")
    documents: str = fields.documents()
    gguf: str = fields.gguf()
    step: float = option(
        0.1,
        "share of the weights that a round removes",
        above=0,
        below=1,
        must="a share between 0 and 1, such as 0.1",
        only_for={"method": ITERATIVE},
        decides=COMPUTED,
    )

    WITHOUT: ClassVar[tuple[str, ...]] = ()
    FLAGS: ClassVar[dict[str, str]] = {}

    def check_asked(self) -> None:
        """Raise `NeutralError`, naming the option, for what cannot be whatever the text is."""
        check(filled(self, self.task, self.languages))

    @property
    def trains(self) -> bool:
        """Whether masks are trained before they are scored.

        Wanda's are not if the model knows the task already; a new head would score nothing without training.
        """
        return self.recipe.trains and (self.method != "wanda" or self.is_labelled)

    @property
    def is_labelled(self) -> bool:
        """Whether the task takes labelled examples."""
        return self.task in names.LABELLED


def filled(plan: SearchPlan, task: str, languages: Sequence[str]) -> SearchPlan:
    """Return the plan as it is carried out: its task, its languages, and the rounds on the way to its sparsity."""
    sparsities = plan.sparsities
    if plan.method in ITERATIVE and sparsities:
        sparsities = tuple(levels(max(sparsities), plan.step))
    return replace(plan, task=task, languages=tuple(languages), sparsities=sparsities)


def check(plan: SearchPlan) -> None:
    """Raise `NeutralError`, naming the option, for a plan that cannot be carried out."""
    if plan.task != "auto":
        names.require(plan.task)
    options.check(plan)
    if plan.examples is not None and plan.task in names.TEXT:
        raise NeutralError("--train-examples: for labelled tasks; text is trained on in blocks, as --steps says")
    if plan.halves and plan.method in READS_TEXT and plan.blocks < 2:
        raise NeutralError(f"--blocks {plan.blocks}: two halves of the text take 2 blocks or more; raise --blocks")
    if plan.functional and plan.is_labelled:
        raise NeutralError("--functional: for mlm and clm; a new head scores nothing before it is trained")
    if plan.is_labelled and (plan.lines or plan.held_out_lines):
        raise NeutralError("--lines, --held-out-lines: for text; of labelled data --blocks are the examples")
    if plan.lines and plan.halves and plan.lines % 2:
        raise NeutralError(f"--lines {plan.lines}: both halves of the text have as many lines; give an even number")
    if plan.languages and (unknown := [c for c in plan.functional_languages if c not in plan.languages]):
        raise NeutralError(f"--functional-languages {unknown[0]}: is not among the languages that masks are found of")
    for flag, given in (("languages", plan.functional_languages), ("blocks", plan.functional_blocks)):
        if given and not plan.functional:
            raise NeutralError(f"--functional-{flag}: of the functional check, which --functional asks for")
    missing = set(plan.functional) - set(plan.sparsities)
    if missing:
        raise NeutralError(f"--functional {min(missing):g}: not among the sparsities that are found")


def settings(plan: SearchPlan) -> dict:
    """Return the settings of a plan that decide a method's masks and scores."""
    several = plan.method in ITERATIVE
    recipe = plan.recipe if several else plan.recipe.once()
    over_all = several and recipe.schedule != "round"  # the rate falls over all rounds
    return {
        "scope": scope_of(plan.method, plan.scope),
        **plan.wording.settings(),
        **options.settings(plan),
        **({"rounds": path(plan.sparsities)} if several else {}),
        **({"rounds_in_all": rounds_to_nothing(plan.sparsities)} if over_all else {}),
        **({"recipe": recipe.written()} if plan.trains else {}),
        **({"functional_blocks": plan.functional_blocks} if plan.functional and plan.functional_blocks else {}),
    }


def path(sparsities: Sequence[float]) -> dict[str, float]:
    """Return the way of a search over rounds, as study.json has it: sparsity -> that of the round before.

    >>> path((0.2, 0.4))
    {'0.2': 0.0, '0.4': 0.2}
    """
    rising = sorted(sparsities)
    return {f"{sparsity:g}": last for last, sparsity in zip((0.0, *rising), rising, strict=False)}


SHARED = ("prompt", "answer", "labels", "held_out_blocks", "held_out_lines", "passes", "classes", "examples")
"""Settings that decide the score of the full network, which all methods are compared with."""


def shared(settings: Mapping[str, object]) -> dict[str, object]:
    """Return the part of a method's settings that decides the score of the full network."""
    apart = ("schedule", "examples", "head")  # of the rounds of a search
    recipe = {f"recipe {name}": value for name, value in settings.get("recipe", {}).items() if name not in apart}
    return {name: settings[name] for name in SHARED if name in settings} | recipe


def summary(plan: SearchPlan, examples: Mapping[str, int]) -> str:
    """Return what a plan does in a line; `examples` is how many each language has to train on."""
    masks = f"{plan.method} masks of {_counted(len(plan.languages), 'language')}, {_counted(len(plan.seeds), 'seed')}, "
    masks += "sparsity " if len(plan.sparsities) == 1 else "sparsities "
    masks += ", ".join(f"{sparsity:.0%}" for sparsity in plan.sparsities)
    masks += ", then the tests of typology" if plan.typology else ""
    if not plan.trains:
        return f"{masks}: scored without training"
    each = len(plan.sparsities) + 1 + (plan.method == "change")  # the whole network first
    runs = each * len(plan.languages) * len(plan.seeds)
    if not plan.is_labelled:
        return f"{masks}: {runs:,} trainings" + (f" of {plan.recipe.steps:,} steps" if not plan.recipe.epochs else "")
    count = plan.examples or min(examples.values())
    return f"{masks}: {runs:,} trainings of {plan.recipe.of(count).steps:,} steps, on {count:,} examples a language"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
