"""``python -m forebear`` is the command ``forebear``."""

import sys

from forebear.cli import main

if __name__ == "__main__":
    sys.exit(main())
