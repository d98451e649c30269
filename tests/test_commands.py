import csv
import dataclasses
import errno
import io
import json
import math
import os
import re
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
import tifffile
import torch
from changed import changed
from PIL import Image
from small_recipe import APART, SMALL

from bridgeseg.commands import main, table
from bridgeseg.data.label_png import read_label_png
from bridgeseg.data.scenes import CATEGORIES, Scenes
from bridgeseg.data.voc import VocFolder
from bridgeseg.machine import files
from bridgeseg.networks.fcn import FCN
from bridgeseg.structures.cells import resized
from bridgeseg.structures.instances import Instances
from bridgeseg.structures.labels import BadInput
from bridgeseg.structures.masks import Masks
from bridgeseg.structures.run_lengths import from_run_lengths, to_run_lengths
from bridgeseg.system import presets
from bridgeseg.system import segment_files as segmenting
from bridgeseg.system.build import build_networks
from bridgeseg.system.checkpoint import Run, load_run, save_run
from bridgeseg.system.oracles import true_boxes, true_scores
from bridgeseg.system.prediction import Maps, group, without_overlap
from bridgeseg.system.segment_files import describe, run_lengths, segment_files
from bridgeseg.training import train_run as training_runs


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setitem(presets.RECIPES, "small", SMALL)
    monkeypatch.setitem(presets.RECIPES, "scenes-fast", SMALL)
    monkeypatch.setenv("BRIDGESEG_TIER", "fast")
    # What takes long says so after half a minute, which would be a line too many on a busy machine.
    monkeypatch.setattr("bridgeseg.machine.progress.PAUSE", math.inf)


def untrained(long_side=2048):
    torch.manual_seed(1)
    recipe = changed(SMALL, {"pictures.long_side": long_side})
    networks = build_networks(recipe, len(CATEGORIES) - 1).eval()
    last = [part for part in networks.modules() if isinstance(part, torch.nn.Conv2d)][-1]
    torch.nn.init.normal_(last.weight, std=3.0)  # sure of itself, so that there are instances to write
    return Run(networks, recipe, tuple(CATEGORIES), 0.02, (), "scenes")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return str(save_run(untrained(), tmp_path_factory.mktemp("runs") / "run"))


@pytest.fixture
def lively(monkeypatch):
    """Let networks answer with a noisy truth of the scene, whatever the picture; no training is as quick."""

    def answer(networks, picture, recipe):
        sample = Scenes("val", count=1)[0]
        random = torch.Generator().manual_seed(4)
        scores, boxes = true_scores(sample, len(CATEGORIES), 2), true_boxes(sample, 2)
        scores = (4 * scores + torch.randn(scores.shape, generator=random)).softmax(0)
        boxes = boxes + torch.randn(boxes.shape, generator=random)
        return Maps(scores, boxes, 2, (96, 96))

    monkeypatch.setattr(segmenting, "predict_maps", answer)
    return answer


@pytest.fixture
def scene(tmp_path):
    path = tmp_path / "scene.png"
    Image.fromarray(Scenes("val", count=1)[0].picture).save(path)
    return path


def errors(capsys):
    return [line for line in capsys.readouterr().err.splitlines() if line.strip()]


def one_error(capsys, *parts):
    lines = errors(capsys)
    assert len(lines) == 1, lines
    assert lines[0].startswith("bridgeseg: error: ")
    for part in parts:
        assert str(part) in lines[0]


def refused(arguments):
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    return caught.value.code


# train


