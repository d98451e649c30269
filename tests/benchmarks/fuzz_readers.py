"""What reads a file from outside: a small valid one of every kind, and its reader.

A further kind is a line in `READERS`: how a valid file is made in a folder, how it is read, whether it holds labels
(or weights, or anything else that must not change in silence), and whether checksums lie over all of that.
"""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tifffile
import torch
from PIL import Image
from pycocotools import mask as coco_mask
from scipy import io as scipy_io

sys.path.insert(0, str(Path(__file__).parents[1]))  # tests
import small_archives
import small_sbd
from small_recipe import SMALL

from bridgeseg.data.archives import check_archive, nuclei_from_zip
from bridgeseg.data.findings import Findings
from bridgeseg.data.label_images import read_label_image
from bridgeseg.data.label_png import read_label_png, write_label_png
from bridgeseg.data.nuclei import NucleiFolder
from bridgeseg.data.pictures import read_picture
from bridgeseg.data.sbd import SbdFolder
from bridgeseg.data.scenes import Scenes, draw_scene
from bridgeseg.data.voc import VocFolder
from bridgeseg.data.voc_export import export
from bridgeseg.machine.notes import Note
from bridgeseg.networks.pretrained import read_state
from bridgeseg.structures.labels import BadInput, Sample, verify
from bridgeseg.structures.run_lengths import from_run_lengths, to_run_lengths
from bridgeseg.system.build import build_networks
from bridgeseg.system.checkpoint import Run, load_run, save_run
from bridgeseg.system.conversion import open_labels
from bridgeseg.system.result_folder import (
    INSTANCES,
    MAPS,
    PAGE,
    RECORDS,
    TABLE,
    Record,
    entries_in,
    gather,
    write_record,
)
from bridgeseg.system.result_table import Row
from bridgeseg.system.scoreboard import Score, read_board, write_board
from bridgeseg.training.store import load
from bridgeseg.training.train_run import Settings, earlier_recipe
from bridgeseg.training.trainer import Trainer

NAME = "2008_000007"  # long enough that a message which holds it names the file
Read = Callable[[Path, Note], np.ndarray]


class Reader(NamedTuple):
    """How a valid file is made in a folder, and read; `labels` and `checked` as above."""

    make: Callable[[Path], Path]
    read: Read
    labels: bool = True
    checked: bool = True


def scene() -> Sample:
    return draw_scene(0, 0, (40, 56))


def objects() -> list[np.ndarray]:
    """The masks of a scene's objects."""
    instances = scene().instances
    return [instances == number for number in range(1, instances.max() + 1)]


def shown(value: object) -> np.ndarray:
    """Anything as numbers that can be compared."""
    return np.frombuffer(repr(value).encode("utf8", "surrogatepass"), np.uint8)


def stacked(sample: Sample, count: int) -> np.ndarray:
    sample = verify(sample, sample.name, count)
    return np.stack([sample.categories, sample.instances])


# Pictures


def picture(ending: str, **how: Any) -> Reader:
    def make(folder: Path) -> Path:
        path = folder / f"picture.{ending}"
        Image.fromarray(scene().picture).save(path, **how)
        return path

    return Reader(make, lambda path, note: read_picture(path, note=note), labels=False)


def micrograph(ending: str, **how: Any) -> Reader:
    """Grey of 12 bits in a file of 16."""

    def make(folder: Path) -> Path:
        path = folder / f"picture.{ending}"
        grey = scene().picture.astype(np.uint16).sum(2) * 5 + 90
        if ending == "tif":
            tifffile.imwrite(path, grey.astype(np.uint16), metadata=None, **how)
        else:
            Image.fromarray(grey.astype(np.uint16)).save(path)
        return path

    return Reader(make, lambda path, note: read_picture(path, note=note), labels=False)


# Labels: a file alone, and one of a folder


def label_png(highest: int) -> Reader:
    def make(folder: Path) -> Path:
        labels = np.random.default_rng(0).integers(0, highest + 1, (24, 30)) // 3 * 3
        return write_label_png(folder / "labels.png", labels, labels == 6)

    def read(path: Path, note: Note) -> np.ndarray:
        labels, void = read_label_png(path)
        return np.where(void, -1, labels)

    return Reader(make, read)


def label_tiff(kind: str, **how: Any) -> Reader:
    def make(folder: Path) -> Path:
        path = folder / "labels.tif"
        tifffile.imwrite(path, scene().instances.astype(kind) * 70, metadata=None, **how)
        return path

    return Reader(make, lambda path, note: read_label_image(path), checked=False)


