"""A user's own masks: read once, kept as packed bits in this session; `stored` keeps them for the next one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import pandas as pd
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from neutral import maskfiles, prefixes
from neutral.errors import one_line
from neutral.masks import Mask
from neutral.masksets import BesideStudy, MaskSet, networks
from neutral.members import is_known, speaker
from neutral.study import Study
from neutral.summary import Choice
from pages.parts import formats, quota, sessions

WIDGET_LIMIT_MB = 1000
"""The browser refuses larger files; the server's limit (.streamlit/config.toml) is higher, so that this one decides."""

_UPLOADS, _ROUND, _MADE, _COUNT = "_uploads", "_upload_round", "_uploads_made", "_upload_count"
_TICK = {
    maskfiles.FROM_ZEROS: "if it was pruned, and its zeros are the mask, tick “Zeros are the mask” and upload it "
    "again; on the command line that is --from-zeros",
    maskfiles.INVERT: "if 1 means removed in it, remove it, tick “1 means removed” and upload it again",
}
T = TypeVar("T")


@dataclass
class Upload:
    """One file: its mask under a name that the user may change, or why it was refused."""

    number: int
    file: str
    size: int  # bytes of the file
    mask: Mask | None = None
    name: str = ""
    problem: str = ""
    given: str = ""  # the name that the file or its folder gave
    notes: tuple[str, ...] = ()  # what was left out or assumed
    renamed: int = 0  # how many weights' names had parts of a wrapper
    share: int = 0  # bytes of what was uploaded that count for this mask
    language_from: str = ""  # header, key in the file, file name or folder
    key: str = ""  # of its stored mask

    @property
    def language(self) -> tuple[str, str]:
        """The language that figures know it by, and where that is from; ("", "not known") for none."""
        if not is_known(self.name):
            return "", "not known"
        return speaker(self.name), (self.language_from or "file name") if self.name == self.given else "given by you"


def all_uploads() -> list[Upload]:
    """The session's uploads, refused ones included."""
    return st.session_state.setdefault(_UPLOADS, [])


def accepted() -> list[Upload]:
    """The session's uploads that hold a mask."""
    return [upload for upload in all_uploads() if upload.mask is not None]


def uploader_key() -> str:
    """The uploader's key; a new one after every reading, which empties the widget and lets its memory go."""
    return f"uploader-{st.session_state.get(_ROUND, 0)}"


def take(files: list[UploadedFile], *, from_zeros: bool = False, invert: bool = False) -> None:
    """Read uploaded files into the session; `maskfiles.read` says what the options do."""
    with sessions.reading() as others:
        while files:
            files = _take_what_fits(files, others, from_zeros=from_zeros, invert=invert)
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1


def _take_what_fits(files: list[UploadedFile], others: int, **options: bool) -> list[UploadedFile]:
    """Read the files that there is room for, and return those to go on with: a file that was no mask made room."""
    refused = quota.over([(file.name, file.size) for file in files], held(), others=others)
    fitting = [file for i, file in enumerate(files) if i not in refused]
    data = [(file.name, file.getvalue()) for file in fitting]  # shares the bytes
    read = maskfiles.read_uploads(data, **options) if data else []
    _keep(read, sum(len(one) for _, one in data))
    made_room = any(one.mask is None for one in read)
    if not made_room:
        for i, problem in refused.items():
            _refuse(files[i].name, files[i].size, problem)
    for file in fitting if made_room else files:
        _let_go(file)
    return [files[i] for i in refused] if made_room else []


def _keep(read: Sequence[maskfiles.Reading], uploaded: int) -> None:
    """Keep the masks of files of so many bytes; an archive may hold more of them than a session may."""
    shares = _shares(read, uploaded)
    masks = [i for i, one in enumerate(read) if one.mask is not None]
    over = quota.over([(read[i].file, shares[i]) for i in masks], held(), to_read=False)
    refused = {masks[place]: problem for place, problem in over.items()}
    for i, one in enumerate(read):
        if problem := refused.get(i) or _on_page(one.problem):
            _refuse(one.file, one.size, problem)
            continue
        name, notes = _tidy(one.name), tuple(map(_on_page, one.notes))
        about = {"notes": notes, "renamed": one.renamed, "language_from": one.language_from}
        kept = Upload(_number(), one.file, one.size, share=shares[i], mask=one.mask, name=name, given=name, **about)
        all_uploads().append(kept)


def _refuse(file: str, size: int, problem: str) -> None:
    all_uploads().append(Upload(_number(), file, size, problem=problem))


def _number() -> int:
    """Return an upload's number, never that of a removed one."""
    st.session_state[_COUNT] = st.session_state.get(_COUNT, 0) + 1
    return st.session_state[_COUNT]


def _shares(read: Sequence[maskfiles.Reading], uploaded: int) -> list[int]:
    """Return what of the bytes uploaded counts for each mask: its file's, by as many as the file holds.

    Files of an archive count as packed as they were there, all alike.
    """
    masks = Counter(one.file for one in read if one.mask is not None)
    own = [one.size / masks[one.file] if one.mask is not None else 0 for one in read]
    packed = min(1, uploaded / (sum(own) or 1))
    return [round(size * packed) for size in own]


