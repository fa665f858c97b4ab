"""What the Runs page says of what can be done, and of the form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from neutral.options import Described
from neutral.progress.bar import duration
from pages.parts.text import as_text, code

LEAD = (
    "Point the app at a model and at text, see what will happen and how long it takes, and start it. A run goes on "
    "when you close this page, and when the server is started anew."
)
NEW, ALL = "New run", "All runs"


class Kind(NamedTuple):
    """What can be done: its commands, and the page that shows the result, with the parameter that names a study."""

    label: str
    commands: tuple[str, ...]
    about: str
    page: str
    parameter: str
    link: str
    icon: str


KINDS = {
    "masks": Kind(
        "Masks",
        ("find",),
        "Find each language's sub-network, which is a mask: it says which weights the language needs. How much the "
        "masks overlap is what most pages are about.",
        "pages/overlap.py",
        "study",
        "Overlap of your languages",
        ":material/grid_on:",
    ),
    "controls": Kind(
        "Controls",
        ("controls",),
        "Count what the masks of a study must be compared with: each shuffled, and the mask of the untouched weights. "
        "Starts from a study that has masks.",
        "pages/overlap.py",
        "study",
        "Overlap beside its controls",
        ":material/balance:",
    ),
    "transfer": Kind(
        "Transfer",
        ("transfer",),
        "Train each language's sub-network on the text of every other language: does it serve them too? Starts from a "
        "study that has masks.",
        "pages/transfer.py",
        "runs",
        "Whose mask serves whom",
        ":material/swap_horiz:",
    ),
    "compression": Kind(
        "Compression",
        ("compress",),
        "Make the table in which the model looks up its tokens smaller, by several methods, and see for which language "
        "it breaks first.",
        "pages/compression.py",
        "tables",
        "How small the table can get",
        ":material/compress:",
    ),
    "typology": Kind(
        "Typology",
        ("typology",),
        "Test what explains the overlap: family, script, grammar, place or shared words. Starts from a study that has "
        "overlaps.",
        "pages/typology.py",
        "study",
        "What explains the overlap",
        ":material/public:",
    ),
    "inside": Kind(
        "Inside the model",
        ("retrieve", "represent"),
        "See in which layers the model treats sentences alike that mean the same in several languages. Starts from a "
        "study that has masks.",
        "pages/inside.py",
        "study",
        "Languages inside the model",
        ":material/hub:",
    ),
}

FROM_STUDY = ("controls", "transfer", "typology", "inside")
"""What starts from a study."""

METHODS = {
    "magnitude": "Trains, removes the smallest weights and trains again from the start, level by level: lottery "
    "tickets, as the papers find them. Slow.",
    "wanda": "Scores each weight by its size times what the language's text sends through it. No training: seconds to "
    "minutes.",
    "fisher": "Scores each weight by how much the loss on the language's text hangs on it. No training: minutes.",
    "change": "Trains once, and scores each weight by how far it moved.",
    "random": "Keeps weights at random: what any method must beat.",
}
"""Method that finds masks -> what it does and takes."""

HELP = {
    "model": "A model of Hugging Face's form: a folder with its config.json and weights",
    "text": "Text to work on, one file a language, called by its code: en.txt, sw.txt (also packed: sw.txt.gz). For "
    "named entities, parts of speech and inference: a folder a language, with its labelled data",
    "halves": "Finds a mask on each half of a language's text as well. How much these two overlap is the most that two "
    "languages can: without it nobody can say whether an overlap is high. Twice more masks, so about three times as "
    "long",
    "controls": "What an overlap is compared with. Pretrained: the mask that the untouched weights' sizes alone give. "
    "Shuffled: masks drawn by lot",
}
"""Field -> what its tooltip says, where the command's own help is for the shell."""

TEXT = "my-text"
OWN_TEXT = "Upload text of your own"
OWN_TEXT_HELP = (
    "One file a language, plain text in UTF-8, a sentence or paragraph a line, called by the language's code: "
    "`en.txt`, `sw.txt`, `sr_Cyrl.txt`; packed as `.txt.gz` or `.txt.xz` too. They are stored on this server, and "
    "chosen above."
)

INSIDE = {"retrieve": "Whether translations are neighbours", "represent": "Whether states are alike"}

