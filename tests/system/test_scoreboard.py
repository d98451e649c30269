"""The board: every use of the test part is counted, and no threshold is chosen on it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from small_recipe import SMALL

from bridgeseg.data.open_dataset import First
from bridgeseg.data.scenes import CATEGORIES, Scenes
from bridgeseg.data.splits import held_out
from bridgeseg.structures.labels import BadInput
from bridgeseg.system import batched_prediction, scoreboard
from bridgeseg.system.checkpoint import Run
from bridgeseg.system.evaluation import evaluate
from bridgeseg.system.oracles import true_boxes, true_scores
from bridgeseg.system.prediction import Maps
from bridgeseg.system.score_threshold import choose_threshold
from bridgeseg.system.scoreboard import (
    BOARD,
    HELD_OUT,
    Score,
    held_out_samples,
    read_board,
    score,
    shown,
    weights_name,
    write_board,
)

TRAIN, TEST = Scenes("train", count=60), Scenes("test", count=5)


@pytest.fixture
def looked_at(monkeypatch):
    """A run whose networks answer with the truth, at stride 2, and the names of the pictures that they were shown."""
    shown_to: list[str] = []

    def maps(run, sample):
        shown_to.append(sample.name)
        scores = true_scores(sample, len(run.categories), 2)
        return Maps(scores, true_boxes(sample, 2), 2, sample.instances.shape)

    monkeypatch.setattr(batched_prediction, "maps_of", maps)
    return shown_to


def run_of(share=HELD_OUT, trained_on=TRAIN.names, weight=1.0):
    recipe = dataclasses.replace(SMALL, pictures=dataclasses.replace(SMALL.pictures, held_out=share))
    network = torch.nn.Linear(1, 1)
    torch.nn.init.constant_(network.weight, weight)
    torch.nn.init.constant_(network.bias, 0.0)
    return Run(
        torch.nn.ModuleDict({"both": network}), recipe, tuple(CATEGORIES), trained_on=tuple(trained_on)
    )


def test_each_scoring_is_a_use_and_stands_on_the_board(looked_at, tmp_path):
    for use, name in enumerate(("first", "second", "second"), 1):
        line = score(run_of(), name, TRAIN, TEST, tmp_path / "new", minutes=8.0)
        assert (line.use, line.name, line.pictures, line.minutes) == (use, name, 5, 8.0)
        board = read_board(tmp_path / "new")
        assert board[-1] == line
        assert len(board) == use
    assert "used 3 times, for 1 network" in shown(board)
    assert [path.name for path in (tmp_path / "new").iterdir()] == [BOARD]


def test_figures_are_those_of_the_evaluation(looked_at, tmp_path):
    line = score(run_of(), "perfect", TRAIN, TEST, tmp_path)
    expected = evaluate(run_of(), TEST)
    assert line.ap_r == pytest.approx(
        (expected["ap_r"]["0.5"], expected["ap_r"]["0.7"], expected["ap_r_vol"])
    )
    assert line.f1 > 0.9
    assert line.count_error < 0.5


def test_the_threshold_is_that_of_the_held_out_part_and_the_test_part_is_looked_at_once(looked_at, tmp_path):
    names = held_out(TRAIN.names, HELD_OUT)
    line = score(run_of(), "one", TRAIN, TEST, tmp_path)
    assert looked_at == [*names, *TEST.names]
    others = [TRAIN[TRAIN.names.index(name)] for name in names]
    assert line.threshold == choose_threshold(run_of(), others)


def test_what_is_broken_off_counts_too(looked_at, tmp_path, monkeypatch):
    monkeypatch.setattr(scoreboard, "overlaps", lambda *pair: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        score(run_of(), "broken off", TRAIN, TEST, tmp_path)
    monkeypatch.undo()
    (line,) = read_board(tmp_path)
    assert not line.finished
    assert line.threshold is None
    assert "used 1 time, for 1 network" in shown([line])
    assert len(shown([line]).splitlines()) == 4


def test_the_test_part_itself_must_not_have_been_learned_from(looked_at, tmp_path):
    with pytest.raises(BadInput, match="5 of the 5 pictures"):
        score(run_of(trained_on=TEST.names), "cheat", TRAIN, TEST, tmp_path)
    assert read_board(tmp_path) == []
    assert looked_at == []


def test_a_run_that_held_out_less_is_refused_and_nothing_is_counted(looked_at, tmp_path):
    with pytest.raises(BadInput, match="holds 0.02 of the training pictures out"):
        score(run_of(share=0.02), "greedy", TRAIN, TEST, tmp_path)
    assert read_board(tmp_path) == []
    # One that knows other pictures may hold out what it likes, and one that holds out more has these among them.
    assert len(held_out_samples(run_of(share=0.0, trained_on=()), TRAIN)) == 3
    assert {each.name for each in held_out_samples(run_of(share=0.2), TRAIN)} <= set(
        held_out(TRAIN.names, 0.2)
    )


def test_other_categories_and_too_few_pictures_are_refused(looked_at, tmp_path):
    other = dataclasses.replace(run_of(), categories=("background", "cat", "dog"))
    with pytest.raises(BadInput, match="categories"):
        score(other, "other", TRAIN, TEST, tmp_path)
    with pytest.raises(BadInput, match="enough to hold one out"):
        held_out_samples(run_of(), First(TRAIN, 1))


def test_a_board_comes_back_as_it_was_written(tmp_path):
    board = [
        Score(1, "2026-11-28", "one – ü", "ab", 5),
        Score(2, "2026-11-28", "two", "cd", 5, 0.25, (0.5, 0.25, 0.375), 0.5, 1.25, 3.0),
    ]
    write_board(tmp_path, board)
    assert read_board(tmp_path) == board


@pytest.mark.parametrize("text", ["no JSON\n", "{}\n", '{"use": 1}\n', "[1]\n"])
def test_a_line_that_is_none_is_named(tmp_path, text):
    (tmp_path / BOARD).write_text(text)
    with pytest.raises(BadInput, match="line 1 is no line of a scoreboard"):
        read_board(tmp_path)


def test_a_board_that_is_no_text_is_named(tmp_path):
    (tmp_path / BOARD).write_bytes(b'{"use": 1}\n\xde\n')
    with pytest.raises(BadInput, match=f"{BOARD}: is no text"):
        read_board(tmp_path)


def test_the_best_stands_first_and_sizes_stand_apart():
    board = [
        Score(1, "d", "low", "a", 5, 0.3, (0.1, 0.1, 0.1), 0.1, 1.0),
        Score(2, "d", "few", "b", 3, 0.3, (0.9, 0.9, 0.9), 0.9, 1.0),
        Score(3, "d", "high", "c", 5, 0.3, (0.2, 0.2, 0.2), 0.2, 1.0),
    ]
    lines = shown(board).splitlines()
    assert [line.split()[2] for line in lines if line.split()[1] == "d"] == ["high", "low", "few"]
    assert [line for line in lines if line.endswith("pictures")] == ["5 pictures", "3 pictures"]


def test_weights_have_a_name_of_their_own():
    assert weights_name(run_of()) == weights_name(run_of(share=0.3))
    assert weights_name(run_of()) != weights_name(run_of(weight=2.0))
    assert len(weights_name(run_of())) == 8
    assert np.isscalar(int(weights_name(run_of()), 16))