def test_train_segment_evaluate_and_export_go_together(tmp_path, capsys):
    out = tmp_path / "run"
    assert main(["train", "--data", "scenes", "--out", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == [
        *("categories.txt", "curves.png", "log.jsonl", "recipe.json", "settings.json", "weights.pt")
    ]
    loaded = load_run(out)
    assert loaded.recipe == SMALL
    assert loaded.data == "scenes"
    assert loaded.trained_on == tuple(Scenes("train", count=20).names)
    captured = capsys.readouterr()
    assert "both: step 1" in captured.err
    assert "score threshold" in captured.out

    exported = tmp_path / "voc"
    assert main(["export", "--data", "scenes", "--out", str(exported), "--count", "4", "--size", "64"]) == 0
    assert len(VocFolder(exported, "val")) == 4
    data = f"voc:{exported}"
    assert main(["evaluate", str(out), "--data", data, "--json", str(tmp_path / "f.json")]) == 0
    figures = json.loads((tmp_path / "f.json").read_text())
    assert figures["images"] == 4
    assert figures["rule"] == "sds"
    assert f"{figures['mean_iou']:.3f}" in capsys.readouterr().out

    answer = tmp_path / "answer"
    assert main(["segment", str(out), str(exported / "JPEGImages"), "--out", str(answer)]) == 0
    assert len(list((answer / "SegmentationClass").iterdir())) == 4


def test_scenes_and_their_export_have_the_same_figures(run, tmp_path, monkeypatch):
    # A JPEG changes the picture a little: hand the reader of the export the picture as it was drawn.
    exported = tmp_path / "voc"
    assert main(["export", "--data", "scenes", "--out", str(exported), "--count", "5"]) == 0
    scenes = {sample.name: sample.picture for sample in (Scenes("val")[i] for i in range(5))}
    monkeypatch.setattr("bridgeseg.data.voc.read_picture", lambda path, note: scenes[path.stem])
    figures = []
    for number, data in enumerate(("scenes", f"voc:{exported}")):
        file = tmp_path / f"{number}.json"
        assert main(["evaluate", run, "--data", data, "--count", "5", "--json", str(file)]) == 0
        figures.append(json.loads(file.read_text()))
        figures[-1].pop("seconds_per_image")
    assert figures[0] == figures[1]
    assert figures[0]["images"] == 5


def test_a_folder_that_is_in_use_is_left_alone(tmp_path, capsys):
    (tmp_path / "letter.txt").write_text("dear")
    for more, part in (([], "not empty"), (["--resume"], "no run to resume")):
        assert main(["train", "--data", "scenes", "--out", str(tmp_path), *more]) == 1
        one_error(capsys, tmp_path, part)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]
    assert main(["train", "--data", "scenes", "--out", str(tmp_path / "letter.txt")]) == 1
    one_error(capsys, "letter.txt", "is a file")


def test_a_finished_run_is_not_trained_again(tmp_path, capsys):
    arguments = ["train", "--data", "scenes", "--out", str(tmp_path / "run")]
    assert main(arguments) == 0
    before = (tmp_path / "run" / "weights.pt").read_bytes()
    capsys.readouterr()
    assert main(arguments) == 1
    one_error(capsys, "--resume")
    assert main([*arguments, "--resume"]) == 0
    assert "finished already" in capsys.readouterr().out
    assert (tmp_path / "run" / "weights.pt").read_bytes() == before


@pytest.fixture
def clock(monkeypatch):
    """A clock that work alone moves: by 0.05 s with a picture that is drawn or predicted, by 0.1 s with a step."""
    now = [1000.0]
    read, forward = Scenes.__getitem__, FCN.forward

    def reading(self, index):
        now[0] += 0.05
        return read(self, index)

    def computing(self, pictures, *rest):
        now[0] += 0.1 if self.training else 0.05
        return forward(self, pictures, *rest)

    monkeypatch.setattr(Scenes, "__getitem__", reading)
    monkeypatch.setattr(FCN, "forward", computing)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return lambda: now[0] - 1000.0


@pytest.mark.parametrize("recipe", [SMALL, APART], ids=["shared", "apart"])
def test_minutes_cover_reading_and_both_networks(recipe, tmp_path, monkeypatch, clock):
    monkeypatch.setitem(presets.RECIPES, "scenes-fast", recipe)
    out = tmp_path / "run"
    assert main(["train", "--data", "scenes", "--out", str(out), "--minutes", "0.06"]) == 0
    assert 3.4 < clock() < 3.75  # 3.6 s, of which 1 s for the 20 pictures; the last step may go beyond
    log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert log[0]["done"] < 0.01  # the warm-up begins at its beginning, whatever reading took
    assert log[0]["rate"] < 0.1 * recipe.semantic.optimiser.rate
    assert load_run(out).recipe.minutes == 0.06


def test_as_many_steps_are_taken_as_are_asked_for(tmp_path):
    out = tmp_path / "run"
    assert main(["train", "--data", "scenes", "--out", str(out), "--steps", "20"]) == 0
    run = load_run(out)
    assert run.recipe.steps == 20
    log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in log] == [1, 20]


def test_too_few_minutes_to_read_the_pictures_are_refused(tmp_path, capsys, clock):
    assert main(["train", "--data", "scenes", "--out", str(tmp_path / "r"), "--minutes", "0.01"]) == 1
    one_error(capsys, "minutes: 0.01", "took 1 s; expected more")


def test_a_run_is_not_resumed_with_other_pictures_recipe_or_seed(tmp_path, capsys, monkeypatch):
    out = tmp_path / "run"

    def stop(run, samples):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(training_runs, "choose_threshold", stop)
        assert main(["train", "--data", "scenes", "--out", str(out), "--seed", "5"]) == 130
    assert "--resume" in errors(capsys)[-1]
    again = ["train", "--data", "scenes", "--out", str(out), "--resume"]
    monkeypatch.setitem(presets.RECIPES, "other", changed(SMALL, {"name": "other", "pictures.scenes": 21}))
    for more, part in (
        (["--seed", "6"], "another seed"),
        (["--recipe", "other"], "another list of pictures"),
        (["--minutes", "1"], "another recipe"),
    ):
        assert main([*again, *more]) == 1
        one_error(capsys, part)
    assert main(again) == 0  # seed and recipe are those of the run
    assert json.loads((out / "settings.json").read_text())["seed"] == 5
    assert not (out / "state.pt").exists()


