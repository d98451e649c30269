"""Files of SBD's structure, written by scipy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from scipy import io as scipy_io

SIZE = (12, 17)


def maps(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Instances, the category of each, and the category map that follows."""
    rng = np.random.default_rng(seed)
    instances = rng.integers(0, 5, SIZE).astype(np.uint8)
    of_instance = rng.integers(1, 21, 4).astype(np.uint8)
    return instances, of_instance, np.append(0, of_instance).astype(np.uint8)[instances]


def write(
    root: Path, name: str, instances: np.ndarray, of_instance: np.ndarray, categories: np.ndarray
) -> None:
    for folder in ("img", "cls", "inst"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    picture = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    Image.fromarray(picture).save(root / "img" / f"{name}.jpg")
    boundaries = np.empty((20, 1), object)
    for row in boundaries:
        row[0] = np.zeros(SIZE, np.uint8)
    scipy_io.savemat(
        root / "cls" / f"{name}.mat",
        {
            "GTcls": {
                "Boundaries": boundaries,
                "Segmentation": categories,
                "CategoriesPresent": np.unique(categories[categories > 0])[None],
            }
        },
    )
    scipy_io.savemat(
        root / "inst" / f"{name}.mat",
        {"GTinst": {"Segmentation": instances, "Boundaries": boundaries, "Categories": of_instance[:, None]}},
    )
