"""What can be asked, described once: a frozen dataclass whose fields are options.

`option` makes such a field and says all that there is to say of it; its type is read from the annotation. `part` is a
field that holds a class of its own. From the class come

- the options of a command: `add` them to a parser, `read` the plan;
- a form: `fields` lists them, `from_values` makes the plan of what was filled in, `values` is the way back;
- the check of each value: `check`; what takes several fields is the plan's own, in its method `check_asked`;
- what a study writes down of it: `settings`, `decisions`;
- the command line that makes a plan: `arguments`;
- its list in docs/options.md: `listed`.
"""

from neutral.options.described import (
    COMPUTED,
    HASHED,
    LARGEST_SEED,
    Decides,
    Described,
    Presets,
    decisions,
    fields,
    harmless,
    key,
    option,
    part,
    seeds,
    setting,
)
from neutral.options.page import listed
from neutral.options.plans import check, from_values, settings, values
from neutral.options.shell import add, arguments, read

__all__ = [
    "COMPUTED",
    "HASHED",
    "LARGEST_SEED",
    "Decides",
    "Described",
    "Presets",
    "add",
    "arguments",
    "check",
    "decisions",
    "fields",
    "from_values",
    "harmless",
    "key",
    "listed",
    "option",
    "part",
    "read",
    "seeds",
    "setting",
    "settings",
    "values",
]
