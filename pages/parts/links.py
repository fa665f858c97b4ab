"""The link to what a page shows, to copy: it says every choice, so that another default changes nothing in it."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

import streamlit as st

from pages.parts import looks, pickers

LABEL, COPIED = "Copy link", "Link copied"
ID, KEY = "neutral-link", f"{looks.UNSEEN}-link"
HELP = "Whoever opens it sees what you see here: it says every choice that this page has, those you did not touch too."


def whole() -> str:
    """Return the address of this page with all its choices, and with what the address holds beside pickers."""
    here = urlsplit(str(getattr(st.context, "url", None) or ""))
    held = {key: st.query_params.get_all(key) for key in st.query_params}
    choices = {**held, **pickers.present()}
    query = urlencode([(key, value) for key, values in choices.items() for value in values])
    return f"{here.scheme}://{here.netloc}{here.path}?{query}" if here.netloc else f"?{query}"


# A press copies; where the browser lets no page copy (no https, say) the press opens the box with the link, as it does
# without this script. What is copied is read from the page at the press.
SCRIPT = f"""<script>
(() => {{
  if (window.neutralCopies) return;
  window.neutralCopies = true;
  let refused = false;
  const say = (button) => {{
    const said = document.createElement("div");
    const {{ left, bottom }} = button.getBoundingClientRect();
    said.setAttribute("role", "status");
    said.className = "{ID}-said";
    said.style.left = `${{left}}px`;
    said.style.top = `${{bottom + 4}}px`;
    document.body.append(said);
    said.textContent = "{COPIED}";
    setTimeout(() => said.remove(), 2500);
  }};
  document.addEventListener("click", (event) => {{
    const button = event.target.closest?.('[data-testid="stPopoverButton"]');
    const link = document.querySelector(".st-key-{KEY} [data-testid=stText]")?.textContent.trim();
    if (!button || !button.innerText.includes("{LABEL}") || !link || refused || !navigator.clipboard) return;
    event.preventDefault();
    event.stopPropagation();
    navigator.clipboard.writeText(link).then(() => say(button), () => {{ refused = true; button.click(); }});
  }}, true);
}})();
</script>"""
STYLE = f"""<style>
.{ID}-said {{ position: fixed; z-index: 1000000; padding: 0.3rem 0.7rem; border-radius: 0.4rem; font-size: 0.85rem;
  background: light-dark(#10161d, #ffffff); color: light-dark(#ffffff, #10161d); }}
</style>"""


def copy() -> None:
    """Offer the link."""
    link = whole()
    with st.popover(LABEL, icon=":material/link:", help=HELP):
        st.text(link)
    with st.container(key=KEY):
        st.text(link)
        st.html(STYLE)
        st.html(SCRIPT, unsafe_allow_javascript=True)
