"""A training is done once: found again by all that it depends on, shared by processes, gone on with when cut off."""

from __future__ import annotations

import dataclasses
import multiprocessing
import time
from pathlib import Path

import pytest
import torch
from changed import changed
from small_recipe import SMALL

from bridgeseg.data.scenes import Scenes
from bridgeseg.data.voc import VocFolder
from bridgeseg.machine.environment import TIERS
from bridgeseg.system.checkpoint import WEIGHTS
from bridgeseg.system.presets import RECIPES
from bridgeseg.teaching import cache
from bridgeseg.teaching.lessons import LESSONS, Lesson
from bridgeseg.training.trainer import Trainer

TINY = changed(SMALL, {"name": "tiny-for-cache", "steps": 3, "pictures.held_out": 0.2})
SIX = Scenes(count=6)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that is empty, and no real pictures."""
    monkeypatch.setenv("BRIDGESEG_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("BRIDGESEG_TIER", "fast")
    monkeypatch.delenv("BRIDGESEG_DATA", raising=False)
    return tmp_path / "cache"


def silent(share: float, text: str) -> None:
    """No progress."""


def same_weights(first: torch.nn.Module, second: torch.nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values()))


def test_a_run_is_trained_once_and_then_loaded(monkeypatch: pytest.MonkeyPatch, own_cache: Path) -> None:
    first = cache.trained(TINY, SIX, progress=silent)
    assert first.trained_on == tuple(SIX.names)

    def refuse(*arguments: object, **named: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(cache, "train_run", refuse)
    again = cache.trained(TINY, SIX, progress=silent)
    assert same_weights(first.networks, again.networks)
    assert not again.networks.training
    (folder,) = (path for path in (own_cache / "runs").iterdir() if path.is_dir())
    assert {path.name for path in folder.iterdir()} >= {WEIGHTS}
    for recipe, seed in ((TINY, 1), (TINY.with_minutes(1.0), 0)):
        with pytest.raises(AssertionError, match="trained again"):
            cache.trained(recipe, SIX, seed, progress=silent)


def test_the_key_covers_recipe_data_seed_device_and_version(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [
        cache.folder_of(TINY, SIX, 0),
        cache.folder_of(TINY, SIX, 1),
        cache.folder_of(changed(TINY, {"semantic.optimiser.rate": 0.5}), SIX, 0),
        cache.folder_of(TINY, Scenes(count=7), 0),
        cache.folder_of(TINY, Scenes("val", count=6), 0),
    ]
    assert cache.folder_of(TINY, Scenes(count=6), 0) == keys[0]
    monkeypatch.setattr(cache, "TRAINING_VERSION", cache.TRAINING_VERSION + 1)
    keys.append(cache.folder_of(TINY, SIX, 0))
    monkeypatch.undo()
    monkeypatch.setattr(cache, "device", lambda: torch.device("meta"))
    keys.append(cache.folder_of(TINY, SIX, 0))
    assert len(set(keys)) == len(keys) == 7


def test_the_key_is_the_same_on_every_python(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the interpreter is in it: the digits are those that another Python and another machine gave."""
    monkeypatch.setattr(cache, "TRAINING_VERSION", 1)
    monkeypatch.setattr(cache, "device", lambda: torch.device("cpu"))
    assert cache.folder_of(TINY, SIX, 0).name == "tiny-for-cache-25ab198936c3"


def test_both_tiers_have_a_run_of_their_own() -> None:
    for each in LESSONS.values():
        assert len({cache.folder_of(each.budgeted(tier), SIX, each.seed) for tier in TIERS}) == len(TIERS)


def test_a_training_that_was_cut_off_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridgeseg.training.trainer.SAVE_EVERY", 0.0)
    whole = cache.trained(TINY, SIX, seed=5, progress=silent)
    folder = cache.folder_of(TINY, SIX, 5)
    for path in folder.iterdir():
        path.unlink()
    step, done = Trainer.step, []

    def cut_off(self, *arguments):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(1)
        return step(self, *arguments)

    monkeypatch.setattr(Trainer, "step", cut_off)
    with pytest.raises(KeyboardInterrupt):
        cache.trained(TINY, SIX, seed=5, progress=silent)
    assert not (folder / WEIGHTS).exists()
    done.clear()
    again = cache.trained(TINY, SIX, seed=5, progress=silent)
    assert len(done) == 1, "the steps before were not done again"
    assert same_weights(whole.networks, again.networks)


def train_and_count(folder: str, count: object) -> None:
    """In a process of its own: train, and count the trainings that really began."""
    import os

    os.environ["BRIDGESEG_CACHE"] = folder
    torch.set_num_threads(1)
    run = Trainer.run

    def counted(self):
        with count.get_lock():
            count.value += 1
        time.sleep(0.5)
        return run(self)

    Trainer.run = counted
    cache.trained(TINY, SIX, progress=silent)


def test_two_processes_train_it_once(own_cache: Path) -> None:
    context = multiprocessing.get_context("fork")
    count = context.Value("i", 0)
    both = [context.Process(target=train_and_count, args=(str(own_cache), count)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(120)
    assert [process.exitcode for process in both] == [0, 0]
    assert count.value == 1


def test_only_the_runs_used_last_are_kept(monkeypatch: pytest.MonkeyPatch, own_cache: Path) -> None:
    folders = [own_cache / "runs" / f"scenes-fast-{number}" for number in range(6)]
    other = own_cache / "runs" / "scenes-fast-full-0"
    for age, folder in enumerate([*folders, other]):
        folder.mkdir(parents=True)
        import os

        os.utime(folder, (1000 + age, 1000 + age))
    cache._forget_old(folders[-1])
    left = {path.name for path in (own_cache / "runs").iterdir()}
    assert left == {folder.name for folder in folders[-cache.KEPT :]} | {other.name}


def test_a_lesson_without_pictures_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert cache.lesson("pedestrians") is None
    said = capsys.readouterr()
    assert "pedestrians: not trained, the pictures are not at hand" in said.out
    assert said.err == "", "what goes to standard error counts as a warning of the book"


def test_prepare_trains_lessons_with_progress_on_standard_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(RECIPES, TINY.name, dataclasses.replace(TINY, steps=None))
    monkeypatch.setitem(LESSONS, "small", Lesson("photos", TINY.name, {"fast": 0.02, "full": 0.02}))
    monkeypatch.setattr(cache, "open_pictures", lambda name, split: SIX)
    monkeypatch.setattr(cache, "prepare", lambda prepare=cache.prepare: prepare(["small"]))
    assert cache.main(["prepare"]) == 0
    said = capsys.readouterr()
    assert "small: training with the recipe tiny-for-cache for 0.02 minutes, once" in said.out
    assert "100%" in said.out or "%  both: step" in said.out
    assert "small: ready" in said.out
    assert said.err == ""
    assert cache.main(["prepare"]) == 0
    assert "training" not in capsys.readouterr().out


def test_what_cannot_be_trained_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(cache, "open_pictures", lambda name, split: VocFolder(tmp_path, split))
    assert cache.lesson("pedestrians") is None
    assert capsys.readouterr().out.startswith("pedestrians: not trained, ")


def test_the_lessons_keep_to_their_minutes() -> None:
    for lesson in LESSONS.values():
        assert lesson.minutes["fast"] <= 6
        recipe = lesson.budgeted("fast")
        assert recipe.steps is None
        assert recipe.minutes == lesson.minutes["fast"]
