"""``python -m napari_mathimg``: the command `mathimg`."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
