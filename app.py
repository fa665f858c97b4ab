"""The app: what `streamlit run app.py` serves, and its first page, the Overview.

Streamlit imports this file once, for `app`, and runs it for every visitor of the first page. What the page needs takes
as long to import as a browser takes to load Streamlit: the server does it meanwhile (see `early`).
"""

import streamlit as st

from pages.parts import early

if __name__ == "__main__":
    from pages.parts.overlap import overview

    overview.show_all()
else:
    app = st.App(__file__, lifespan=early.lifespan, middleware=early.MIDDLEWARE)
