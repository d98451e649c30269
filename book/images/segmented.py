"""Draws book/images/segmented.png, the first picture of the book and of the README, with the networks that ship.

    python book/images/segmented.py

Scenes always; micrographs of nuclei (BBBC038, CC0) beside them where BRIDGESEG_DATA has them.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from bridgeseg.components import connected_components
from bridgeseg.datasets import open_dataset
from bridgeseg.environment import data_spec
from bridgeseg.evaluation import at_size
from bridgeseg.labels import Sample
from bridgeseg.overlays import show_masks
from bridgeseg.plots import show_labels, show_picture, style
from bridgeseg.prediction import category_map, group, predict_maps, resized
from bridgeseg.runs import Run, load_run
from bridgeseg.scenes import Scenes

OUT = Path(__file__).with_suffix(".png")
SCENES = (10, 21, 0)  # of the validation part
SIDE = 256  # pixels of a micrograph that are shown
COLOURS = 256


def micrographs(count: int) -> list[Sample]:
    """Return square cut-outs of bright and dark micrographs in turn, those whose nuclei touch most, by the truth."""
    spec = data_spec("nuclei")
    if spec is None:
        return []
    dataset = open_dataset(spec, "val")
    plates = [dataset[number] for number in range(len(dataset))]
    plates = [
        plate for plate in plates if SIDE <= min(plate.instances.shape) and max(plate.instances.shape) <= 360
    ]
    plates.sort(key=touching, reverse=True)
    bright = [plate for plate in plates if plate.picture.mean() >= 100]
    dark = [plate for plate in plates if plate.picture.mean() < 100]
    chosen = [plate for pair in zip(dark, bright) for plate in pair][:count]
    return [
        Sample(p.name, *(part[:SIDE, :SIDE] for part in (p.picture, p.categories, p.instances)))
        for p in chosen
    ]


def touching(sample: Sample) -> float:
    """Return the share of a picture's objects that connected patches of its true category map would lose."""
    import torch

    objects = len(np.unique(sample.instances)) - 1
    return (objects - int(connected_components(torch.from_numpy(sample.categories)).max())) / max(objects, 1)


def answered(run: Run, sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    """Return the category map and the masks of the final answer, at the size of the picture."""
    size = (sample.picture.shape[0], sample.picture.shape[1])
    maps = predict_maps(run.networks, sample.picture, run.recipe)
    found = at_size(group(maps, run.recipe.grouping), size)
    found = found.select(found.scores >= run.threshold)
    return resized(category_map(maps), size).numpy(), found.masks.numpy()


@style()
def draw(columns: list[tuple[Run, Sample]]) -> plt.Figure:
    """Draw one column a picture: itself, its categories, its objects."""
    titles = ("the picture", "what is it?", "which one is it?")
    figure, grid = plt.subplots(
        3, len(columns), figsize=(2.3 * len(columns), 6.9), layout="compressed", squeeze=False
    )
    for column, (run, sample) in zip(grid.T, columns):
        categories, masks = answered(run, sample)
        show_picture(sample.picture, column[0])
        show_labels(categories, column[1], palette="clear")
        show_masks(sample.picture, masks, column[2])
    for ax, title in zip(grid[:, 0], titles):
        ax.set_ylabel(title, fontsize=11)
    return figure


def main() -> None:
    """Draw and write the picture."""
    matplotlib.use("agg")
    scenes = Scenes("val", 96)
    columns = [(load_run("scenes"), scenes[number]) for number in SCENES]
    nuclei = micrographs(2)
    columns += [(load_run("nuclei"), plate) for plate in nuclei]
    with style():
        draw(columns).savefig(OUT, dpi=100)
    with Image.open(OUT) as image:
        image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(OUT, optimize=True)
    print(f"{OUT.name}: {len(columns)} pictures, {OUT.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
