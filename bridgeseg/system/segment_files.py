"""Picture files in, label maps, instances and overlays as files out.

Built in chapter 10.
"""

from __future__ import annotations

import errno
import io
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image

from bridgeseg.data.label_png import write_label_png
from bridgeseg.data.pictures import pictures_in, read_picture
from bridgeseg.machine.files import UNFINISHED, write_atomically
from bridgeseg.machine.memory import is_out_of_memory
from bridgeseg.machine.notes import Note, counted, unsaid
from bridgeseg.machine.progress import Progress, silent
from bridgeseg.structures.cells import resized
from bridgeseg.structures.instances import Instances
from bridgeseg.structures.labels import BadInput
from bridgeseg.structures.masks import Masks
from bridgeseg.structures.run_lengths import to_run_lengths
from bridgeseg.system.checkpoint import Run
from bridgeseg.system.prediction import (
    at_size,
    category_map,
    group,
    predict_maps,
    shrinking,
    without_overlap,
)
from bridgeseg.system.result_folder import (
    INSTANCES,
    MAPS,
    OVERLAYS,
    PICTURES,
    RECORDS,
    SMALL,
    Record,
    begin,
    check_folder,
    check_picture,
    files_of,
    finish,
    gather,
    identified,
    locked,
)
from bridgeseg.system.result_overlay import draw_overlay, shrunk
from bridgeseg.system.result_page import THUMBNAIL
from bridgeseg.system.result_table import Row, rows_of
from bridgeseg.system.scoreboard import weights_name

# What stops one file from being written and will stop every other.
_HOPELESS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EIO)


class Answer(NamedTuple):
    """What is written of a picture.

    categories: (h, w) uint8, the semantic network's category of every pixel
    labels: (h, w) int32, the final instances, 0 none, 1…n
    rows: of table.csv, one for each final instance
    candidates: for instances.json, best score first

    Built in chapter 10.
    """

    categories: np.ndarray
    labels: np.ndarray
    rows: list[Row]
    candidates: list[dict[str, Any]]


def segment_files(
    run: Run,
    pictures: Sequence[str | Path],
    out: str | Path,
    complain: Callable[[str], None],
    progress: Progress = silent,
    note: Note = unsaid,
    *,
    overlays: bool = True,
    scores: bool = False,
    channel: int | None = None,
) -> int:
    """Segment picture files and write the answers.

    run: trained networks
    pictures: files, and folders, which stand for the pictures in them
    out: folder; gets SegmentationClass/NAME.png, the semantic network's category of every pixel;
        SegmentationObject/NAME.png, the final instances, no pixel in two and none with a score below the run's
        threshold; instances.json, every candidate with its score; table.csv, a line for each final instance; and
        records/NAME.gz, of which these two are made again with every call
    complain: called with one line for everything that could not be done; other pictures are still done
    progress: called with the share done and a line
    note: called with one line for what is passed over, files that are no pictures, further pages or files given twice;
        for a picture that is made smaller, with both sizes; for each answer of an earlier call that was not finished,
        and is removed; and where other answers in the folder are of other networks
    overlays: whether the folder also gets overlays/NAME.jpg, the picture with its final instances, and index.html,
        which shows all pictures of the folder
    scores: whether each instance of an overlay bears its score
    channel: which of a picture's channels the networks are shown, as `bridgeseg.data.pictures.read_picture` has it
    returns: how many pictures were done
    raises: nothing for a picture that cannot be done: its BadInput or OSError is a line for `complain`

    Two pictures of the same name without ending would share their files: the second is refused, in a later call too.
    A picture that is segmented anew takes the place of its earlier answer. Whatever ends the call, Ctrl-C among it, the
    pictures that were finished are in all files. Where the two maps differ both are meant: an instance has one
    category, chosen by all its pixels, which a pixel of its own need not have been given by itself.

    Built in chapter 10.
    """
    out = Path(out)
    try:
        check_folder(out)
    except BadInput as error:
        complain(str(error))
        return 0
    except OSError as error:
        complain(f"{error.filename or out}: cannot be read ({error.strerror or error})")
        return 0
    paths: list[Path] = []
    for given in map(Path, pictures):
        try:
            paths += pictures_in(given, note) if given.is_dir() else [given]
        except (BadInput, OSError) as error:  # also where a folder above may not be read
            complain(str(error))
    done: dict[str, Path] = {}
    network, hopeless = weights_name(run), False
    try:
        for number, path in enumerate(paths):
            progress(number / len(paths), path.name)
            try:
                if path.stem in done and _same_file(path, done[path.stem]):
                    note(f"{path}: is given twice, and was segmented once")
                    continue
                if path.stem in done:
                    raise BadInput(f"{path}: has the same name as {done[path.stem]}, expected different ones")
                picture = read_picture(path, channel=channel, note=note)
                if smaller := shrinking(picture.shape[0], picture.shape[1], run.recipe.pictures):
                    note(f"{path}: {smaller}")
                record = identified(path, out, network)
                check_picture(out, record)
                answer = segment_picture(run, picture, path.stem)
                write_answer(out, record, picture, answer, overlays, scores)
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
    finally:
        ours = {path.stem for path in paths}
        say = note if hopeless else complain
        try:
            whole = _gather(out, overlays, say, note, ours, network)
        except KeyboardInterrupt:
            _gather(out, overlays, say, note, ours, network)
            raise
    return len(done) if whole else 0


