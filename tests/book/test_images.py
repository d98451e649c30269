"""The programs that draw the pictures of the book still run, and draw something."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from notebooks import BOOK
from pages import loaded
from PIL import Image

SCRIPTS = sorted((BOOK / "images").glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_picture_of_the_book_can_be_drawn_anew(
    script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = tmp_path / "drawn.png"
    with plt.rc_context():
        program = loaded(script)
        monkeypatch.setattr(program, "OUT", drawn)
        program.main()
    plt.close("all")
    with Image.open(drawn) as picture:
        assert min(picture.size) > 200
        assert len(picture.convert("RGB").getcolors(1 << 24)) > 20
