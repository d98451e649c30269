"""The four sides of FCOS: encode and decode undo each other, and a pixel lies in the box that it answers."""

from __future__ import annotations

import torch

from bridgeseg.data.scenes import Scenes
from bridgeseg.structures.box_encodings import decode_sides, encode_sides
from bridgeseg.structures.boxes import box_targets
from bridgeseg.structures.cells import cell_centres


def test_decode_undoes_encode_wherever_a_cell_lies_in_its_box() -> None:
    instances = torch.stack([torch.from_numpy(Scenes("val", 96)[index].instances) for index in range(3)])
    for stride in (1, 4):
        boxes, present = box_targets(instances, stride)
        there = decode_sides(encode_sides(boxes, stride, 24.0), stride, 24.0)
        assert torch.allclose(there.movedim(1, -1)[present], boxes.movedim(1, -1)[present], atol=1e-3)


def test_whatever_a_network_says_the_cell_lies_in_its_box() -> None:
    answer = 20 * torch.randn(2, 4, 5, 7, generator=torch.Generator().manual_seed(0))
    boxes = decode_sides(answer, 4, 24.0)
    x, y = cell_centres(5, 7, 4)
    assert boxes.isfinite().all()
    assert ((boxes[:, 0] <= x) & (x <= boxes[:, 2]) & (boxes[:, 1] <= y) & (y <= boxes[:, 3])).all()


def test_distances_by_hand() -> None:
    box = torch.tensor([2.0, 1.0, 9.0, 5.0]).view(1, 4, 1, 1).expand(1, 4, 1, 2)
    found = encode_sides(box, stride=4, scale=1.0)[0, :, 0, 1].exp()  # the cell's centre is (4.5, 0.5)
    assert torch.allclose(found, torch.tensor([2.5, 0.5, 4.5, 4.5]))  # above the box: half a pixel at least
