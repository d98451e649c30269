"""Draws book/images/worst_pictures.png, which `python -m bridgeseg evaluate --plots` leaves, of drawn scenes.

python book/images/worst_pictures.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image

from bridgeseg.commands import main as bridgeseg

OUT = Path(__file__).with_suffix(".png")
PICTURES = 40


def main() -> None:
    """Evaluate the network that ships, and keep the drawing in 256 colours."""
    with tempfile.TemporaryDirectory() as name:
        words = [
            "evaluate",
            "scenes",
            "--data",
            "scenes",
            "--count",
            str(PICTURES),
            "--plots",
            name,
        ]
        if bridgeseg(words):
            raise SystemExit("the scenes were not evaluated")
        with Image.open(Path(name) / "worst.png") as drawn:
            drawn.convert("RGB").quantize(256).save(OUT, optimize=True)


if __name__ == "__main__":
    main()