def mat(kind: str, packed: bool) -> Reader:
    title = {"cls": "GTcls", "inst": "GTinst"}[kind]

    def make(folder: Path) -> Path:
        small_sbd.write(folder, NAME, *small_sbd.maps(0))
        for name in ("train.txt", "val.txt"):
            (folder / name).write_text(f"{NAME}\n" if name == "train.txt" else "b\n")
        path = folder / kind / f"{NAME}.mat"
        if packed:
            scipy_io.savemat(path, {title: scipy_io.loadmat(path)[title]}, do_compression=True)
        return path

    def read(path: Path, note: Note) -> np.ndarray:
        return stacked(SbdFolder(path.parent.parent, "train", note=note)[0], 20)

    return Reader(make, read, checked=packed)


def converted(kind: str, make: Callable[[Path], Path], root: int = 0, checked: bool = True) -> Reader:
    """A file of a folder that `convert` reads, so many folders below it."""

    def read(path: Path, note: Note) -> np.ndarray:
        findings = Findings()
        try:
            dataset = open_labels(kind, path.parents[root], findings)
            try:
                return stacked(dataset[0], len(dataset.categories) - 1)
            except BadInput as error:  # `convert` says what is given to it, and the picture
                raise BadInput(f"{path.name}, {dataset.names[0]}: {error}") from None
        finally:
            for line in findings.lines():
                note(line)

    return Reader(make, read, checked=checked)


def coco(segmentation: Callable[[np.ndarray], Any]) -> Reader:
    def make(folder: Path) -> Path:
        Image.fromarray(scene().picture).save(folder / "a.png")
        annotations = [
            {"id": number, "image_id": 7, "category_id": 3 + number % 2, "iscrowd": int(number == 2)}
            | {"bbox": [0, 0, 9, 9], "segmentation": segmentation(mask)}
            for number, mask in enumerate(objects())
        ]
        image = {"id": 7, "file_name": "a.png", "height": 40, "width": 56}
        categories = [{"id": 3, "name": "cat"}, {"id": 4, "name": "dog"}]
        path = folder / "coco.json"
        path.write_text(json.dumps({"images": [image], "annotations": annotations, "categories": categories}))
        return path

    return converted("coco", make, checked=False)


def outline(mask: np.ndarray) -> list[list[float]]:
    """A polygon about a mask: the ends of its rows."""
    rows = np.flatnonzero(mask.any(1))
    ends = [(np.flatnonzero(mask[row])[[0, -1]] + (0, 1)).tolist() for row in rows]
    left = [(x0, row + 0.5) for row, (x0, _) in zip(rows.tolist(), ends, strict=True)]
    right = [(x1, row + 0.5) for row, (_, x1) in zip(rows.tolist(), ends, strict=True)]
    return [[float(number) for point in [*left, *right[::-1]] for number in point]]


def packed_runs(mask: np.ndarray) -> dict[str, Any]:
    runs = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": [*mask.shape], "counts": runs["counts"].decode()}


def labelme(embedded: bool) -> Reader:
    def make(folder: Path) -> Path:
        file = io.BytesIO()
        Image.fromarray(scene().picture).save(file, "PNG")
        (folder / f"{NAME}.png").write_bytes(file.getvalue())
        shapes = [
            {"label": f"kind {number % 2}", "shape_type": "polygon", "group_id": None, "flags": {}}
            | {"points": np.reshape(outline(mask)[0], (-1, 2)).tolist()}
            for number, mask in enumerate(objects())
        ]
        data = base64.b64encode(file.getvalue()).decode() if embedded else None
        said = {"imagePath": f"{NAME}.png", "imageData": data, "imageHeight": 40, "imageWidth": 56}
        path = folder / f"{NAME}.json"
        path.write_text(json.dumps({"version": "5.5.0", "flags": {}, "shapes": shapes, **said}))
        return path

    return converted("labelme", make, checked=False)


def cellpose(folder: Path) -> Path:
    Image.fromarray(scene().picture).save(folder / f"{NAME}.png")
    path = folder / f"{NAME}_cp_masks.png"
    Image.fromarray((scene().instances * 70).astype(np.uint16)).save(path)
    return path