def segment_picture(run: Run, picture: np.ndarray, name: str) -> Answer:
    """Segment one picture.

    run: trained networks
    picture: (h, w, 3) uint8
    name: of its files, without ending
    returns: what is to be written

    The masks are never made in full: as runs they are brought to the picture's own size. Built in chapter 10.
    """
    size = (picture.shape[0], picture.shape[1])
    maps = predict_maps(run.networks, picture, run.recipe)
    instances = at_size(group(maps, run.recipe.grouping), size)
    labels = without_overlap(instances, run.threshold).to(torch.int32)
    return Answer(
        resized(category_map(maps), size).cpu().numpy(),
        labels.cpu().numpy(),
        rows_of(labels, instances, run.threshold, run.categories),
        describe(instances, run.categories, name, size),
    )


def write_answer(
    out: Path, record: Record, picture: np.ndarray, answer: Answer, overlays: bool, scores: bool
) -> None:
    """Write the files of one picture, all or none.

    out, overlays, scores: as in `segment_files`
    record: of the picture
    picture: (h, w, 3) uint8
    answer: what was found in it
    raises: what `bridgeseg.system.result_folder.begin` raises; OSError when writing fails

    Built in chapter 10.
    """
    drawn = None
    if overlays:
        texts = [""] * int(answer.labels.max()) if scores else []
        for row in answer.rows if scores else ():
            texts[row.instance - 1] = f"{row.score:.2f}".removeprefix("0")
        drawn = draw_overlay(picture, answer.labels, texts)
    with locked(out), tempfile.TemporaryDirectory(dir=out, prefix=UNFINISHED) as folder:
        check_picture(out, record)
        new = Path(
            folder
        )  # all of it is written before anything of an earlier answer goes: a disk may be full
        write_label_png(new / MAPS[0] / f"{record.name}.png", answer.categories)
        write_label_png(new / MAPS[1] / f"{record.name}.png", answer.labels)
        if drawn is not None:
            _write_jpeg(new / OVERLAYS / f"{record.name}.jpg", drawn)
            _write_jpeg(new / PICTURES / f"{record.name}.jpg", shrunk(picture, THUMBNAIL))
            if max(drawn.shape) > THUMBNAIL:
                _write_jpeg(new / SMALL / f"{record.name}.jpg", shrunk(drawn, THUMBNAIL))
        size = (picture.shape[0], picture.shape[1])
        shown = None if drawn is None else (drawn.shape[0], drawn.shape[1])
        finish(new, replace(record, size=size, drawn=shown), answer.rows, answer.candidates)
        begin(out, record)
        for path in [*files_of(new, record.name), new / RECORDS / f"{record.name}.gz"]:
            if path.exists():
                place = out / path.relative_to(new)
                place.parent.mkdir(parents=True, exist_ok=True)
                os.replace(path, place)


def _write_jpeg(path: Path, picture: np.ndarray) -> None:
    """Write a picture, colours as sharp as the rest: outlines are thin."""
    jpeg = io.BytesIO()  # not the file, since Pillow's encoder does not see that a disk has filled up
    Image.fromarray(picture).save(jpeg, "JPEG", quality=88, subsampling=0)
    write_atomically(path, lambda file: file.write(jpeg.getbuffer()))


def _same_file(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file; one that is absent is none."""
    return one.exists() and other.exists() and one.samefile(other)


def _gather(
    out: Path, pages: bool, complain: Callable[[str], None], note: Note, ours: set[str], network: str
) -> bool:
    """Bring the files about all pictures up to date; whether that could be done."""

    def removed(name: str) -> None:
        if name not in ours:  # of which whatever was wrong was said
            note(
                f"{out}: the answer to {name} was not finished or is gone, and is left out; segment it again"
            )

    try:
        with locked(out):
            records = gather(out, pages, removed)
    except BadInput as error:
        complain(str(error))
    except OSError as error:
        complain(f"{error.filename or out / INSTANCES}: cannot be written ({error.strerror or error})")
    else:
        others = [record.name for record in records if record.network not in ("", network)]
        if others:
            note(
                f"{out}: another network answered {counted(others, 'picture', 'pictures')}, and all are counted"
                " together; another --out keeps them apart"
            )
        return True
    return False


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
