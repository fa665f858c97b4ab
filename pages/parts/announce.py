"""What a screen reader is told while a page computes; where a map that is scrolled sideways begins; a phone's menu.

Streamlit shows a picture of somebody running, which says nothing to who does not see it. A script beside the page
looks at the state that Streamlit notes on its own element, and writes it into a region that is read out. On a phone
the menu covers the page, and Streamlit leaves it open over the page that was picked: it is closed.
"""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.parts import looks

ID = "neutral-status"
COMPUTING, READY = "Computing …", "Ready."
_PHONE = 768  # px: on a narrower screen the menu covers the page
_AFTER = 500  # ms that a run may take unannounced

SCRIPT = f"""<script>
(() => {{
  if (document.getElementById("{ID}")) return;
  const region = document.createElement("div");
  region.id = "{ID}";
  region.setAttribute("role", "status");
  region.style.cssText = "position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)";
  (document.querySelector('[data-testid="stMain"]') || document.body).append(region);
  let waiting = null;
  const told = () => {{
    const app = document.querySelector('[data-testid="stApp"]');
    const running = app && app.getAttribute("data-test-script-state") === "running";
    if (running && !waiting) waiting = setTimeout(() => {{ region.textContent = "{COMPUTING}"; }}, {_AFTER});
    if (!running && waiting) {{
      clearTimeout(waiting);
      waiting = null;
      if (region.textContent === "{COMPUTING}") region.textContent = "{READY}";
    }}
  }};
  let looked = null;
  const middle = () => {{
    looked = null;
    for (const box of document.querySelectorAll('[class*="{looks.MIDDLE}"]:not([data-begun])')) {{
      if (box.scrollWidth <= box.clientWidth + 1) continue;
      box.dataset.begun = "yes";
      box.scrollLeft = (box.scrollWidth - box.clientWidth) / 2;
    }}
  }};
  new MutationObserver(() => {{ told(); looked ||= setTimeout(middle, 200); }}).observe(
    document.body,
    {{ attributes: true, attributeFilter: ["data-test-script-state"], childList: true, subtree: true }});
  document.addEventListener("click", (event) => {{
    if (window.innerWidth >= {_PHONE} || !event.target.closest('[data-testid="stSidebar"] a')) return;
    setTimeout(() => document.querySelector('[data-testid="stSidebarCollapseButton"] button')?.click(), 100);
  }}, true);
  told();
}})();
</script>"""


def begin() -> DeltaGenerator:
    """Put the script beside the page, once for all its pages; return where it is, which takes no room."""
    unseen = st.container(key=looks.UNSEEN)
    unseen.html(SCRIPT, unsafe_allow_javascript=True)
    return unseen
