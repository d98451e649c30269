"""`python -m bridgeseg`: see `bridgeseg.commands`.

Built in chapter 10.
"""

from __future__ import annotations

import sys

from bridgeseg.commands import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
