"""Pin the results of all rows of tests/cases.py as they are now, in tests/pins.

python scripts/pins.py

Where an operation gives other pixels than before for valid input, raise its `version` first.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import pinned

if __name__ == "__main__":
    pinned.write()
