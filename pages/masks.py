"""Your masks: upload mask files, see what was read and what was refused, name them, take them home converted."""

import streamlit as st

from neutral import summary
from neutral.masksets import MaskSet
from pages.parts import downloads, formats, pickers, show, uploads
from pages.parts.frame import page
from pages.parts.overlap import words
from pages.parts.views import MINE


def upload() -> None:
    """Take files, and let go of the widget's copies of them."""
    files = st.file_uploader(
        "Mask files",
        type=["pt", "pth", "bin", "safetensors", "npz", "zip"],
        accept_multiple_files=True,
        key=uploads.uploader_key(),
        max_upload_size=uploads.WIDGET_LIMIT_MB,
    )
    st.caption(words.BIG)
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
    for upload in uploads.accepted():
        with st.container(border=True):
            left, right, end = st.columns([5, 3, 1.5], vertical_alignment="bottom")
            left.markdown(f"**{upload.file}**  \n{words.about_file(upload)}")
            key = f"name-{upload.number}"
            right.text_input(
                "Language or name",
                value=upload.name,
                key=key,
                on_change=uploads.rename,
                args=(upload.number, key),
                help=words.NAMES,
            )
            end.button(
                "Remove",
                key=f"remove-{upload.number}",
                icon=":material/delete:",
                on_click=uploads.drop,
                args=(upload.number,),
            )
    st.caption(words.KNOWN)


def look(collections: list[MaskSet]) -> None:
    """Show the overlap at once, and lead to the pages."""
    for collection in collections:
        st.markdown(f"##### {collection.title}")
        if len(collection.masks) < 2:
            st.info(words.ONE_MASK)
            continue
        pairs = summary.pairs(collection.counts("masks", "upload", collection.sparsity))
        st.dataframe(pairs.drop(columns="group"), hide_index=True, column_config=formats.NUMBERS)
        show.csv(pairs, "Overlap of your masks", f"pairs-{collection.title}")
    if len(collections) > 1:
        st.warning(words.MIXED)
    with st.container(horizontal=True):
        for path, label, icon in (
            ("app.py", "Overview", ":material/home:"),
            ("pages/overlap.py", "Overlap", ":material/grid_on:"),
            ("pages/pair.py", "Language pair", ":material/compare_arrows:"),
            ("pages/layers.py", "Layers", ":material/layers:"),
            ("pages/typology.py", "Typology", ":material/public:"),
        ):
            show.link(path, f"{label} of your masks", icon, show=MINE)


with page("Your masks", lead=words.UPLOAD, choose=pickers.pass_on, empty=None):
    upload()
    refused()
    if uploads.accepted():
        shelf()
        show.table(uploads.inventory(), "What was read", "inventory")
        collections = uploads.collections()
        look(collections)
        downloads.downloads(collections)
