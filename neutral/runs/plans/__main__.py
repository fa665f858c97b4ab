"""`python -m neutral.runs.plans > docs/options.md`: every option of every long command, as the plans describe it."""

from neutral import options
from neutral.runs.execution import Execution
from neutral.runs.plans import COMMANDS

_HEAD = """\
# Options

What can be asked of each long command, written by `python -m neutral.runs.plans` from the classes in
`neutral/runs/plans/`. `python -m neutral COMMAND --help` says the same; lists have commas between. The app's form has
these options too."""

_TAIL = """\
## How a run is carried out

Every command above takes these. `typology` runs no network, so it takes no `--device`; `--report-to` is for commands
that train. The folder is `--out` for `pretrain`, which makes a model. None of them decides a result."""


def page() -> str:
    """Return docs/options.md."""
    commands = [f"## {name}\n\n{options.listed(cls)}" for name, cls in COMMANDS.items()]
    return "\n\n".join([_HEAD, *commands, _TAIL, options.listed(Execution)]) + "\n"


if __name__ == "__main__":
    print(page(), end="")
