"""Labels with mistakes in them: objects that somebody called by the name of another category. Our choice, for a test.

Built in chapter 7.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from bridgeseg.structures.labels import VOID, Sample, verify_types


def mislabelled(sample: Sample, share: float, categories: int, seed: int = 0) -> Sample:
    """Return a sample in which some objects carry the name of another category.

    sample: with its category and instance map; it is not changed
    share: how probable it is for an object to be called by another name, 0…1
    categories: how many there are, the background among them
    seed: 0 or more; the same seed and sample give the same mistakes, and a larger share adds to those of a smaller one
    returns: the sample with other categories; outlines, void and background stay as they are
    raises: ValueError for a share outside 0…1

    Example:
        >>> labels = np.array([[0, 1, 1, 255]], np.uint8)
        >>> sample = Sample("a", np.zeros((1, 4, 3), np.uint8), labels, np.array([[0, 1, 1, 0]], np.int32))
        >>> mislabelled(sample, 1.0, categories=3).categories.tolist()
        [[0, 2, 2, 255]]

    Built in chapter 7.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share is {share}, expected 0…1")
    verify_types(sample, sample.name)
    rng = np.random.default_rng([seed, *sample.name.encode()])
    changed = sample.categories.copy()
    for number in range(1, int(sample.instances.max()) + 1):
        inside = (sample.instances == number) & (sample.categories != VOID)
        chance, other = rng.random(), int(rng.integers(1, categories - 1))
        if chance < share and inside.any():
            true = int(sample.categories[inside][0])
            changed[inside] = other + (other >= true)  # any category but the true one, each as probable
    return dataclasses.replace(sample, categories=changed)
