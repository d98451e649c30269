"""Where there is a GPU a chapter uses it: tried without one, on a stand-in. No chapter was run on a GPU by these tests.

Every network that a chapter loads is loaded onto the set-up's device. And a chapter runs whole where that device is a
stand-in (`stand_in_gpu.py`), which refuses to mix what lies there with what lies here, and counts convolutions: all of
them run there. The chapter is another from day to day; the real pictures are in it where lessons are trained already.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from chapter_runs import environment, executed, in_rotation, printed, unseen_figures
from notebooks import CHAPTERS, ROOT, Chapter, each_chapter, none_of
from small_chapter import broken, cell_named

from bridgeseg.data.open_dataset import open_pictures
from bridgeseg.machine.environment import cache_folder
from bridgeseg.system.checkpoint import WEIGHTS
from bridgeseg.teaching.cache import folder_of
from bridgeseg.teaching.lessons import LESSONS

TELL = "convolutions: "
PLUG_IN = f"""import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import stand_in_gpu
stand_in_gpu.plug_in()
stand_in_gpu.lend_what_was_trained()"""


def left_behind(chapter: Chapter) -> Iterator[str]:
    """Yield each network that a chapter loads to another place than the set-up's device."""
    for cell in chapter.of("code"):
        for name, call in cell.calls():
            if name == "load_run":
                places = [*call.args[1:], *(each.value for each in call.keywords if each.arg == "device")]
                if not any(isinstance(place, ast.Name) and place.id == "device" for place in places):
                    yield f"cell {cell.name}: {ast.unparse(call)}, expected the set-up's `device` in it"


def with_networks() -> list[Path]:
    """Return the chapters that load a network."""
    loaders = {"load_run", "lesson"}
    return [
        path
        for path in CHAPTERS
        if any(name in loaders for cell in Chapter(path).of("code") for name, _ in cell.calls())
    ]


def lessons_are_trained() -> bool:
    """Say whether the pictures of all lessons are at hand, and their runs in the cache."""
    for lesson in LESSONS.values():
        pictures = open_pictures(lesson.pictures, "train")
        if pictures is None:
            return False
        if not (folder_of(lesson.budgeted("fast"), pictures, lesson.seed) / WEIGHTS).exists():
            return False
    return True


@each_chapter
def test_every_network_is_loaded_onto_the_device(path: Path) -> None:
    none_of(left_behind(Chapter(path)))


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("load_run('scenes', device)", 0),
        ("load_run('scenes', device=device)", 0),
        ("load_run('scenes')", 1),
        ("load_run('scenes', 'cpu')", 1),
        ("a, b = load_run('scenes'), load_run('nuclei')", 2),
    ],
)
def test_a_network_left_behind_is_seen(code: str, said: int, tmp_path: Path) -> None:
    def break_it(made: dict) -> None:
        cell_named(made, "claim-run")["source"] = [code]

    assert len(list(left_behind(broken(break_it, tmp_path)))) == said


@pytest.mark.slow
@pytest.mark.parametrize("path", [in_rotation(with_networks())], ids=lambda path: path.stem)
def test_a_chapter_computes_on_the_device(path: Path, tmp_path: Path, record_property) -> None:
    real = lessons_are_trained()
    said = f"{path.stem} on a stand-in for a GPU, {'with' if real else 'without'} the real pictures"
    record_property("said", f"{said}; not run on a GPU")
    there = {"BRIDGESEG_TIER": "fast" if real else "full", "PYTHONPATH": str(ROOT)}
    if real:
        there |= {"BRIDGESEG_DATA": os.environ["BRIDGESEG_DATA"], "BRIDGESEG_CACHE": str(cache_folder())}
    read = nbformat.read(path, as_version=4)
    first, last = (
        nbformat.v4.new_code_cell(text) for text in (PLUG_IN, f"print({TELL!r}, stand_in_gpu.told())")
    )
    read.cells = [first, *read.cells, last]
    copy = tmp_path / "alone" / path.name
    copy.parent.mkdir()
    nbformat.write(read, copy)
    done = executed(copy, environment(tmp_path / "home", **there))
    there_, here = json.loads(printed(done).rpartition(TELL)[2])
    assert here == 0, "networks that compute on the processor"
    assert there_ > 0
    none_of(unseen_figures(done))


# The stand-in itself

CASES = {
    "there + 1": "",
    "there + there": "",
    "there + torch.tensor(1.0)": "",
    "there + here": "at least two devices, cuda:0 and cpu",
    "here[there > 0.5]": "indices should be either on cpu",
    "there[here > 0.5]": "",
    "torch.cat([there, here])": "at least two devices",
    "there.numpy()": "can't convert cuda:0 device type tensor to numpy",
    "np.asarray(there)": "can't convert cuda:0 device type tensor to numpy",
    "torch.from_numpy(there)": "expected np.ndarray",
    "there.cpu().numpy()": "",
    "there.tolist()[0][0] + there.sum().item()": "",
    "f'{there.sum():.1f} {there}'": "",
    "torchvision.ops.nms(there, there[:, 0], 0.5)": "",
    "expect(there.clone().fill_(2).sum().item() == 24)": "",
    "expect(torch.arange(3, device=place).device == place)": "",
    "expect(here.to(place).device == place and there.cpu().device.type == 'cpu')": "",
    "expect(written(there).tolist() == [5.0, 5.0, 5.0, 5.0])": "",
    "expect(ran(load_run('scenes', place)) == (True, False))": "",
    "expect(ran(load_run('scenes')) == (False, True))": "",
}
PROGRAM = f"""{PLUG_IN}
import json
import numpy as np, torch, torchvision
from bridgeseg.machine.environment import device
from bridgeseg.system.checkpoint import load_run
from bridgeseg.system.prediction import predict_maps

place = device()
here = torch.rand(3, 4)
there = here.to(place)

def expect(holds):
    assert holds

def written(x):
    x = x.clone()
    x[1] = 5
    x[1] += 0
    return x[1]

def ran(run):
    stand_in_gpu.ran.clear()
    predict_maps(run.networks, np.zeros((32, 32, 3), np.uint8), run.recipe)
    return tuple(count > 0 for count in stand_in_gpu.told())

said = {{}}
for case in {list(CASES)!r}:
    try:
        eval(case)
        said[case] = ""
    except Exception as error:
        said[case] = f"{{type(error).__name__}}: {{error}}"
print(json.dumps(said))"""


@pytest.fixture(scope="module")
def came() -> dict[str, str]:
    """What each case raised, in a process of its own."""
    there = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=there)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("case", CASES)
def test_the_stand_in_refuses_what_a_gpu_refuses(case: str, came: dict[str, str]) -> None:
    assert CASES[case] in came[case]
    assert bool(CASES[case]) == bool(came[case]), came[case]