def noted() -> None:
    """Let the server know what this session holds, and take over what it left out of uploads too large to read."""
    said = {upload.problem for upload in all_uploads()}
    for problem in sessions.note(held()):
        if problem not in said:
            _refuse("", 0, problem)


def held() -> quota.Held:
    """Return what the session's masks come to."""
    masks = accepted()
    kept = sum(bits.nbytes for upload in masks for bits in upload.mask.bits.values())
    return quota.Held(len(masks), sum(upload.share for upload in masks), kept)


def _on_page(said: str) -> str:
    """Return what the library says of a file with the page's tick boxes in the place of the command's options."""
    for line, on_page in _TICK.items():
        said = said.replace(line, on_page)
    return said


def _tidy(name: str) -> str:
    return " ".join(one_line(name).split()) or "mask"


def _let_go(file: UploadedFile) -> None:
    """Free the server's copies of a file that has been read: Streamlit keeps them as long as the session lives."""
    context = get_script_run_ctx()
    if context is not None and hasattr(context.uploaded_file_mgr, "remove_file"):
        context.uploaded_file_mgr.remove_file(context.session_id, file.file_id)
    file.close()


def drop(number: int) -> None:
    """Forget an upload."""
    st.session_state[_UPLOADS] = [upload for upload in all_uploads() if upload.number != number]


def drop_all() -> None:
    """Forget all uploads."""
    st.session_state[_UPLOADS] = []


ABOUT = ("file", "size", "name", "given", "notes", "renamed", "share", "language_from")
"""What is stored of an upload beside its mask."""


def restore(key: str, mask: Mask, about: Mapping[str, object]) -> None:
    """Take a stored upload into the session. What it says of itself is data from outside."""
    said = {name: about.get(name) for name in ABOUT}
    texts = {name: one_line(said[name] or "")[:500] for name in ("file", "given", "language_from")}
    numbers = {name: said[name] if type(said[name]) is int else 0 for name in ("size", "renamed", "share")}
    notes = tuple(map(one_line, said["notes"] if isinstance(said["notes"], list) else ()))
    one = Upload(_number(), mask=mask, name=_tidy(str(said["name"] or "")), notes=notes, key=key, **texts, **numbers)
    all_uploads().append(one)


def rename(number: int, key: str) -> None:
    """Take the name from the text field `key`; an empty one restores the file's own."""
    for upload in accepted():
        if upload.number == number:
            typed = st.session_state[key].strip()
            upload.name = _tidy(typed) if typed else upload.given


def collections() -> list[MaskSet]:
    """The uploaded masks, a collection for each network among them."""
    uploads = accepted()
    return _once("collections", [(u.number, u.name) for u in uploads], lambda: _collect(uploads))


def _collect(uploads: list[Upload]) -> list[MaskSet]:
    groups = networks([upload.mask for upload in uploads])
    collections = []
    for group in groups:
        members = [uploads[i] for i in group]
        title = "Your masks"
        if len(groups) > 1:
            title += f" ({formats.amount(members[0].mask.size)} weights: {', '.join(u.name for u in members[:3])})"
        masks, labels, files = zip(*((u.mask, u.name, u.file) for u in members), strict=True)
        collections.append(MaskSet(masks, labels, title=title, files=files))
    return collections


def inventory() -> pd.DataFrame:
    """Return what was read, a row a mask.

    Columns file, name, language, from (where the language is from), tensors, weights (how many), removed (the share),
    renamed (how many weights' names had parts of a wrapper), notes.
    """
    return pd.DataFrame(
        {
            "file": upload.file,
            "name": upload.name,
            "language": upload.language[0],
            "from": upload.language[1],
            "tensors": len(upload.mask.names),
            "weights": upload.mask.size,
            "removed": upload.mask.sparsity(),
            "renamed": upload.renamed,
            "notes": "; ".join(upload.notes),
        }
        for upload in accepted()
    )


def yours(member: str) -> str:
    """Return what one of the user's masks is called beside those of a study."""
    return f"{member} (yours)"


def joined(
    study: Study | MaskSet, choice: Choice, chosen: tuple[str, ...], uploaded: MaskSet, *, kept: str = "joined"
) -> MaskSet | None:
    """Return a study's masks and the user's as one collection, so that they can be compared with each other.

    The session keeps the last under the name `kept`. None if the study holds no masks for this choice, or they are of
    another network.
    """
    files = study.masks_of(*choice)
    files = {language: path for language, path in files.items() if not chosen or language in chosen}
    if not files:
        return None

    def make() -> MaskSet | None:
        first, *others = files.values()
        masks = [maskfiles.read(first)]
        if prefixes.between(masks[0].shapes, uploaded.masks[0].shapes) is None:
            return None
        masks += map(maskfiles.read, others)
        labels = [*files, *map(yours, uploaded.members)]
        title = f"{study.info.get('title') or study.path.name} and your masks"
        return BesideStudy([*masks, *uploaded.masks], labels, title=title, study=study, choice=choice)

    made_from = (str(study.path), list(map(str, files.values())), uploaded.members, uploaded.masks)
    return _once(kept, made_from, make)


def _once(name: str, made_from: object, make: Callable[[], T]) -> T:
    """Keep the last result under `name` in the session, and make it anew when `made_from` differs."""
    results = st.session_state.setdefault(_MADE, {})
    if name not in results or results[name][0] != made_from:
        results[name] = (made_from, make())
    return results[name][1]