def mask_files(folder: Path) -> Path:
    (folder / "images").mkdir()
    (folder / "masks" / "a").mkdir(parents=True)
    Image.fromarray(scene().picture).save(folder / "images" / "a.png")
    for number, mask in enumerate(objects()):
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / "masks" / "a" / f"{NAME}_{number}.png")
    return folder / "masks" / "a" / f"{NAME}_0.png"


def read_nuclei(root: Path, note: Note) -> np.ndarray:
    dataset = NucleiFolder(root, "all", note=note)
    return np.stack([stacked(dataset[index], 1) for index in range(len(dataset))])


def nucleus() -> Reader:
    def make(folder: Path) -> Path:
        for part in ("images", "masks"):
            (folder / "a" / part).mkdir(parents=True)
        Image.fromarray(scene().picture).save(folder / "a" / "images" / "a.png")
        for number, mask in enumerate(objects()):
            Image.fromarray(mask.astype(np.uint8) * 255).save(folder / "a" / "masks" / f"{NAME}_{number}.png")
        return folder / "a" / "masks" / f"{NAME}_0.png"

    return Reader(make, lambda path, note: read_nuclei(path.parents[2], note))


def nuclei_zip() -> Reader:
    def make(folder: Path) -> Path:
        return small_archives.pack(folder / "nuclei.zip", small_archives.nuclei(2))

    def read(path: Path, note: Note) -> np.ndarray:
        with tempfile.TemporaryDirectory() as out:
            check_archive(path)
            return read_nuclei(nuclei_from_zip(path, Path(out, "nuclei"), count=None), note)

    return Reader(make, read)


def voc(damaged: str) -> Reader:
    """A text file of a folder in VOC's layout."""

    def make(folder: Path) -> Path:
        return export(Scenes("val", size=32, count=3), folder / "voc", "val") / damaged

    def read(path: Path, note: Note) -> np.ndarray:
        root = path
        while not (root / "JPEGImages").is_dir():
            root = root.parent
        dataset = VocFolder(root, "val", note)
        each = [stacked(dataset[index], len(dataset.categories) - 1).sum() for index in range(len(dataset))]
        return shown((dataset.names, dataset.categories, each))

    return Reader(make, read, checked=False)


def run_lengths() -> Reader:
    def make(folder: Path) -> Path:
        path = folder / "mask.json"
        path.write_text(json.dumps(to_run_lengths(scene().instances > 0)))
        return path

    def read(path: Path, note: Note) -> np.ndarray:
        try:
            return from_run_lengths(json.loads(path.read_text("utf8")))
        except ValueError as error:  # as each who opens such a file has to
            raise BadInput(f"{path}: {error}") from error

    return Reader(make, read, checked=False)


# What the package itself has written, and reads again


def numbers_of(state: Mapping[str, torch.Tensor]) -> np.ndarray:
    return np.concatenate([value.double().numpy().ravel() for value in state.values()])


def small_run() -> Run:
    torch.manual_seed(0)
    return Run(build_networks(SMALL, 2).eval(), SMALL, ("background", "a", "b"), 0.5, ("x", "y"), "scenes")


def weights() -> Reader:
    def read(path: Path, note: Note) -> np.ndarray:
        run = load_run(path.parent)
        known = (run.recipe, run.categories, run.threshold, run.trained_on, run.data)
        return np.concatenate([numbers_of(run.networks.state_dict()), shown(known)])

    return Reader(lambda folder: save_run(small_run(), folder) / "weights.pt", read)


def pretrained(older: bool) -> Reader:
    def make(folder: Path) -> Path:
        path = folder / "resnet18.pth"
        state = {f"layer{number}.weight": torch.arange(6.0) + number for number in range(4)}
        torch.save(state, path, _use_new_zipfile_serialization=not older)
        return path

    def read(path: Path, note: Note) -> np.ndarray:
        state = read_state(path)
        return np.concatenate([shown(list(state)), numbers_of(state)])

    return Reader(make, read, checked=not older)


def trainer(path: Path) -> Trainer:
    return Trainer(SMALL, load(Scenes(count=2), range(2)), 5, state=path)


def state() -> Reader:
    def make(folder: Path) -> Path:
        trainer(folder / "state.pt").save()
        return folder / "state.pt"

    def read(path: Path, note: Note) -> np.ndarray:
        training = trainer(path)
        training.resume()
        known = (training.phase, training.done_steps, training.log)
        return np.concatenate([numbers_of(training.networks.state_dict()), shown(known)])

    return Reader(make, read)


