"""By the keyboard: the first press of Tab offers ways past the menu, and a figure's table is left as fast as reached.

A page's menu and pickers are some 40 presses long. A script beside the page puts two buttons before everything, seen
while they have the focus: to the page's content, in place of Streamlit's link, and to the table of its first figure.
Who picks a page in the menu is taken to its title: Streamlit leaves the focus nowhere, before the menu.
From one *Table and files* to the next and back lead the arrow keys down and up; Escape inside an opened one closes it
and comes back to it.
"""

from __future__ import annotations

import streamlit as st

from pages.parts import looks
from pages.parts.export import LABEL

ID = "neutral-skip"
TO_CONTENT, TO_TABLE = "To the content of the page", "To the table of the first figure"
HELP = "Arrow keys lead from one figure's table to the next, Escape closes one."

_PATIENCE = 20_000  # ms that the page may take to come

STYLE = f"""<style>
#{ID} button {{ position: fixed; left: -100vw; top: 0.5rem; z-index: 1000000; padding: 0.5rem 1rem; font: inherit;
  border: 0; border-radius: 0.5rem; background: light-dark(#10161d, #ffffff); color: light-dark(#ffffff, #10161d); }}
[data-testid="stSkipToContent"] {{ display: none; }}
h1:focus {{ outline: none; }}
#{ID} button:focus {{ left: 0.5rem; outline: 3px solid {looks.RING}; outline-offset: 2px; }}
</style>"""

SCRIPT = f"""<script>
(() => {{
  if (document.getElementById("{ID}")) return;
  const boxes = () => [...document.querySelectorAll('[data-testid="stExpander"] summary')].filter(
    (each) => each.checkVisibility() && each.innerText.includes("{LABEL}"));
  const go = (to) => {{ to.focus({{ focusVisible: true }}); to.scrollIntoView({{ block: "center" }}); }};
  const nav = document.createElement("nav");
  nav.id = "{ID}";
  nav.setAttribute("aria-label", "Ways past the menu");
  const offer = (label, help, where) => {{
    const button = document.createElement("button");
    button.textContent = label;
    if (help) button.title = help;
    button.addEventListener("click", () => {{ const to = where(); if (to) go(to); }});
    nav.append(button);
  }};
  offer("{TO_CONTENT}", "", () => {{
    const main = document.querySelector('[data-testid="stMain"]');
    if (main) main.tabIndex = -1;
    return main;
  }});
  offer("{TO_TABLE}", "{HELP}", () => boxes()[0]);
  document.body.prepend(nav);
  const picked = (link) => {{
    const before = document.querySelector("h1")?.innerText, until = performance.now() + {_PATIENCE};
    const look = () => {{
      const title = document.querySelector('[data-testid="stMain"] h1'), at = document.activeElement;
      if (title && title.innerText !== before) {{
        if (at !== document.body && at !== link && !link.contains(at)) return;
        title.tabIndex = -1;
        title.focus({{ preventScroll: true }});
      }} else if (performance.now() < until) setTimeout(look, 50);
    }};
    look();
  }};
  document.addEventListener("click", (event) => {{
    const link = event.target.closest?.('[data-testid="stSidebar"] [data-testid="stPageLink"] a');
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) picked(link);
  }}, true);
  document.addEventListener("keydown", (event) => {{
    const at = document.activeElement;
    const box = at?.closest?.('[data-testid="stExpander"]')?.querySelector("summary");
    if (!box || !boxes().includes(box) || event.altKey || event.ctrlKey || event.metaKey) return;
    const step = {{ ArrowDown: 1, ArrowUp: -1 }}[event.key];
    if (step && at === box) {{
      const all = boxes(), to = all[all.indexOf(box) + step];
      if (to) {{ event.preventDefault(); go(to); }}
    }} else if (event.key === "Escape" && at !== box && at.getAttribute("aria-expanded") !== "true") {{
      event.preventDefault();
      box.click();
      go(box);
    }}
  }}, true);
}})();
</script>"""


def begin() -> None:
    """Put the script beside the page, once for all its pages."""
    with st.container(key=f"{looks.UNSEEN}-keys"):
        st.html(STYLE)
        st.html(SCRIPT, unsafe_allow_javascript=True)
