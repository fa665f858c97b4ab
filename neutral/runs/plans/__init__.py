"""Plans of long runs: for each a dataclass of what can be asked, its check, and the settings that decide its results.

A class describes its options (`neutral.options`); the shell, the app's form, the checks, study.json and docs/options.md
have them from there. As asked, a plan may leave the task and the languages to the text; `filled` in its module says
what is carried out.
"""

from neutral.runs.plans.compression import CompressionPlan
from neutral.runs.plans.controls import ControlsPlan
from neutral.runs.plans.inside import RepresentPlan, RetrievePlan
from neutral.runs.plans.pretraining import PretrainPlan
from neutral.runs.plans.search import SearchPlan
from neutral.runs.plans.transfer import TransferPlan
from neutral.runs.plans.typology import TypologyPlan

COMMANDS: dict[str, type] = {
    "find": SearchPlan,
    "controls": ControlsPlan,
    "transfer": TransferPlan,
    "typology": TypologyPlan,
    "retrieve": RetrievePlan,
    "represent": RepresentPlan,
    "compress": CompressionPlan,
    "pretrain": PretrainPlan,
}
"""Command -> the class of its plan."""

__all__ = ["COMMANDS", *sorted(cls.__name__ for cls in COMMANDS.values())]