NO_MASKS = "There is no study that has what this starts from. Find masks first: choose *Masks*."
STUDY_HELP = "The studies of this app that have what is needed, the fullest first."
COPIED = "The study is not the app's to write into: the run works on a copy in your studies."
NAME_HELP = "A folder of this name keeps the results, and the app's pages show it under this name."
GOES_ON = "There is a study of this name: the run goes on with it, if it is of the same model and text."
NOT_ALL = "There are more folders than could be looked through; type the path of one that is not in the list."
WHY_OFF = "On this page, runs can be put together but not started"

LONG = 3600.0
"""Seconds from which a run is long: the button says so."""

CHECK = (
    "First see what would happen: *Check* starts the run's own program beside the app, which loads the model, reads "
    "the text and times a unit of the work, say one language's mask. That takes as long as a unit does: seconds for a "
    "small model. "
    "Nothing is written before you press *Start*."
)
START_HELP = "Puts the run in the queue; it starts as soon as nothing else runs there"

DEVICE = ("Device", "Where it computes: auto takes a GPU if there is one. One run at a time on each.", "")
LIMITS = {
    "time": ("At most (time)", "As 90s, 30m, 12h or 2d; then it is stopped cleanly, and can go on.", "no limit"),
    "memory": ("At most (memory)", "As 8GB; a run that takes more is ended.", "no limit"),
    "threads": ("At most (threads)", "Processor threads that compute at once.", "all"),
}
"""Limit -> its label, what it is, and what stands there if there is none."""


def kind_of(command: object) -> str:
    """Return the kind of run that a command makes; "" for what is no such command."""
    return next((name for name, kind in KINDS.items() if command in kind.commands), "")


def no_device(typed: str) -> str:
    """Say that what was typed is no device."""
    return f"{DEVICE[0]} “{typed}”: is no device; it is auto, cpu, cuda, cuda:1 or mps."


def no_limit(name: str, typed: str) -> str:
    """Say that what was typed is no limit."""
    return f"{LIMITS[name][0]} “{typed}”: is no limit. {LIMITS[name][1]}"


def passed_over(names: Sequence[str]) -> str:
    """Say which files of a text are not read, and how to name them."""
    some = ", ".join(code(name) for name in names[:3]) + (" and others" if len(names) > 3 else "")
    return (
        f"Not read, for their names have no code of a language: {some}. Name a file by its code: `fi.txt`, `fin.txt`."
    )


def taken(name: str) -> str:
    """Say that a copy of a study cannot have a name."""
    return f"there is a study “{name}” already; give the copy another name"


def goes_into(name: str) -> str:
    """Say where results go."""
    return f"Results are added to the study {code(name)}."


def named_like(model: object, names: Mapping[str, str]) -> str | None:
    """Return the name in a list of the model that a study calls so; None if there is none."""
    called = Path(str(model or "")).name
    return next((name for name, path in names.items() if Path(path).name == called), None)


def place_help(option: Described, online: bool) -> str:
    """Say what may be typed where a model or a text is chosen."""
    hub = ", or an id of the Hugging Face hub" if online else ""
    about = HELP.get(option.name, option.help)
    return f"{about}. Choose from the list, or type the path of a folder on the server{hub}."


def not_allowed(flag: str, why: str, inside: Sequence[Path]) -> str:
    """Say why what was typed cannot be read, and in which folders it would have to be."""
    where = f" This server reads what is in {' or '.join(map(str, inside))}." if inside else ""
    return f"{flag} {why}.{where}"


def may_type(online: bool, inside: Sequence[Path] = ()) -> str:
    """Say how a model or a text is named that is in no list, and where it may be: in the folders `inside`."""
    hub = ", or an id of the Hugging Face hub" if online else ""
    where = f", in one of the folders that this server reads: {', '.join(code(path) for path in inside)}"
    return f"Not in the list? Type the path of its folder{where if inside else ''}{hub}."


def start(seconds: float | None) -> str:
    """Return what the button says that starts a run: how long that takes, where it is long."""
    return f"Start: takes about {duration(seconds)}" if seconds and seconds >= LONG else "Start"


def off(why: str) -> str:
    """Say why runs may not be started, and what can be done all the same."""
    return f"{WHY_OFF}: {as_text(why)}. Below stands the command that does the same in a shell."