def instances() -> Reader:
    def make(folder: Path) -> Path:
        entries = [
            {"image_id": "a", "category_id": 1, "score": 0.5, "segmentation": to_run_lengths(mask)}
            for mask in objects()
        ]
        (folder / INSTANCES).write_text(json.dumps(entries))
        return folder / INSTANCES

    return Reader(make, lambda path, note: shown(list(entries_in(path))), checked=False)


def record() -> Reader:
    def make(folder: Path) -> Path:
        entry = {
            "image_id": NAME,
            "category_id": 1,
            "score": 0.5,
            "segmentation": to_run_lengths(objects()[0]),
        }
        known = Record(NAME, f"../{NAME}.png", "0" * 64, True, (40, 56), (40, 56), {"cat": 1})
        (folder / RECORDS).mkdir()
        write_record(folder, known, [Row(1, "cat", 0.5, 30, 1, 2, 3, 4, 2.0, 3.0)], [entry])
        return folder / RECORDS / f"{NAME}.gz"

    def read(path: Path, note: Note) -> np.ndarray:
        with tempfile.TemporaryDirectory() as place:
            out = Path(place)
            for folder, name in ((RECORDS, path.name), (MAPS[1], f"{NAME}.png")):
                (out / folder).mkdir()
                (out / folder / name).write_bytes(path.read_bytes())
            gather(out, True, note)
            return shown([(out / name).read_text("utf8") for name in (INSTANCES, TABLE, PAGE)])

    return Reader(make, read)


def board() -> Reader:
    line = Score(1, "2026-11-28", "mine", "ab12", 96)
    done = dataclasses.replace(line, use=2, threshold=0.5, ap_r=(0.5, 0.25, 0.3))
    return Reader(
        lambda folder: write_board(folder, [line, done]),
        lambda path, note: shown(read_board(path.parent)),
        checked=False,
    )


def of_a_run(name: str, read: Read) -> Reader:
    def make(folder: Path) -> Path:
        save_run(small_run(), folder)
        (folder / "settings.json").write_text(Settings("scenes", 0, "0123456789abcdef").to_json())
        return folder / name

    return Reader(make, read, checked=False)


READERS = {
    "JPEG": picture("jpg"),
    "PNG": picture("png"),
    "BMP": picture("bmp"),
    "TIFF": picture("tif", compression="tiff_lzw"),
    "WebP": picture("webp"),
    "GIF": picture("gif"),
    "PPM": picture("ppm"),
    "micrograph, TIFF of 16 bits": micrograph("tif"),
    "micrograph, TIFF of 16 bits, compressed": micrograph("tif", compression="zlib"),
    "micrograph, PNG of 16 bits": micrograph("png"),
    "label PNG of 8 bits": label_png(200),
    "label PNG of 16 bits": label_png(900),
    "label TIFF of 16 bits": label_tiff("uint16"),
    "label TIFF of 16 bits, compressed": label_tiff("uint16", compression="zlib"),
    "label TIFF of 32 bits": label_tiff("uint32"),
    "Cellpose's label PNG": converted("labels", cellpose),
    "one mask a file, PNG": converted("masks", mask_files, root=2),
    "one nucleus a file, PNG": nucleus(),
    "nuclei, zip": nuclei_zip(),
    "SBD's categories, .mat": mat("cls", packed=False),
    "SBD's instances, .mat": mat("inst", packed=False),
    "SBD's categories, .mat, compressed": mat("cls", packed=True),
    "SBD's instances, .mat, compressed": mat("inst", packed=True),
    "VOC's list of pictures": voc("ImageSets/Segmentation/val.txt"),
    "VOC's classes.txt": voc("classes.txt"),
    "COCO, polygons": coco(outline),
    "COCO, run lengths": coco(to_run_lengths),
    "COCO, compressed run lengths": coco(packed_runs),
    "labelme, the picture beside": labelme(embedded=False),
    "labelme, the picture inside": labelme(embedded=True),
    "run lengths, JSON": run_lengths(),
    "a run's weights": weights(),
    "a run's state": state(),
    "a run's recipe": of_a_run("recipe.json", lambda path, note: shown(earlier_recipe(path.parent))),
    "a run's settings": of_a_run("settings.json", lambda path, note: shown(Settings.read(path))),
    "pretrained weights": pretrained(older=False),
    "pretrained weights of before 2020": pretrained(older=True),
    "segment's instances.json": instances(),
    "segment's record": record(),
    "scoreboard": board(),
}