@pytest.mark.parametrize(
    "arguments, part",
    [
        (["--data", "scenes", "--recipe", "cake"], "recipe 'cake', expected one of"),
        (["--data", "cities"], "expected scenes, voc:DIR, sbd:DIR or nuclei:DIR"),
        (["--data", "voc:/nowhere/at/all"], "/nowhere/at/all"),
        (["--data", "scenes", "--device", "abacus"], "device: 'abacus'"),
    ],
)
def test_what_cannot_be_trained_is_one_line(arguments, part, tmp_path, capsys):
    assert main(["train", "--out", str(tmp_path / "run"), *arguments]) == 1
    one_error(capsys, part)
    assert not (tmp_path / "run").exists()


def test_missing_pretrained_weights_are_one_line(tmp_path, capsys, monkeypatch):
    import torchvision

    def offline(*arguments, **options):
        raise OSError("no network")

    monkeypatch.setattr(
        torchvision.models.MobileNet_V2_Weights.IMAGENET1K_V1.__class__, "get_state_dict", offline
    )
    monkeypatch.delenv("BRIDGESEG_WEIGHTS", raising=False)
    recipe = changed(SMALL, {"semantic.network.trunk": "mobilenet_v2", "semantic.network.pretrained": True})
    monkeypatch.setitem(presets.RECIPES, "light", recipe)
    assert main(["train", "--data", "scenes", "--out", str(tmp_path / "run"), "--recipe", "light"]) == 1
    one_error(capsys, "mobilenet_v2", "no network")


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "--data", "scenes"],
        ["train", "--data", "scenes", "--out", "x", "--minutes", "0"],
        ["train", "--data", "scenes", "--out", "x", "--minutes", "nan"],
        ["train", "--data", "scenes", "--out", "x", "--minutes", "soon"],
        ["train", "--data", "scenes", "--out", "x", "--steps", "0"],
        ["train", "--data", "scenes", "--out", "x", "--steps", "5", "--minutes", "1"],
        ["train", "--data", "scenes", "--out", "x", "--seed", "-1"],
        ["segment", "x", "--out", "y"],
        ["evaluate", "x", "--data", "scenes", "--rule", "golden"],
        ["export", "--data", "scenes", "--out", "x", "--count", "0"],
        ["segment", "x", "", "--out", "y"],  # "$PICTURES" that was never set: not the folder where one stands
        ["segment", "x", "a.png", "--out", ""],
        ["evaluate", "x", "--data", "scenes", "--json", ""],
        ["dance"],
    ],
)
def test_wrong_arguments_are_one_line_and_2(arguments, capsys):
    assert refused(arguments) == 2
    one_error(capsys)


def test_without_arguments_it_says_what_there_is(capsys):
    assert main([]) == 0
    printed = capsys.readouterr().out
    for verb in ("train", "segment", "evaluate", "export"):
        assert verb in printed


# segment


def test_segment_writes_what_the_networks_say(lively, scene, tmp_path):
    instances = group(lively(None, None, None), SMALL.grouping)
    assert len(instances) > 3
    threshold = float(instances.scores.median()) + 1e-6  # so that some do not reach it
    run = str(save_run(dataclasses.replace(untrained(), threshold=threshold), tmp_path / "run"))
    out = tmp_path / "out"
    assert main(["segment", run, str(scene), "--out", str(out)]) == 0
    labels, void = read_label_png(out / "SegmentationObject" / "scene.png")
    assert not void.any()
    assert np.array_equal(labels, without_overlap(instances, threshold).numpy())
    assert 0 < len(np.unique(labels)) - 1 <= len(instances) / 2
    categories, _ = read_label_png(out / "SegmentationClass" / "scene.png")
    assert categories.shape == (96, 96)
    assert categories.max() <= 5
    with Image.open(out / "SegmentationClass" / "scene.png") as image:
        assert image.mode == "P"
        assert image.getpalette()[3:6] == [128, 0, 0]

    entries = json.loads((out / "instances.json").read_text())
    assert len(entries) == len(instances)
    for entry, mask, category, score in zip(
        entries,
        instances.masks[:].numpy(),
        instances.categories.tolist(),
        instances.scores.tolist(),
        strict=True,
    ):
        assert list(entry) == [*("image_id", "category_id", "category", "score", "bbox", "segmentation")]
        assert entry["image_id"] == "scene"
        assert entry["category_id"] == category
        assert entry["category"] == CATEGORIES[category]
        assert entry["score"] == score
        assert np.array_equal(from_run_lengths(entry["segmentation"]), mask)
        rows, columns = mask.nonzero()
        x, y, width, height = entry["bbox"]
        assert (x, y) == (columns.min(), rows.min())
        assert (x + width, y + height) == (columns.max() + 1, rows.max() + 1)


