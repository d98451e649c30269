"""A training is done once: found again by all that it depends on, shared by processes, gone on with when cut off."""

from __future__ import annotations

import dataclasses
import multiprocessing
import time
from pathlib import Path

import pytest
import torch
from small_recipe import SMALL

from bridgeseg.machine.environment import TIERS
from bridgeseg.system.checkpoint import WEIGHTS
from bridgeseg.system.presets import RECIPES
from bridgeseg.teaching import cache
from bridgeseg.teaching.lessons import LESSONS, Lesson
from bridgeseg.training.trainer import Trainer

TINY = dataclasses.replace(SMALL, name="tiny-for-cache", steps=3, pictures=6, held_out=0.2)


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
    first = cache.trained(TINY, "scenes", progress=silent)
    assert len(first.trained_on) == TINY.pictures

    def refuse(*arguments: object, **named: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr(cache, "train_run", refuse)
    again = cache.trained(TINY, "scenes", progress=silent)
    assert same_weights(first.networks, again.networks)
    assert not again.networks.training
    (folder,) = (path for path in (own_cache / "runs").iterdir() if path.is_dir())
    assert {path.name for path in folder.iterdir()} >= {WEIGHTS}
    for other in ({"seed": 1}, {"minutes": 1.0}):
        with pytest.raises(AssertionError, match="trained again"):
            cache.trained(TINY, "scenes", **other, progress=silent)


def test_the_key_covers_recipe_data_seed_and_code(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {
        cache.folder_of(TINY, "scenes", 0),
        cache.folder_of(TINY, "scenes", 1),
        cache.folder_of(dataclasses.replace(TINY, rate=0.5), "scenes", 0),
        cache.folder_of(dataclasses.replace(TINY, pictures=7), "scenes", 0),
    }
    assert cache.folder_of(TINY, "scenes", 0) in keys
    monkeypatch.setattr(cache, "source_key", lambda: "other code")
    keys.add(cache.folder_of(TINY, "scenes", 0))
    assert len(keys) == 5


def test_both_tiers_have_a_run_of_their_own() -> None:
    for each in LESSONS.values():
        assert len({cache.folder_of(each.budgeted(tier), "scenes", each.seed) for tier in TIERS}) == len(
            TIERS
        )


def test_code_that_does_something_else_has_another_key_and_comments_have_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    modules = cache._modules()
    assert {
        "training.trainer",
        "training.objective",
        "structures.boxes",
        "data.scenes",
        "data.voc",
        "data.transforms",
    } <= modules
    assert not {name for name in modules if name.startswith(("plots.", "teaching."))}
    read, changes = cache._source, {}
    monkeypatch.setattr(cache, "_source", lambda name: changes.get(name, str)(read(name)))
    cache.source_key.cache_clear()
    before = cache.source_key()
    for change, same in (
        (lambda text: text.replace('"""', '"""A word more. ', 1) + "\n# and a comment\n", True),
        (lambda text: text.replace("clip_grad_norm_", "clip_grad_value_"), False),
    ):
        assert change(read("training.trainer")) != read("training.trainer")
        changes["training.trainer"] = change
        cache.source_key.cache_clear()
        assert (cache.source_key() == before) == same
    changes.clear()
    changes["system.presets"] = lambda text: text + "\nOTHER = 1\n"
    cache.source_key.cache_clear()
    assert cache.source_key() == before, "another recipe is another key only for those who use it"
    cache.source_key.cache_clear()


def test_a_training_that_was_cut_off_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridgeseg.training.trainer.SAVE_EVERY", 0.0)
    whole = cache.trained(TINY, "scenes", seed=5, progress=silent)
    folder = cache.folder_of(TINY, "scenes", 5)
    for path in folder.iterdir():
        path.unlink()
    step, done = Trainer._step, []

    def cut_off(self, *arguments):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(1)
        return step(self, *arguments)

    monkeypatch.setattr(Trainer, "_step", cut_off)
    with pytest.raises(KeyboardInterrupt):
        cache.trained(TINY, "scenes", seed=5, progress=silent)
    assert not (folder / WEIGHTS).exists()
    done.clear()
    again = cache.trained(TINY, "scenes", seed=5, progress=silent)
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
    cache.trained(TINY, "scenes", progress=silent)


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
    monkeypatch.setattr(cache, "data_spec", lambda name: "scenes")
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
    monkeypatch.setattr(cache, "data_spec", lambda name: f"voc:{tmp_path}")
    assert cache.lesson("pedestrians") is None
    assert capsys.readouterr().out.startswith("pedestrians: not trained, ")


def test_the_lessons_keep_to_their_minutes() -> None:
    for lesson in LESSONS.values():
        assert lesson.minutes["fast"] <= 6
        recipe = lesson.budgeted("fast")
        assert recipe.steps is None
        assert recipe.minutes == lesson.minutes["fast"]
