"""`python -m neutral.runs.plans > docs/options.md`: every option of every long command, as the plans describe it."""

import textwrap

from neutral import options
from neutral.runs.execution import Execution
from neutral.runs.plans import COMMANDS

_HEAD = """\
# Options

What can be asked of each long command, written by `python -m neutral.runs.plans` from the classes in
`neutral/runs/plans/`. `python -m neutral COMMAND --help` says the same; lists have commas between. The app's form has
these options too."""

_TAIL = """\
None of these decides a result. Every command above takes them, but: {without}. The folder of `pretrain`, which makes a
model, is `--out`."""


def page() -> str:
    """Return docs/options.md."""
    flags = {each.name: f"`{each.flag}`" for each in options.fields(Execution)}
    lacking = {name: [flags[each] for each in cls.WITHOUT] for name, cls in COMMANDS.items() if cls.WITHOUT}
    without = "; ".join(f"`{name}` has no {', '.join(each)}" for name, each in lacking.items())
    tail = textwrap.fill(_TAIL.format(without=without), 120, break_on_hyphens=False)
    commands = [f"## {name}\n\n{options.listed(cls)}" for name, cls in COMMANDS.items()]
    return "\n\n".join([_HEAD, *commands, "## How a run is carried out", tail, options.listed(Execution)]) + "\n"


if __name__ == "__main__":
    print(page(), end="")
