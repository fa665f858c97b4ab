"""Text by language: a folder of `<lang>.txt[.gz|.xz]`, or Wikipedia where a machine has the internet.

A `Corpus` identifies its text by a content hash for each language, so that nobody continues a study on other text
unawares. It may hold labelled examples instead of lines (`tasks.data`).
"""

from __future__ import annotations

import gzip
import hashlib
import lzma
import re
from dataclasses import dataclass, field
from pathlib import Path

from neutral.errors import FileError, NeutralError

_NAME = re.compile(r"^(?P<language>[A-Za-z]{2,3}(?:[-_][A-Za-z]{2,8})?)\.txt(?P<packed>\.gz|\.xz)?$")
_OPENERS = {None: open, ".gz": gzip.open, ".xz": lzma.open}

WIKIPEDIA = "wikimedia/wikipedia"
_WIKIPEDIA_DATE = "20231101"
_WIKIPEDIA_ARTICLES = 2000


@dataclass(frozen=True)
class Corpus:
    """Lines of text, or labelled examples, by language; training and held-out apart.

    Attributes
    ----------
    name : str
        The folder, or the hub's id, that the text came from.
    train, held_out : language -> list
        Lines, or labelled examples.
    hashes : language -> str
        16 hexadecimal digits that change when the text does (`digest`).
    labels : tuple of str
        Names of the tags or classes that the examples number; none with plain text.
    asked : tuple of str
        The languages asked for, mixtures ("en+fa") included; `train` has the data of their parts.
    """

    name: str
    train: dict[str, list]
    held_out: dict[str, list]
    hashes: dict[str, str] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()

    @property
    def languages(self) -> list[str]:
        """The languages asked for, mixtures included; else all that have text."""
        return list(self.asked or self.train)


def parts(language: str) -> list[str]:
    """Return the languages of a mixture ("en+fa"), or the one language.

    Raises `NeutralError` for a mixture with an empty or repeated part.
    """
    codes = language.split("+")
    if "" in codes or len(set(codes)) < len(codes):
        raise NeutralError(f"--languages {language}: a mixture is different languages with a plus between, as en+fa")
    return codes


def languages_in(folder: str | Path) -> dict[str, Path]:
    """Return language -> file for every `<lang>.txt[.gz|.xz]` in `folder`, sorted by language.

    Raises `FileError` if there is none, or two for one language.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileError(folder, "no such folder of text; it should hold files like en.txt or sw.txt.xz")
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        match = _NAME.match(path.name)
        if match and path.is_file():
            code = match["language"]
            if code in files:
                raise FileError(folder, f"two files for language {code}: {files[code].name} and {path.name}")
            files[code] = path
    if not files:
        raise FileError(folder, "holds no text; files are named by language: en.txt, fr.txt.gz, sw.txt.xz")
    return files


def read_lines(path: str | Path) -> list[str]:
    """Read the non-empty lines of a UTF-8 text file as `all_lines` does."""
    return [line for line in all_lines(path) if line]


def all_lines(path: str | Path) -> list[str]:
    """Read all lines of a UTF-8 text file, stripped, unpacking `.gz` and `.xz`.

    Raises `FileError` for a file that cannot be read or is not UTF-8.
    """
    path = Path(path)
    opener = _OPENERS[path.suffix if path.suffix in (".gz", ".xz") else None]
    try:
        with opener(path, "rt", encoding="utf-8") as file:
            return [line.strip() for line in file]
    except UnicodeDecodeError as error:
        raise FileError(path, f"is not UTF-8 text (byte {error.start})") from error
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise FileError(path, f"cannot be read: {error}") from error


def load(
    source: str | Path,
    languages: list[str] | None = None,
    *,
    held_out: str | Path | None = None,
    share: float = 0.1,
) -> Corpus:
    """Load text from a folder, or from Wikipedia by its hub id.

    Parameters
    ----------
    source : str or Path
        A folder of `<lang>.txt[.gz|.xz]`, or `WIKIPEDIA`.
    languages : list of str, optional
        By default all that the folder has.
    held_out : str or Path, optional
        Folder of held-out text; by default the folder `dev` in `source`, if there is one.
    share : float
        Without such a folder every n-th line is held out and taken from training, n = 1 / share, rounded, at least 2.

    Raises
    ------
    FileError, NeutralError
        Naming a language that has no text, or too little.
    """
    if str(source) == WIKIPEDIA:
        train = {code: _wikipedia(code) for code in _named(languages)}
    else:
        train = _folder(Path(source), languages)
    development = Path(held_out) if held_out else Path(source) / "dev"
    if held_out or development.is_dir():
        held = _folder(development, list(train))
    else:
        every = max(2, round(1 / share))
        held = {code: lines[::every] for code, lines in train.items()}
        train = {code: [x for i, x in enumerate(lines) if i % every] for code, lines in train.items()}
    for code in train:
        if not train[code] or not held[code]:
            raise NeutralError(f"{source}: too little text for language {code}")
    return Corpus(str(source), train, held, {c: digest(train[c] + held[c]) for c in train})


def digest(lines: list[str]) -> str:
    """Return 16 hexadecimal digits that change when the text does."""
    hasher = hashlib.sha256()
    for line in lines:
        hasher.update(line.encode())
        hasher.update(b"\n")
    return hasher.hexdigest()[:16]


def _folder(folder: Path, languages: list[str] | None) -> dict[str, list[str]]:
    files = languages_in(folder)
    missing = [code for code in languages or [] if code not in files]
    if missing:
        raise FileError(folder, f"no text for {', '.join(missing)}; it has {', '.join(files)}")
    return {code: read_lines(files[code]) for code in languages or files}


def _named(languages: list[str] | None) -> list[str]:
    if not languages:
        raise NeutralError(f"{WIKIPEDIA}: say which languages to load")
    return languages


def _wikipedia(code: str) -> list[str]:
    """Return paragraphs of the first articles of one language's Wikipedia, streamed."""
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise NeutralError("text from the hub needs the package `datasets`: pip install datasets") from error
    try:
        articles = load_dataset(WIKIPEDIA, f"{_WIKIPEDIA_DATE}.{code}", split="train", streaming=True)
        texts = [article["text"] for article in articles.take(_WIKIPEDIA_ARTICLES)]
    except (OSError, ValueError) as error:
        raise NeutralError(f"{WIKIPEDIA}: no text for {code}: {error}") from error
    return [line.strip() for text in texts for line in text.split("\n") if len(line.strip()) > 40]
