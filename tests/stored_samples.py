"""A picture out of a store, for tests that compare it with what was read."""

from __future__ import annotations

from bridgeseg.structures.labels import Sample
from bridgeseg.training.windows import Flat


def stored(flat: Flat, number: int) -> Sample:
    """Return a picture of a store as a sample; its instances are of the store's type."""
    begin, (height, width) = int(flat.offsets[number]), flat.sizes[number].tolist()
    picture, categories, instances = (
        values[begin : begin + height * width].numpy().reshape(height, width, *values.shape[1:])
        for values in flat[:3]
    )
    return Sample(str(number), picture, categories, instances)
