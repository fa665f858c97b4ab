"""Your masks: upload mask files, see what was read and what was refused, name them, take them home converted."""

import streamlit as st

from neutral import bounds, summary
from neutral.association import LEAST
from neutral.masksets import MaskSet
from neutral.members import display
from pages.parts import downloads, errors, formats, pickers, quota, save, show, stored, uploads
from pages.parts.compare import pins
from pages.parts.frame import page
from pages.parts.overlap import answers, tables, uploaded, words
from pages.parts.text import as_text
from pages.parts.views import MINE, View


def upload() -> None:
    """Take files, and let go of the widget's copies of them."""
    with st.container(horizontal=True):
        from_zeros = st.checkbox("Zeros are the mask", key="from-zeros", help=uploaded.FROM_ZEROS)
        invert = st.checkbox("1 means removed", key="invert", help=uploaded.INVERT)
    files = st.file_uploader(
        "Mask files",
        type=["pt", "pth", "bin", "ckpt", "pkl", "pickle", "safetensors", "npz", "json", "zip"],
        accept_multiple_files=True,
        key=uploads.uploader_key(),
        max_upload_size=uploads.WIDGET_LIMIT_MB,
    )
    if not uploads.accepted():
        st.caption(uploaded.BIG)
    quota.show(uploads.held())
    if files:
        with st.spinner(f"Reading {len(files)} file{'s' if len(files) > 1 else ''} …"):
            uploads.take(files, from_zeros=from_zeros, invert=invert)
        st.rerun()


def refused() -> None:
    """Say which files were not read, and why."""
    for bad in [upload for upload in uploads.all_uploads() if upload.problem]:
        left, right = st.columns([8, 1], vertical_alignment="center")
        left.error(as_text(bad.problem))
        right.button("Dismiss", key=f"dismiss-{bad.number}", on_click=errors.guarded(uploads.drop), args=(bad.number,))


def shelf() -> None:
    """Show what was read, a row a mask, and let masks be named and removed."""
    st.markdown("## What was read")
    table = uploads.inventory()
    numbers = {"Removed": st.column_config.NumberColumn(format="%.4f")}
    read = table.assign(language=table["language"].map(display)).rename(columns=uploaded.READ_COLUMNS)
    st.dataframe(read, hide_index=True, key="read", column_config=numbers)
    st.caption(uploaded.READ)
    show.csv(table, "What was read", "inventory")
    masks = uploads.accepted()
    with st.expander("Name or remove masks", expanded=len(masks) < 7 or any(not mask.language[0] for mask in masks)):
        for upload in masks:
            left, right, end = st.columns([5, 3, 1.5], vertical_alignment="bottom")
            left.markdown(f"**{as_text(upload.file)}**  \n{uploaded.about_file(upload)}")
            key = f"name-{upload.number}"
            right.text_input(
                "Language or name",
                value=upload.name,
                key=key,
                on_change=errors.guarded(uploads.rename),
                args=(upload.number, key),
                help=uploaded.NAMES,
            )
            end.button(
                "Remove",
                key=f"remove-{upload.number}",
                icon=":material/delete:",
                on_click=errors.guarded(uploads.drop),
                args=(upload.number,),
            )
        st.caption(uploaded.KNOWN)


def link() -> None:
    """Say how the masks are found again, or that they are not, and let them be deleted."""
    known = stored.link()
    if known.problem:
        st.warning(known.problem)
    if known.token:
        with st.container(border=True, key="link"):
            st.caption(uploaded.LINK.format(days=stored.DAYS))
            st.code(stored.address(), language=None)
            st.button(
                "Delete",
                key="delete-link",
                icon=":material/delete_forever:",
                help=uploaded.DELETE,
                on_click=errors.guarded(stored.delete),
            )


def answer(collections: list[MaskSet]) -> None:
    """Say first what the masks share."""
    for place, collection in enumerate(collections):
        view = View(collection, tables.choices(collection)[0])
        pairs = view.pairs("jaccard").dropna(subset="value")
        if len(pairs):
            st.markdown(answers.overlap(view, pairs, view.levels("jaccard"), "jaccard", "all", "all"))
            st.markdown(uploaded.noise(pairs, view.within("jaccard"), bounds.by_lot(view.counts())))
            pins.button(pins.of_masks(view, "overlap", "jaccard"), f"masks-{place}")


def look(collections: list[MaskSet]) -> None:
    """Show the overlap at once, and lead to the pages."""
    for collection in collections:
        st.markdown("## Overlap" if len(collections) == 1 else f"## Overlap: {as_text(collection.title)}")
        for line in collection.bridges:
            st.info(as_text(f"{line[0].upper()}{line[1:]}."))
        if len(collection.masks) < 2:
            st.info(words.ONE_MASK)
            continue
        counts = collection.counts("masks", "upload", collection.sparsity)
        if said := words.opposed(counts):
            st.warning(said)
        if len(collection.masks) > 2:
            view = View(collection, tables.choices(collection)[0])
            show.figure(show.drawn_matrix(view, "jaccard", small=True), f"masks-{collection.title}")
        pairs = summary.pairs(counts)
        named = pairs.assign(source=pairs["source"].map(display), target=pairs["target"].map(display))
        table = named.rename(columns=uploaded.PAIR_COLUMNS)[[*uploaded.PAIR_COLUMNS.values()]]
        st.dataframe(table, hide_index=True, column_config=formats.NUMBERS)
        show.csv(pairs, "Overlap of your masks", f"pairs-{collection.title}")
    if len(collections) > 1:
        st.warning(uploaded.MIXED)
    most = max(len(collection.masks) for collection in collections)
    with st.container(horizontal=True):
        for path, label, icon in (
            ("app.py", "Overview", ":material/home:"),
            ("pages/overlap.py", "Overlap", ":material/grid_on:"),
            ("pages/pair.py", "Language pair", ":material/compare_arrows:"),
            ("pages/layers.py", "Layers", ":material/layers:"),
            ("pages/typology.py", "Typology", ":material/public:"),
        ):
            if label != "Typology" or most >= LEAST:
                show.link(path, f"{label} of your masks", icon, show=MINE)


with page("Your masks", lead=uploaded.UPLOAD, choose=pickers.pass_on, empty=None):
    upload()
    refused()
    if uploads.accepted():
        collections = uploads.collections()
        answer(collections)
        look(collections)
        link()
        shelf()
        save.save(collections)
        downloads.downloads(collections)
