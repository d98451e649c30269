"""Zips with a few pictures, laid out as the two downloads are."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

Members = dict[str, bytes]


def png(array: np.ndarray, palette: bool = False) -> bytes:
    image = Image.fromarray(array)
    if palette:
        image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    file = io.BytesIO()
    image.save(file, format="PNG")
    return file.getvalue()


def pack(path: Path, members: Members) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def smooth(seed: int, height: int, width: int) -> np.ndarray:
    """A picture that JPEG keeps nearly as it is."""
    small = Image.fromarray(np.random.default_rng(seed).integers(0, 256, (3, 3, 3), np.uint8))
    return np.array(small.resize((width, height), Image.Resampling.BICUBIC))


def pedestrians(count: int = 6, top: str = "PennFudanPed/") -> Members:
    members: Members = {f"{top}readme.txt": b"not a picture", f"{top}PNGImages/": b""}
    for number in range(count):
        name = f"FudanPed{number:05}"
        mask = np.zeros((30, 40), np.uint8)
        mask[5:25, 4:12], mask[8:28, 20 + number : 30] = 1, 2
        members[f"{top}PNGImages/{name}.png"] = png(smooth(number, 30, 40))
        members[f"{top}PedMasks/{name}_mask.png"] = png(mask, palette=True)
        members[f"{top}Annotation/{name}.txt"] = b"boxes"
        members[f"__MACOSX/{top}PNGImages/._{name}.png"] = b"left by macOS"
    return members


def nuclei(count: int = 4, top: str = "") -> Members:
    members: Members = {}
    for number in range(count):
        name = f"{number:064x}"
        picture = np.random.default_rng(number).integers(0, 256, (16, 20, 4), np.uint8)
        picture[..., 3] = 255
        members[f"{top}{name}/images/{name}.png"] = png(picture)
        for nucleus in range(number + 1):
            mask = np.zeros((16, 20), np.uint8)
            mask[3 * nucleus : 3 * nucleus + 3, 2:9] = 255
            members[f"{top}{name}/masks/{nucleus:02}.png"] = png(mask)
        members[f"{top}{name}/masks/.DS_Store"] = b"left by macOS"
    return members


def left(folder: Path) -> list[str]:
    """What stands in a folder, locks aside."""
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))
