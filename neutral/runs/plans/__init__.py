"""Plans of long runs: for each a dataclass of what can be asked, its check, and the settings that decide its results.

A class describes its options (`neutral.options`); the shell, the app's form, the checks, study.json and docs/options.md
have them from there. As asked, a plan may leave the task and the languages to the text; `filled` in its module says
what is carried out.
"""

from neutral.runs.plans.search import SearchPlan
from neutral.runs.plans.transfer import TransferPlan

COMMANDS: dict[str, type] = {"find": SearchPlan, "transfer": TransferPlan}
"""Command -> the class of its plan."""

__all__ = ["COMMANDS", "SearchPlan", "TransferPlan"]
