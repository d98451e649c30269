"""The programs that draw the pictures of the book still run, and draw something."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from chromium import chromium_path
from notebooks import BOOK
from pages import loaded
from PIL import Image

SCRIPTS = sorted((BOOK / "images").glob("*.py"))
PHOTOGRAPHED = {"results_page"}  # from a browser's window


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_picture_of_the_book_can_be_drawn_anew(
    script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if script.stem in PHOTOGRAPHED and not chromium_path():
        pytest.skip("no Chromium on the PATH")
    drawn = tmp_path / "drawn.png"
    with plt.rc_context():
        program = loaded(script)
        monkeypatch.setattr(program, "OUT", drawn)
        program.main()
    plt.close("all")
    with Image.open(drawn) as picture:
        assert min(picture.size) > 200
        assert len(picture.convert("RGB").getcolors(1 << 24)) > 20
