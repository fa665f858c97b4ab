"""`python -m neutral`: the shell's door."""

import sys

from neutral.cli import main

if __name__ == "__main__":
    sys.exit(main())
