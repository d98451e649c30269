"""Draws book/images/segmented.png, the first picture of the book and of the README, with the networks that ship.

    python book/images/segmented.py

Scenes always; micrographs of nuclei (BBBC038, CC0) beside them where BRIDGESEG_DATA has them.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import torch

from bridgeseg.data.open_dataset import open_pictures
from bridgeseg.data.scenes import Scenes
from bridgeseg.data.transforms import compact
from bridgeseg.grouping.components import connected_components
from bridgeseg.networks.preprocessing import stretch_contrast
from bridgeseg.plots.label_maps import show_labels, show_picture
from bridgeseg.plots.overlays import show_masks
from bridgeseg.plots.style import style
from bridgeseg.structures.cells import resized
from bridgeseg.structures.labels import Sample
from bridgeseg.system.checkpoint import Run, load_run
from bridgeseg.system.prediction import at_size, category_map, group, predict_maps

OUT = Path(__file__).with_suffix(".png")
SIDE = 256  # pixels of a micrograph that are shown
LARGE = 300  # pixels that a nucleus has at least, on average, to be seen at this size


def scenes() -> list[Sample]:
    """Return the first scene of the chapter, and the two of the next fifty whose objects touch most, by the truth."""
    dataset = Scenes("val", 96)
    others = sorted(
        (dataset[number] for number in range(11, 61)), key=touching, reverse=True
    )
    return [dataset[10], *others[:2]]


def micrographs() -> list[Sample]:
    """Return a dark and a bright micrograph with large nuclei, those whose nuclei touch most, by the truth."""
    dataset = open_pictures("nuclei", "val")
    if dataset is None:
        return []
    plates = [cut(dataset[number]) for number in range(len(dataset))]
    plates = [
        plate
        for plate in plates
        if (plate.instances > 0).sum() >= LARGE * max(10, plate.instances.max())
    ]
    plates.sort(key=touching, reverse=True)
    dark = [plate for plate in plates if plate.picture.mean() < 100]
    bright = [plate for plate in plates if plate.picture.mean() >= 100]
    return [*dark[:1], *bright[:1]]


def touching(sample: Sample) -> float:
    """Return the share of a picture's objects that connected patches of its true category map would lose."""
    objects = len(np.unique(sample.instances[sample.instances > 0]))
    patches = int(connected_components(torch.from_numpy(sample.categories)).max())
    return (objects - patches) / max(objects, 1)


def cut(sample: Sample) -> Sample:
    """Return the upper left corner of a sample, its instances numbered anew."""
    picture, categories, instances = (
        part[:SIDE, :SIDE]
        for part in (sample.picture, sample.categories, sample.instances)
    )
    return compact(Sample(sample.name, picture, categories, instances))


def answered(run: Run, sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    """Return the category map and the masks of the final answer, at the size of the picture."""
    size = (sample.picture.shape[0], sample.picture.shape[1])
    maps = predict_maps(run.networks, sample.picture, run.recipe)
    found = at_size(group(maps, run.recipe.grouping), size)
    found = found.select(found.scores >= run.threshold)
    return resized(category_map(maps), size).numpy(), found.masks[:].numpy()


@style()
def draw(columns: list[tuple[Run, Sample]]) -> plt.Figure:
    """Draw one column a picture: itself, its categories, its objects."""
    titles = ("the picture", "what is it?", "which one is it?")
    figure, grid = plt.subplots(
        3,
        len(columns),
        figsize=(2.3 * len(columns), 6.9),
        layout="compressed",
        squeeze=False,
    )
    for column, (run, sample) in zip(grid.T, columns):
        categories, masks = answered(run, sample)
        picture = (
            stretch_contrast(sample.picture)
            if run.recipe.pictures.stretch
            else sample.picture
        )
        show_picture(picture, column[0])
        show_labels(categories, column[1], palette="clear")
        show_masks(picture, masks, column[2])
    for ax, title in zip(grid[:, 0], titles):
        ax.set_ylabel(title, fontsize=13)
    return figure


def main() -> None:
    """Draw and write the picture."""
    matplotlib.use("agg")
    columns = [(load_run("scenes"), scene) for scene in scenes()]
    columns += [(load_run("nuclei"), plate) for plate in micrographs()]
    draw(columns).savefig(OUT, dpi=100)
    print(f"{OUT.name}: {len(columns)} pictures, {OUT.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
