"""Labels that go from one layout to another and back are the same labels."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bridgeseg.data.coco_export import export_coco
from bridgeseg.data.findings import Findings
from bridgeseg.data.scenes import Scenes
from bridgeseg.data.voc import VocFolder
from bridgeseg.data.voc_export import export
from bridgeseg.structures.labels import VOID, Labelled, Sample
from bridgeseg.system.conversion import convert


class Drawn:
    """Pictures of random objects, in pieces and as dense as they come, with void and pixels of no object."""

    kind, root = "drawn", None
    categories = ("background", "ant", "bee", "cat")

    def __init__(self, seed: int, height: int, width: int, objects: int) -> None:
        random = np.random.default_rng(seed)
        self.names = ["a", "b", "c"]
        self._samples = []
        for name in self.names:
            of = np.append(0, random.integers(1, 4, objects)).astype(np.uint8)  # (objects + 1,)
            instances = random.integers(0, objects + 1, (height, width)).astype(np.int32)
            categories = of[instances]
            categories[random.random((height, width)) < 0.1] = VOID
            categories[random.random((height, width)) < 0.1] = 2
            instances[(categories == VOID) | (categories != of[instances])] = 0
            categories[(categories == 2) & (of[instances] != 2)] = 2  # of a category, and of no object
            picture = random.integers(0, 256, (height, width, 3)).astype(np.uint8)
            self._samples.append(Sample(name, picture, categories, instances))

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        return self._samples[index]


def read(folder: Path) -> dict[str, Sample]:
    """All that was converted, by name."""
    parts = [VocFolder(folder, split) for split in ("train", "val")]
    return {sample.name: sample for part in parts for sample in (part[index] for index in range(len(part)))}


def in_order(instances: np.ndarray) -> np.ndarray:
    """Instances without gaps in their numbers, in their order, (h, w)."""
    return np.unique(np.append(0, instances), return_inverse=True)[1][1:].reshape(instances.shape)


def check_trip(dataset: Labelled, folder: Path) -> None:
    """Into COCO's layout and back; what COCO has no word for becomes void, as the export says."""
    export_coco(dataset, folder / "coco", "val")
    findings = Findings()
    done = convert(folder / "coco", folder / "back", findings)
    back = read(folder / "back")
    assert done.categories == dataset.categories
    assert sorted(back) == sorted(dataset.names)
    for sample in (dataset[index] for index in range(len(dataset))):
        unowned = (sample.instances == 0) & (sample.categories > 0)
        assert np.array_equal(back[sample.name].categories, np.where(unowned, VOID, sample.categories))
        assert np.array_equal(in_order(back[sample.name].instances), in_order(sample.instances))
    kinds = {line.rsplit(": ", 1)[0] for line in findings.lines()}
    assert kinds <= {"crowds, which become void", "pictures without an object"}


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 10_000), st.integers(1, 24), st.integers(4, 24), st.sampled_from([1, 3, 30, 300, 60_000])
)
def test_random_objects_go_to_voc_to_coco_and_back(seed: int, height: int, width: int, objects: int) -> None:
    drawn = Drawn(seed, height, width, objects)
    if not any(sample.instances.any() for sample in (drawn[index] for index in range(3))):
        return
    with tempfile.TemporaryDirectory() as folder:
        voc = VocFolder(export(drawn, Path(folder, "voc"), "all"), "all")
        for index in range(3):
            assert np.array_equal(in_order(voc[index].instances), in_order(drawn[index].instances))
        check_trip(voc, Path(folder))


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000), st.integers(20, 60), st.integers(2, 3))
def test_a_round_trip_through_coco_keeps_every_scene(seed: int, size: int, count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check_trip(Scenes("val", size=size, count=count, seed=seed), Path(folder))
