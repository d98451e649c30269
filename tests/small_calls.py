"""Pictures, labels and networks so small that a call of the command line takes milliseconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from small_recipe import SMALL

from bridgeseg.data.scenes import CATEGORIES, Scenes
from bridgeseg.system.build import build_networks
from bridgeseg.system.checkpoint import Run, save_run

LABELS = np.array([[0, 1, 1, 0], [2, 0, 3, 3], [2, 0, 0, 0]], np.uint8)


def label_images(folder: Path, names: str = "ab") -> Path:
    """Pictures and label images, as StarDist has them."""
    for part, values in (("images", np.full((3, 4, 3), 90, np.uint8)), ("masks", LABELS)):
        (folder / part).mkdir(parents=True)
        for name in names:
            Image.fromarray(values).save(folder / part / f"{name}.tif")
    return folder


def scene_files(folder: Path, names: str = "ab") -> list[Path]:
    """Drawn scenes as picture files, such that `untrained_run` finds something in each of the first two."""
    folder.mkdir(parents=True, exist_ok=True)
    scenes = Scenes("val", size=48, count=4)
    paths = [folder / f"{name}.png" for name in names]
    for index, path in enumerate(paths):
        Image.fromarray(scenes[3 * index].picture).save(path)
    return paths


def untrained_run(folder: Path) -> Path:
    """A RUN folder with networks that nobody has trained, but sure of themselves, so that they find something."""
    torch.manual_seed(1)
    networks = build_networks(SMALL, len(CATEGORIES) - 1).eval()
    last = [part for part in networks.modules() if isinstance(part, torch.nn.Conv2d)][-1]
    torch.nn.init.normal_(last.weight, std=3.0)
    return save_run(Run(networks, SMALL, tuple(CATEGORIES), 0.0, (), "scenes"), folder)
