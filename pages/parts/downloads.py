"""Downloads of a user's masks: converted, and their union and intersection, each made on a click."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence

import streamlit as st

from neutral import maskfiles
from neutral.masks import Mask
from neutral.masksets import MaskSet
from neutral.members import numbered
from pages.parts import uploads
from pages.parts.text import as_text


def downloads(collections: Sequence[MaskSet]) -> None:
    """Offer the masks packed, and their union and intersection."""
    st.markdown("## Download your masks")
    st.caption("Packed `.safetensors`: eight weights to the byte, read by this project's shell and library.")
    masks = [
        (file_name(name), upload.mask)
        for name, upload in zip(numbered([u.name for u in uploads.accepted()]), uploads.accepted(), strict=True)
    ]
    with st.container(horizontal=True):
        if len(masks) == 1:
            _offer("Converted mask", masks[0][0], lambda: maskfiles.to_bytes(masks[0][1]), "one")
        else:
            _offer(f"All {len(masks)} converted, as zip", "masks.zip", lambda: zipped(masks), "all")
        for i, collection in enumerate(c for c in collections if len(c.masks) > 1):
            for kind, make in (("Union", collection.union), ("Intersection", collection.intersection)):
                tail = f" of {as_text(', '.join(collection.members))}" if len(collections) > 1 else ""
                _offer(
                    f"{kind}{tail}",
                    file_name(kind.lower()),
                    lambda make=make: maskfiles.to_bytes(make()),
                    f"{kind}-{i}",
                )


def _offer(label: str, file: str, make: Callable[[], bytes], key: str) -> None:
    st.download_button(
        label,
        make,
        file_name=file,
        mime="application/octet-stream",
        key=f"get-{key}",
        icon=":material/download:",
        on_click="ignore",
    )


def file_name(name: str) -> str:
    """Make a name fit for a file."""
    safe = "".join(c if c.isalnum() or c in "-_." else "-" for c in name).strip(".-") or "mask"
    return f"{safe}.safetensors"


def zipped(masks: Sequence[tuple[str, Mask]]) -> bytes:
    """Pack mask files into a zip, uncompressed: packed bits are as small as they get."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, mask in masks:
            archive.writestr(name, maskfiles.to_bytes(mask))
    return buffer.getvalue()
