"""The eleven languages of Foroutan et al. (2022)."""

PAPER_ORDER: tuple[str, ...] = ("en", "fr", "de", "zh", "ru", "es", "fa", "ur", "ar", "hi", "sw")
"""Their codes, in the order of the paper's figures."""
