"""Compare: pinned views side by side on one scale, and how each differs from the first."""

from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from neutral import compare
from neutral.compare import View
from neutral.figures.compare import Sheet
from pages.parts import errors, export, looks, pickers, settings, show
from pages.parts.compare import pins, sheets, tables, words
from pages.parts.compare.tables import Pinned
from pages.parts.frame import page
from pages.parts.text import as_text


def choose(notices: DeltaGenerator) -> list[Pinned]:
    """Return what is pinned; what cannot be shown is said, and can be taken away."""
    pickers.pass_on(notices)
    shown, wrong = tables.pinned()
    for place, (text, problem) in enumerate(wrong):
        with notices.container(horizontal=True, vertical_alignment="center"):
            st.warning(words.wrong(text, errors.told(problem)))
            st.button("Take away", key=f"wrong-{place}", on_click=errors.guarded(pins.drop), args=(text,))
    return shown


def empty() -> None:
    """Say how to pin."""
    with st.container(border=True):
        st.markdown(words.EMPTY)
        show.link("pages/overlap.py", "Overlap of all pairs", ":material/grid_on:")
        show.link("pages/pair.py", "A language pair", ":material/compare_arrows:")


def side_by_side(pinned: list[Pinned], drawn: list[Sheet], by: str) -> None:
    """Show the views, each with its settings, a link to its page and a button that takes it away."""
    with st.container(horizontal=True, gap="medium", key=looks.SIDE_BY_SIDE):
        for place, (one, sheet) in enumerate(zip(pinned, drawn, strict=True)):
            with st.container(key=f"{looks.SIDE_BY_SIDE}-{place}"):
                view(one, sheet, by, place)


def view(one: Pinned, sheet: Sheet, by: str, place: int) -> None:
    """Show one view."""
    st.markdown(f"## {as_text(sheet.title)}")
    st.caption(as_text(sheet.caption))
    with st.container(horizontal=True, vertical_alignment="center"):
        sheets.open_page(one.view)
        st.button(
            "Make it the first" if place else "The first",
            key=f"lead-{place}",
            icon=":material/first_page:",
            help="Each other view's difference from the first is shown.",
            disabled=not place,
            on_click=errors.guarded(pins.lead),
            args=(one.text,),
        )
        drop = errors.guarded(pins.drop)
        st.button("Take away", key=f"drop-{place}", icon=":material/close:", on_click=drop, args=(one.text,))
    settings.source(partial(export.of_sheet, sheet))
    show.figure(sheet.figure, f"pinned-{by}-{place}", sheet.table)


def differences(views: list[View], drawn: list[Sheet], said: list[str], by: str) -> None:
    """Show how each view differs from the first; of two it is said above."""
    for place, (sheet, sentence) in enumerate(zip(drawn, said, strict=True)):
        st.markdown(f"## {as_text(sheet.title)}")
        if len(drawn) > 1:
            st.markdown(sentence)
        settings.source(partial(export.of_sheet, sheet))
        show.figure(sheet.figure, f"difference-{by}-{place}", sheet.table)
    if any(sheet.apart.aligned == "depth" for sheet in drawn):
        st.caption(words.DEPTH)
    if note := words.NOTES.get(views[0].measure, words.BOUND):
        st.caption(note)


with page("Compare", lead=words.LEAD, choose=choose, empty=empty) as pinned:
    views = [one.view for one in pinned]
    shared = compare.shared(views)
    if not shared:
        st.info(words.unshared(views))
        drawn = sheets.alone(views)
        side_by_side(pinned, drawn, "own")
        export.report(drawn, links=list(map(sheets.address, views)), terms=sheets.terms(views, drawn))
        st.stop()
    by = pickers.pick("Side by side, by", shared, "beside", names=words.BY.__getitem__)
    drawn = sheets.sheets(views, by)
    own, apart = drawn[: len(views)], drawn[len(views) :]
    said = sheets.sentences(views, apart)
    if len(said) < 2:
        st.markdown("".join(said) or words.ONE)
    side_by_side(pinned, own, by)
    if said:
        differences(views, apart, said, by)
    export.report(drawn, said, links=list(map(sheets.address, views)), terms=sheets.terms(views, drawn))