def test_segmenting_twice_gives_the_same_bytes(run, scene, tmp_path):
    written = []
    for number in range(2):
        out = tmp_path / str(number)
        assert main(["segment", run, str(scene), "--out", str(out)]) == 0
        written.append({str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*.*")})
    assert written[0] == written[1]
    assert sorted(written[0]) == [
        "SegmentationClass/scene.png",
        "SegmentationObject/scene.png",
        "index.html",
        "instances.json",
        "overlays/pictures/scene.jpg",
        "overlays/scene.jpg",
        "records/.lock",
        "records/scene.gz",
        "table.csv",
    ]


def test_a_folder_stands_for_its_pictures_and_a_bad_one_stops_no_other(run, lively, scene, tmp_path, capsys):
    folder = tmp_path / "pictures"
    folder.mkdir()
    shutil.copy(scene, folder / "good.png")
    (folder / "notes.md").write_text("not asked for")
    (folder / "text.jpg").write_text("not a picture")
    (folder / "short.png").write_bytes(scene.read_bytes()[:3000])
    (folder / "empty.gif").write_bytes(b"")
    out = tmp_path / "out"
    nowhere = str(tmp_path / "nowhere.png")
    assert main(["segment", run, str(folder), nowhere, str(scene), "--out", str(out)]) == 1
    lines = errors(capsys)
    assert "warning" in lines.pop(0), "notes.md is passed over, with a word"
    assert len(lines) == 4
    for line, part in zip(lines, ("empty.gif", "short.png", "text.jpg", "nowhere.png"), strict=True):
        assert line.startswith("bridgeseg: error: ")
        assert part in line
    assert sorted(path.name for path in (out / "SegmentationObject").iterdir()) == ["good.png", "scene.png"]
    assert {entry["image_id"] for entry in json.loads((out / "instances.json").read_text())} == {
        "good",
        "scene",
    }


def test_two_pictures_of_one_name_do_not_share_their_files(run, scene, tmp_path, capsys):
    Image.new("RGB", (40, 30)).save(tmp_path / "scene.bmp")
    out = tmp_path / "out"
    assert main(["segment", run, str(scene), str(tmp_path / "scene.bmp"), "--out", str(out)]) == 1
    one_error(capsys, "scene.bmp", "same name", scene)
    assert read_label_png(out / "SegmentationClass" / "scene.png")[0].shape == (96, 96)


def sixteen_bits(path):
    Image.fromarray((np.arange(50 * 70).reshape(50, 70) * 18).astype(np.uint16)).save(path)


def turned(path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (70, 50), (200, 30, 60)).save(path, exif=exif)


PICTURES = {
    "one.png": (lambda path: Image.new("RGB", (1, 1), (9, 200, 3)).save(path), (1, 1)),
    "thin.png": (lambda path: Image.new("RGB", (3000, 1), (9, 200, 3)).save(path), (1, 3000)),
    "sixteen.png": (sixteen_bits, (50, 70)),
    "grey.png": (lambda path: Image.new("L", (70, 50), 90).save(path), (50, 70)),
    "bits.png": (lambda path: Image.new("1", (70, 50), 1).save(path), (50, 70)),
    "clear.png": (lambda path: Image.new("RGBA", (70, 50), (9, 9, 9, 0)).save(path), (50, 70)),
    "cmyk.jpg": (lambda path: Image.new("CMYK", (70, 50), (9, 9, 9, 0)).save(path), (50, 70)),
    "palette.gif": (lambda path: Image.new("P", (70, 50), 3).save(path), (50, 70)),
    "turned.jpg": (turned, (70, 50)),
}


def test_every_kind_of_picture_gives_maps_of_its_size_as_it_is_seen(run, tmp_path, capsys):
    for name, (write, _) in PICTURES.items():
        write(tmp_path / name)
    out = tmp_path / "out"
    assert main(["segment", run, *(str(tmp_path / name) for name in PICTURES), "--out", str(out)]) == 0
    said = "\n".join(errors(capsys))
    assert "thin.png: made smaller, from 3000 x 1 to 2048 x 1 pixels" in said
    assert "clear.png: " in said  # wholly transparent, shown by its colours
    assert said.count("\n") == 1
    for name, (_, size) in PICTURES.items():
        stem = name.partition(".")[0]
        for folder in ("SegmentationClass", "SegmentationObject"):
            assert read_label_png(out / folder / f"{stem}.png")[0].shape == size, name
    for entry in json.loads((out / "instances.json").read_text()):
        assert (
            tuple(entry["segmentation"]["size"])
            == PICTURES[next(name for name in PICTURES if name.startswith(f"{entry['image_id']}."))][1]
        )


@pytest.mark.slow
@pytest.mark.skipif(
    not os.path.exists("/proc/self/status"), reason="no /proc here, which says how much memory"
)
def test_a_photograph_of_24_million_pixels_takes_little_memory(run, tmp_path):
    small = Image.fromarray(Scenes("val", size=200, count=1)[0].picture)
    small.resize((6000, 4000)).save(tmp_path / "large.jpg", quality=80)
    out = tmp_path / "out"
    program = (
        "import sys; from bridgeseg.commands import main;"
        f"code = main(['segment', {run!r}, {str(tmp_path / 'large.jpg')!r}, '--out', {str(out)!r}]);"
        "print(open('/proc/self/status').read()); sys.exit(code)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    # Of this program alone: getrusage counts, for a child, also what its parent held when it began.
    assert int(re.findall(r"VmHWM:\s+(\d+) kB", result.stdout)[0]) < 3_500_000  # torch itself among them
    assert read_label_png(out / "SegmentationObject" / "large.png")[0].shape == (4000, 6000)


def test_a_channel_of_several_is_shown_by_itself(tmp_path, run, capsys, scene):
    planes = np.asarray(Image.open(scene))
    five = np.concatenate([planes, planes[..., :2]], 2)
    kinds = {"photometric": "minisblack", "planarconfig": "contig", "extrasamples": ["unspecified"] * 4}
    tifffile.imwrite(tmp_path / "five.tif", five, **kinds)
    Image.fromarray(planes[..., 1]).save(tmp_path / "alone.png")
    words = ["segment", run, str(tmp_path / "five.tif"), "--out"]
    assert main([*words, str(tmp_path / "all")]) == 1
    one_error(capsys, "5 channels, expected 1 (grey) or 3 (RGB)", "segment --channel 0 to 4")
    assert main([*words, str(tmp_path / "out"), "--channel", "1"]) == 0
    assert main(["segment", run, str(tmp_path / "alone.png"), "--out", str(tmp_path / "out")]) == 0
    maps = [
        read_label_png(tmp_path / "out" / "SegmentationObject" / f"{name}.png")[0]
        for name in ("five", "alone")
    ]
    assert maps[0].any()
    assert np.array_equal(*maps)


def test_a_downscaled_picture_is_answered_at_its_own_size(tmp_path, scene):
    run = untrained(long_side=48)
    lines = []
    assert segment_files(run, [scene], tmp_path / "out", pytest.fail, note=lines.append) == 1
    assert lines == [f"{scene}: made smaller, from 96 x 96 to 48 x 48 pixels: small objects may be lost"]
    labels = read_label_png(tmp_path / "out" / "SegmentationObject" / "scene.png")[0]
    assert labels.shape == (96, 96)
    assert np.array_equal(labels[::2, ::2], labels[1::2, 1::2])  # enlarged twice


def test_a_downscaled_picture_has_a_line_on_standard_error_and_is_no_error(tmp_path, capsys, scene):
    run = save_run(untrained(long_side=48), tmp_path / "run")
    assert main(["segment", str(run), str(scene), "--out", str(tmp_path / "out")]) == 0
    assert f"bridgeseg: warning: {scene}: made smaller, from 96 x 96 to 48 x 48" in capsys.readouterr().err


def test_more_than_254_instances_are_written_with_16_bits(tmp_path, monkeypatch, scene):
    rows = torch.arange(96)[:, None].expand(96, 96)
    columns = torch.arange(96)[None].expand(96, 96)
    numbers = rows // 5 * 20 + columns // 5  # 400 squares
    masks = numbers == torch.arange(400)[:, None, None]
    many = Instances.from_masks(
        masks, torch.ones(400, dtype=torch.int64), torch.ones(400), torch.zeros(400, 4)
    )
    monkeypatch.setattr(segmenting, "group", lambda maps, grouping: many)
    assert segment_files(untrained(), [scene], tmp_path / "out", pytest.fail) == 1
    labels, void = read_label_png(tmp_path / "out" / "SegmentationObject" / "scene.png")
    assert np.array_equal(labels, numbers.numpy() + 1)
    assert not void.any()
    with Image.open(tmp_path / "out" / "SegmentationObject" / "scene.png") as image:
        assert image.mode.startswith("I")


def test_run_lengths_are_those_of_the_mask_in_full():
    random = np.random.default_rng(2)
    for number in range(60):
        height, width = random.integers(1, 12, 2)
        full = torch.from_numpy(random.random((3, height, width)) < (0.0, 0.1, 0.5, 0.97, 1.0)[number % 5])
        masks = Masks.from_full(full)
        for index in range(3):
            assert run_lengths(masks, index) == to_run_lengths(full[index].numpy())


@pytest.mark.parametrize("size", [(7, 9), (14, 11), (5, 4)], ids=["same", "larger", "smaller"])
def test_a_described_box_is_tight_at_whatever_size(size):
    """Where the networks saw a larger picture, the row that made a box larger may be one that no pixel takes."""
    full = torch.from_numpy(np.random.default_rng(3).random((20, 7, 9)) < 0.1)
    many = Instances.from_masks(full, torch.ones(20, dtype=torch.int64), torch.ones(20), torch.zeros(20, 4))
    expected = [mask for mask in resized(full, size).numpy() if mask.any()]
    entries = describe(many, ("background", "x"), "n", size)
    assert len(entries) == len(expected)
    for entry, mask in zip(entries, expected, strict=True):
        rows, columns = mask.nonzero()
        assert entry["segmentation"] == to_run_lengths(mask)
        assert entry["bbox"] == [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]


def test_instances_are_described_in_plain_numbers():
    mask = torch.zeros(2, 4, 5, dtype=torch.bool)
    mask[0, 1:3, 2] = True
    instances = Instances.from_masks(mask, torch.tensor([2, 1]), torch.tensor([0.75, 0.5]), torch.zeros(2, 4))
    assert describe(instances, ("background", "x", "y"), "n", (4, 5)) == [
        {
            "image_id": "n",
            "category_id": 2,
            "category": "y",
            "score": 0.75,
            "bbox": [2, 1, 1, 2],
            "segmentation": {"size": [4, 5], "counts": [9, 2, 9]},
        }
    ]


def failing(monkeypatch, number, name):
    """Let the writing of files whose name contains a part fail as the system would."""
    real = files.write_atomically

    def write(path, fill):
        if name in str(path):
            raise OSError(number, os.strerror(number))
        return real(path, fill)

    for module in ("machine.files", "data.label_png", "system.result_folder"):
        monkeypatch.setattr(f"bridgeseg.{module}.write_atomically", write)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_full_disk_or_a_locked_folder_is_one_line(number, run, scene, tmp_path, capsys, monkeypatch):
    failing(monkeypatch, number, "SegmentationObject")
    shutil.copy(scene, tmp_path / "second.png")
    out = tmp_path / "out"
    assert main(["segment", run, str(scene), str(tmp_path / "second.png"), "--out", str(out)]) == 1
    one_error(capsys, "scene.png", out, os.strerror(number))
    assert json.loads((out / "instances.json").read_text()) == []


def test_ctrl_c_writes_what_is_finished(run, lively, scene, tmp_path, capsys, monkeypatch):
    shutil.copy(scene, tmp_path / "second.png")
    real = segmenting.segment_picture

    def interrupted(*arguments):
        if arguments[-1] == "second":
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(segmenting, "segment_picture", interrupted)
    out = tmp_path / "out"
    arguments = ["segment", run, str(scene), str(tmp_path / "second.png"), "--out", str(out)]
    assert main(arguments) == 130
    one_error(capsys, "interrupted")
    assert {entry["image_id"] for entry in json.loads((out / "instances.json").read_text())} == {"scene"}
    assert (out / "table.csv").read_text().count("\nscene,") > 0
    assert "scene.png" in (out / "index.html").read_text()


def test_the_table_and_the_overlay_are_of_the_final_instances(run, lively, scene, tmp_path):
    out = tmp_path / "out"
    assert main(["segment", run, str(scene), "--out", str(out), "--scores"]) == 0
    labels, _ = read_label_png(out / "SegmentationObject" / "scene.png")
    with (out / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == labels.max() > 3
    for row in rows:
        y, x = np.nonzero(labels == int(row["instance"]))
        assert int(row["area"]) == len(x)
        assert [int(row[side]) for side in ("x0", "y0", "x1", "y1")] == [
            *(x.min(), y.min(), x.max() + 1, y.max() + 1)
        ]
        assert row["category"] in CATEGORIES[1:]
    with Image.open(out / "overlays" / "scene.jpg") as image:
        assert image.size == (384, 384)  # so that the scores leave something to be seen
    assert main(["segment", run, str(scene), "--out", str(out)]) == 0
    with Image.open(out / "overlays" / "scene.jpg") as image:
        plain = np.asarray(image).astype(int)
    picture = Scenes("val", count=1)[0].picture.astype(int)
    apart = np.abs(plain - picture).sum(-1)
    assert apart[labels > 0].mean() > 4 * apart[labels == 0].mean()
    assert main(["segment", run, str(scene), "--out", str(tmp_path / "bare"), "--no-overlays"]) == 0
    assert not (tmp_path / "bare" / "overlays").exists()
    assert not (tmp_path / "bare" / "index.html").exists()


def test_a_dash_is_standard_output_and_the_table_goes_elsewhere(run, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["evaluate", run, "--data", "scenes", "--count", "1", "--json", "-"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["images"] == 1
    assert "mean IoU" in captured.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["weights.pt", "recipe.json", "../{run}/log.jsonl", "new/"])
def test_figures_are_not_written_over_a_part_of_the_run(name, run, capsys):
    place = os.path.join(run, name.format(run=os.path.basename(run)))
    before = sorted(os.listdir(run))
    assert main(["evaluate", run, "--data", "scenes", "--count", "1", "--json", place]) == 1
    one_error(capsys, "json: ", "expected a")
    assert sorted(os.listdir(run)) == before
    load_run(run)


def test_a_tilde_that_the_shell_has_left_is_the_home(run, scene, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "home").mkdir()
    shutil.copy(scene, tmp_path / "home" / "scene.png")
    assert main(["segment", run, "~/scene.png", "--out=~/found"]) == 0
    assert (tmp_path / "home" / "found" / "index.html").exists()
    assert not (tmp_path / "~").exists()


def test_a_link_that_leads_nowhere_is_said(tmp_path, capsys):
    (tmp_path / "out").symlink_to("nowhere")
    assert main(["export", "--data", "scenes", "--count", "1", "--out", str(tmp_path / "out")]) == 1
    one_error(capsys, f"{tmp_path / 'out'}: a link that leads nowhere")


def test_figures_are_stored_before_they_are_printed(run, tmp_path, capsys, monkeypatch):
    class Full(io.StringIO):
        def write(self, text):
            assert not text or (tmp_path / "f.json").exists()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    arguments = ["evaluate", run, "--data", "scenes", "--count", "1", "--json", str(tmp_path / "f.json")]
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", Full())
        assert main(arguments) == 1
    one_error(capsys, "standard output: No space left on device")
    assert json.loads((tmp_path / "f.json").read_text())["images"] == 1
    arguments[-1] = str(tmp_path / "f.json" / "under a file")
    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert "mean IoU" in captured.out  # measured is measured
    assert "under a file" in captured.err


@pytest.mark.parametrize("name", ["state.pt", "weights.pt", "recipe.json"])
def test_a_disk_that_fills_up_while_training_is_one_line(name, tmp_path, capsys, monkeypatch):
    class Full:
        """A file on a disk without space."""

        def __init__(self, file):
            self.file = file

        def __getattr__(self, attribute):
            return getattr(self.file, attribute)

        def write(self, content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    real = files.write_atomically

    def write(path, fill):
        return real(path, (lambda file: fill(Full(file))) if path.name == name else fill)

    monkeypatch.setattr(files, "write_atomically", write)
    assert main(["train", "--data", "scenes", "--out", str(tmp_path / "run")]) == 1
    lines = errors(capsys)
    assert lines[-1] == f"bridgeseg: error: {tmp_path / 'run' / name}: No space left on device"
    assert not any("Traceback" in line for line in lines)
    assert not (tmp_path / "run" / "weights.pt").exists()
    assert not list((tmp_path / "run").glob(".*"))


def test_instances_that_cannot_be_written_are_one_line(run, scene, tmp_path, capsys, monkeypatch):
    failing(monkeypatch, errno.ENOSPC, "instances.json")
    assert main(["segment", run, str(scene), "--out", str(tmp_path / "out")]) == 1
    one_error(capsys, "instances.json", "No space left")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_really_full_device_is_one_line(run, scene, capsys):
    assert main(["segment", run, str(scene), "--out", "/dev/full"]) == 1
    assert all(line.startswith("bridgeseg: error: ") for line in errors(capsys))


def test_a_folder_that_may_not_be_read_is_one_line(run, tmp_path, capsys, monkeypatch):
    # Root may read everything, so the system is made to say no.
    def denied(self):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    folder = tmp_path / "locked"
    folder.mkdir()
    with monkeypatch.context() as patched:
        patched.setattr("os.scandir", denied)
        assert main(["segment", run, str(folder), "--out", str(tmp_path / "out")]) == 1
    one_error(capsys, folder, "Permission denied")

    def closed(self, *arguments, **options):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    with monkeypatch.context() as patched:
        patched.setattr("pathlib.Path.open", closed)
        assert main(["segment", run, "x.png", "--out", str(tmp_path / "out")]) == 1
    one_error(capsys, run, "weights.pt", "Permission denied")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may do everything")
def test_a_folder_without_permission_is_one_line(run, scene, tmp_path, capsys):
    out = tmp_path / "locked"
    out.mkdir(mode=0o500)
    assert main(["segment", run, str(scene), "--out", str(out)]) == 1
    assert errors(capsys)


def test_an_out_that_is_a_file_is_one_line(run, scene, tmp_path, capsys):
    assert main(["segment", run, str(scene), "--out", str(scene)]) == 1
    lines = errors(capsys)
    assert 1 <= len(lines) <= 2
    assert all(str(scene) in line for line in lines)


@pytest.mark.parametrize("verb", ["segment", "evaluate"])
def test_a_run_that_is_none_is_one_line(verb, tmp_path, capsys, scene):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "weights.pt").write_text("hello")
    more = {"segment": [str(scene), "--out", str(tmp_path / "o")], "evaluate": ["--data", "scenes"]}[verb]
    for name in (tmp_path / "run", tmp_path / "nowhere", tmp_path, scene):
        assert main([verb, str(name), *more]) == 1
        one_error(capsys, name)


# evaluate, export


def test_evaluate_refuses_what_it_cannot_measure(run, tmp_path, capsys):
    for arguments, part in (
        (["--data", "cities"], "cities"),
        (["--data", "scenes", "--split", "third"], "third"),
        (["--data", f"voc:{tmp_path}"], "JPEGImages"),
        (["--data", f"nuclei:{tmp_path}"], str(tmp_path)),
        (["--data", "scenes", "--count", "1", "--json", str(tmp_path)], str(tmp_path)),
    ):
        assert main(["evaluate", run, *arguments]) == 1
        one_error(capsys, part)


def test_addresses_that_were_trained_on_are_scored_only_when_asked_for_by_name(tmp_path, capsys):
    names = Scenes("train", count=3).names
    run = str(save_run(dataclasses.replace(untrained(), trained_on=tuple(names)), tmp_path / "run"))
    assert main(["evaluate", run, "--data", "scenes", "--split", "train", "--count", "4"]) == 0
    lines = errors(capsys)
    assert len(lines) == 1
    assert "bridgeseg: warning: evaluate: 3 of the 4 pictures" in lines[0]
    voc = tmp_path / "voc"
    assert main(["export", "--data", "scenes", "--split", "train", "--count", "4", "--out", str(voc)]) == 0
    (voc / "ImageSets" / "Segmentation" / "train.txt").rename(voc / "ImageSets" / "Segmentation" / "test.txt")
    assert main(["evaluate", run, "--data", f"voc:{voc}", "--split", "test"]) == 1
    one_error(capsys, "3 of the 4 pictures")


def test_export_refuses_what_it_cannot_write(tmp_path, capsys):
    assert main(["export", "--data", "voc:/nowhere/at/all", "--out", str(tmp_path / "o")]) == 1
    one_error(capsys, "/nowhere")
    assert main(["export", "--data", "scenes", "--out", str(tmp_path / "o"), "--split", "third"]) == 1
    one_error(capsys, "third")
    (tmp_path / "file").write_text("")
    assert main(["export", "--data", "scenes", "--out", str(tmp_path / "file"), "--count", "1"]) == 1
    one_error(capsys, "file")


def test_the_table_shows_what_is_not_defined_as_a_dash():
    figures = {
        "mean_iou": 0.5,
        "iou": {"background": 0.5, "x": None},
        "ap_r": {"0.5": None},
        "ap_r_by_category": {"x": {"0.5": None}},
        "ap_r_vol": None,
        "rule": "sds",
        "images": 1,
        "instances": 0,
        "seconds_per_image": 0.25,
    }
    lines = table(figures).splitlines()
    assert next(line for line in lines if line.startswith("IoU x")).count("–") == 2
    assert "0.250" in lines[-1]


def test_a_defect_of_ours_is_not_hidden(run, monkeypatch, scene, tmp_path):
    def broken(*arguments):
        raise RuntimeError("a defect")

    monkeypatch.setattr(segmenting, "predict_maps", broken)
    with pytest.raises(RuntimeError, match="a defect"):
        main(["segment", run, str(scene), "--out", str(tmp_path / "out")])


def test_memory_that_does_not_suffice_is_one_line_a_picture(run, monkeypatch, scene, tmp_path, capsys):
    def exhausted(*arguments):
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to")

    monkeypatch.setattr(segmenting, "predict_maps", exhausted)
    assert main(["segment", run, str(scene), "--out", str(tmp_path / "out")]) == 1
    one_error(capsys, "scene.png", "memory")


def test_every_error_of_the_door_is_a_value_error():
    assert issubclass(BadInput, ValueError)


# What is passed over


def test_segment_says_what_it_does_not_read_and_does_the_rest(run, tmp_path, capsys):
    folder = tmp_path / "in"
    folder.mkdir()
    pages = [Image.fromarray(np.full((40, 40, 3), 9 * page, np.uint8)) for page in range(3)]
    pages[0].save(folder / "a.tif", save_all=True, append_images=pages[1:])
    for name in ("b.heic", "._a.tif"):
        (folder / name).touch()
    assert main(["segment", run, str(folder), "--out", str(tmp_path / "out")]) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert lines == [
        f"bridgeseg: warning: {folder}: not read: 1 file of another ending (b.heic)",
        f"bridgeseg: warning: {folder / 'a.tif'}: 3 pages, the first was read; 2 left out",
    ]


def test_a_split_without_an_instance_is_an_error(tmp_path, capsys):
    folder = tmp_path / "id0"
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(folder / "images" / "id0.png")
    given = ["evaluate", "nuclei", "--data", f"nuclei:{tmp_path}", "--split", "all"]
    assert main(given) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "no mask in any of the 1 pictures" in captured.err
    assert "not one instance in the 1 pictures of split 'all'" in captured.err
