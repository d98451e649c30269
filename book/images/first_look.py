"""Draws book/images/first_look.png, the sheet of `python -m bridgeseg check`, of a folder of drawn scenes.

python book/images/first_look.py
"""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

from PIL import Image

from bridgeseg.commands import main as bridgeseg

OUT = Path(__file__).with_suffix(".png")
PICTURES = 40


def main() -> None:
    """Write the folder, look at it, and keep the sheet in 256 colours."""
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        export = [
            "export",
            "--data",
            "scenes",
            "--out",
            "my_folder",
            "--count",
            str(PICTURES),
        ]
        look = ["check", "voc:my_folder", "--split", "val", "--sheet", "look.png"]
        if bridgeseg(export) or bridgeseg(look):
            raise SystemExit("the scenes were not looked at")
        with Image.open("look.png") as sheet:
            sheet.convert("RGB").quantize(256).save(OUT, optimize=True)


if __name__ == "__main__":
    main()
