"""Takes book/images/results_page.png, what `segment` leaves in its folder for one to look at, as a browser shows it.

    python book/images/results_page.py

Needs Chromium. The pictures are drawn scenes, the network is the one that ships.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from bridgeseg.commands import main as bridgeseg
from bridgeseg.data.scenes import draw_scene

OUT = Path(__file__).with_suffix(".png")
SIZE = (96, 128)  # height and width of a scene
PICTURES, OBJECTS = 6, 5  # how many scenes, and how many objects each holds at least
WINDOW = (
    900,
    1180,
)  # width and height in pixels: the counts, and the first two pictures
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def write_pictures(folder: Path) -> None:
    """Write the first scenes that hold enough objects."""
    number = 0
    for place in range(PICTURES):
        while (
            len(np.unique((scene := draw_scene(1, number, SIZE)).instances)) <= OBJECTS
        ):
            number += 1
        number += 1
        Image.fromarray(scene.picture).save(folder / f"table_{place + 1}.png")


def photograph(page: Path, out: Path) -> None:
    """Open a page in Chromium without a window, and save what is seen of it, in 256 colours."""
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        raise SystemExit(
            f"no Chromium on the PATH, expected one of {', '.join(BROWSERS)}"
        )
    flags = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")
    size = f"--window-size={WINDOW[0]},{WINDOW[1]}"
    shot = out.with_name("shot.png")
    subprocess.run(
        [browser, *flags, size, f"--screenshot={shot}", page.as_uri()],
        check=True,
        capture_output=True,
    )
    with Image.open(shot) as seen:
        seen.convert("RGB").quantize(256).save(out, optimize=True)
    shot.unlink()


def main() -> None:
    """Segment the scenes, and take the picture."""
    with tempfile.TemporaryDirectory() as name:
        pictures, found = Path(name) / "pictures", Path(name) / "found"
        pictures.mkdir()
        write_pictures(pictures)
        if bridgeseg(["segment", "scenes", str(pictures), "--out", str(found)]):
            raise SystemExit("the scenes were not segmented")
        photograph(found / "index.html", OUT)


if __name__ == "__main__":
    main()
