"""Picture files in, label maps and instances as files out.

Built in chapter 10.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bridgeseg.data.label_png import write_label_png
from bridgeseg.data.pictures import pictures_in, read_picture
from bridgeseg.machine.files import write_text
from bridgeseg.machine.memory import is_out_of_memory
from bridgeseg.machine.notes import Note, unsaid
from bridgeseg.machine.progress import Progress, silent
from bridgeseg.structures.cells import resized
from bridgeseg.structures.instances import Instances
from bridgeseg.structures.labels import BadInput
from bridgeseg.structures.masks import Masks
from bridgeseg.structures.run_lengths import to_run_lengths
from bridgeseg.system.checkpoint import Run
from bridgeseg.system.prediction import at_size, category_map, group, predict_maps, shrunk, without_overlap

INSTANCES = "instances.json"
# What stops one file from being written and will stop every other.
_HOPELESS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EIO)


def segment_files(
    run: Run,
    pictures: Sequence[str | Path],
    out: str | Path,
    complain: Callable[[str], None],
    progress: Progress = silent,
    note: Note = unsaid,
) -> int:
    """Segment picture files and write the answers.

    run: trained networks
    pictures: files, and folders, which stand for the pictures in them
    out: folder; gets SegmentationClass/NAME.png, the semantic network's category of every pixel;
        SegmentationObject/NAME.png, the final instances, no pixel in two and none with a score below the run's
        threshold; and instances.json, every candidate with its score
    complain: called with one line for everything that could not be done; other pictures are still done
    progress: called with the share done and a line
    note: called with one line for what is passed over, files that are no pictures or further pages, and for a picture
        that is made smaller, with both sizes
    returns: how many pictures were done
    raises: nothing for a picture that cannot be done: its BadInput or OSError is a line for `complain`

    Two pictures of the same name without ending would share their files: the second is refused. Where the two maps
    differ both are meant: an instance has one category, chosen by all its pixels, which a pixel of its own need not
    have been given by itself. Built in chapter 10.
    """
    out = Path(out)
    paths: list[Path] = []
    for given in map(Path, pictures):
        try:
            paths += pictures_in(given, note) if given.is_dir() else [given]
        except (BadInput, OSError) as error:  # also where a folder above may not be read
            complain(str(error))
    done: dict[str, Path] = {}
    hopeless = False
    candidates: list[dict[str, Any]] = []
    for number, path in enumerate(paths):
        progress(number / len(paths), path.name)
        try:
            if path.stem in done:
                raise BadInput(f"{path}: has the same name as {done[path.stem]}, expected different ones")
            picture = read_picture(path, note=note)
            if smaller := shrunk(picture.shape[0], picture.shape[1], run.recipe.pictures):
                note(f"{path}: {smaller}")
            candidates += segment_picture(run, picture, path.stem, out)
            done[path.stem] = path
        except BadInput as error:
            complain(str(error))
        except OSError as error:
            complain(f"{path}: its answer cannot be written to {out} ({error.strerror or error})")
            hopeless = error.errno in _HOPELESS
            if hopeless:
                break
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            complain(f"{path}: not enough memory for this picture")
    try:
        text = json.dumps(candidates, separators=(",", ":"))
        write_text(out / INSTANCES, text)
    except OSError as error:
        if not hopeless:
            complain(f"{out / INSTANCES}: cannot be written ({error.strerror or error})")
        return 0
    return len(done)


def segment_picture(run: Run, picture: np.ndarray, name: str, out: Path) -> list[dict[str, Any]]:
    """Segment one picture, write its two label maps, and return its candidates.

    run: trained networks
    picture: (h, w, 3) uint8
    name: of the files, without ending
    out: folder, as `segment_files` has it
    returns: one entry for instances.json a candidate, best score first
    raises: OSError when writing fails

    The masks are never made in full: as runs they are brought to the picture's own size. Built in chapter 10.
    """
    size = (picture.shape[0], picture.shape[1])
    maps = predict_maps(run.networks, picture, run.recipe)
    instances = at_size(group(maps, run.recipe.grouping), size)
    labels = without_overlap(instances, run.threshold).to(torch.int32)
    write_label_png(
        out / "SegmentationClass" / f"{name}.png", resized(category_map(maps), size).cpu().numpy()
    )
    write_label_png(out / "SegmentationObject" / f"{name}.png", labels.cpu().numpy())
    return describe(instances, run.categories, name, size)


def describe(
    instances: Instances, categories: Sequence[str], name: str, size: tuple[int, int]
) -> list[dict[str, Any]]:
    """Return instances as entries of instances.json, in COCO's manner.

    instances: best first
    categories: names, background first
    name: of the picture
    size: height and width of the picture; the masks may be smaller
    returns: entries with image_id, category_id, category, score, bbox [x, y, w, h] (the tight box of the mask, in
        pixels) and segmentation (uncompressed run lengths); an instance without pixels at that size is left out

    Built in chapter 10.
    """
    entries = []
    masks = instances.masks.to("cpu").resized(size)
    boxes, areas = masks.boxes().long().tolist(), masks.areas().tolist()
    numbers, scores = instances.categories.tolist(), instances.scores.tolist()
    for index, (category, score) in enumerate(zip(numbers, scores, strict=True)):
        if not areas[index]:
            continue
        x0, y0, x1, y1 = boxes[index]
        entry = {"image_id": name, "category_id": category, "category": categories[category], "score": score}
        segmentation = run_lengths(masks, index)
        entries.append({**entry, "bbox": [x0, y0, x1 - x0, y1 - y0], "segmentation": segmentation})
    return entries


def run_lengths(masks: Masks, number: int) -> dict[str, Any]:
    """Return the run lengths of one of some masks.

    masks: of the size wanted
    number: which of them
    returns: what `to_run_lengths` gives for `masks[number]`

    Only the columns that hold the mask are ever made: a small object in a photograph of 24 million pixels costs little.
    """
    height, width = masks.size
    crop, top, left = masks.crop(number)
    columns = np.zeros((height, crop.shape[1]), bool)
    columns[top : top + crop.shape[0]] = crop.numpy()
    counts = to_run_lengths(columns)["counts"] if columns.size else [0]
    before, after = left * height, (width - left - crop.shape[1]) * height
    counts[0] += before  # the first run is of zeros
    if len(counts) % 2:
        counts[-1] += after
    elif after:
        counts.append(after)
    return {"size": [height, width], "counts": counts}
