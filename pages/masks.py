"""Your masks: upload mask files, see what was read and what was refused, name them, take them home converted."""

import pandas as pd
import streamlit as st

from neutral import summary
from neutral.masksets import MaskSet
from pages.parts import downloads, pickers, show, uploads, words
from pages.parts.frame import page
from pages.parts.uploads import Upload
from pages.parts.views import MINE

LEAD = """
Upload masks of one model, one file a language: a `mask.pt` of the paper's scripts, a checkpoint of
`torch.nn.utils.prune`, plain or packed `.safetensors`, or `.npz`. Then every page can show them, alone or beside
the study. They stay in this session and are gone when you close it; nothing in a file is executed.
"""

BIG = """
A 340 MB file of floats holds 10.6 MB of mask. Files too big to upload, or many of them, are converted faster where they
lie: `python -m neutral masks convert *.pt -o packed/`, then upload what is in `packed/`.
"""


def upload() -> None:
    """Take files, and let go of the widget's copies of them."""
    files = st.file_uploader(
        "Mask files",
        type=["pt", "pth", "bin", "safetensors", "npz"],
        accept_multiple_files=True,
        key=uploads.uploader_key(),
        max_upload_size=uploads.WIDGET_LIMIT_MB,
    )
    st.caption(BIG)
    if files:
        with st.spinner(f"Reading {len(files)} file{'s' if len(files) > 1 else ''} …"):
            uploads.take(files)
        st.rerun()


def refused() -> None:
    """Say which files were not read, and why."""
    for bad in [upload for upload in uploads.all_uploads() if upload.problem]:
        left, right = st.columns([8, 1], vertical_alignment="center")
        left.error(bad.problem)
        right.button("Dismiss", key=f"dismiss-{bad.number}", on_click=uploads.drop, args=(bad.number,))


def shelf() -> None:
    """List the masks that were read, each with its name."""
    st.markdown("##### What was read")
    for found in uploads.accepted():
        with st.container(border=True):
            left, right, end = st.columns([5, 3, 1.5], vertical_alignment="bottom")
            left.markdown(f"**{found.file}**  \n{about(found)}")
            key = f"name-{found.number}"
            right.text_input(
                "Language or name",
                value=found.name,
                key=key,
                on_change=uploads.rename,
                args=(found.number, key),
                help="A language code such as en lets figures know its family. Two masks under one name count as two "
                "runs of the same language.",
            )
            end.button(
                "Remove",
                key=f"remove-{found.number}",
                icon=":material/delete:",
                on_click=uploads.drop,
                args=(found.number,),
            )
    st.caption("Names that are known as languages: " + ", ".join(words.KNOWN) + ".")


def about(found: Upload) -> str:
    """Say what is in a mask file."""
    mask = found.mask
    guessed = (
        f"language {mask.header['language']}" if mask.header.get("language") else "no language in the file or its name"
    )
    layers = len(mask.sparsity("layer"))
    return (
        f"{words.amount(found.size)}B · {len(mask.names)} tensors in {layers} layers · "
        f"{words.amount(mask.size)} weights, {mask.sparsity():.1%} removed · {guessed}"
    )


def look(collections: list[MaskSet]) -> None:
    """Show the overlap at once, and lead to the pages."""
    for collection in collections:
        st.markdown(f"##### {collection.title}")
        if len(collection.masks) < 2:
            st.info("One mask of this network so far. Upload another language's to compare them.")
            continue
        pairs = summary.pairs(collection.counts("masks", "upload", collection.sparsity))
        st.dataframe(pairs.drop(columns="group"), hide_index=True, column_config=words.NUMBERS)
        show.csv(pairs, "Overlap of your masks", f"pairs-{collection.title}")
    if len(collections) > 1:
        st.warning(
            "These masks are of different networks, so they cannot all be compared; each network is shown apart."
        )
    with st.container(horizontal=True):
        for path, label, icon in (
            ("app.py", "Overview", ":material/home:"),
            ("pages/overlap.py", "Overlap", ":material/grid_on:"),
            ("pages/pair.py", "Language pair", ":material/compare_arrows:"),
            ("pages/layers.py", "Layers", ":material/layers:"),
            ("pages/typology.py", "Typology", ":material/public:"),
        ):
            show.link(path, f"{label} of your masks", icon, show=MINE)


def inventory() -> pd.DataFrame:
    """What was read, as a table."""
    rows = [
        {
            "file": u.file,
            "name": u.name,
            "tensors": len(u.mask.names),
            "weights": u.mask.size,
            "removed": u.mask.sparsity(),
        }
        for u in uploads.accepted()
    ]
    return pd.DataFrame(rows)


with page("Your masks", lead=LEAD, choose=pickers.pass_on, empty=None):
    upload()
    refused()
    if uploads.accepted():
        shelf()
        show.table(inventory(), "What was read", "inventory")
        mine = uploads.collections()
        look(mine)
        downloads.downloads(mine)
