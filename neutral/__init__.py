"""Which weights a multilingual language model shares between languages, and how small its token table can get."""

from neutral import registration

__version__ = "0.1.0"

registration.register()
