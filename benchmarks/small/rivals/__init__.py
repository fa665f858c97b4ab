"""Other people's ways to write a table in few bits, from their formulas: each short, none of the library's.

Every one gets the weighted mean row to take off, tokens' weights and the metric wherever its formula has a place for
them, and a budget in which every byte counts.
"""
