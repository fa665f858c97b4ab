"""One language of a study: its nearest ones and how sure, whose masks would serve it, and what is known of it.

`neutral.languages` is about languages as such, whatever was measured of them.
"""
