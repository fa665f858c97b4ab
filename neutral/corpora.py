"""Text by language: a folder of `<lang>.txt[.gz|.xz]`, or Wikipedia where a machine has the internet.

A `Corpus` says what its text was (a content hash a language), so that a study made from it cannot be
continued on other text without being told. It may hold labelled examples instead of lines (`tasks.data`).
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

    Attributes:
        labels: names of the tags or classes that the examples number; none with plain text.
        asked: the languages asked for, where mixtures ("en+fa") are among them; `train` has the data of their parts.
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
    """Return the languages that a mixture ("en+fa") is made of, or the one that it is.

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
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        match = _NAME.match(path.name)
        if match and path.is_file():
            code = match["language"]
            if code in found:
                raise FileError(folder, f"two files for language {code}: {found[code].name} and {path.name}")
            found[code] = path
    if not found:
        raise FileError(folder, "holds no text; files are named by language: en.txt, fr.txt.gz, sw.txt.xz")
    return found


def read_lines(path: str | Path) -> list[str]:
    """Read the non-empty lines of a UTF-8 text file, unpacking `.gz` and `.xz`."""
    return [line for line in all_lines(path) if line]


def all_lines(path: str | Path) -> list[str]:
    """Read all lines of a UTF-8 text file, stripped, unpacking `.gz` and `.xz`."""
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
    """Load text for `languages` (all there are, if None) from a folder, or from Wikipedia by its hub id.

    Held-out lines come from `held_out`, else from a `dev` folder beside the text, else they are every
    ⌈1/share⌉-th line, taken out of training.

    Raises `FileError` / `NeutralError` naming a language that has no text.
    """
    if str(source) == WIKIPEDIA:
        train = {code: _wikipedia(code) for code in _named(languages)}
    else:
        train = _folder(Path(source), languages)
    development = Path(held_out) if held_out else Path(source) / "dev"
    if held_out or development.is_dir():
        kept = _folder(development, list(train))
    else:
        every = max(2, round(1 / share))
        kept = {code: lines[::every] for code, lines in train.items()}
        train = {code: [x for i, x in enumerate(lines) if i % every] for code, lines in train.items()}
    for code in train:
        if not train[code] or not kept[code]:
            raise NeutralError(f"{source}: too little text for language {code}")
    return Corpus(str(source), train, kept, {c: digest(train[c] + kept[c]) for c in train})


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
