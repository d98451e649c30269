"""A run is drawn however it ends, and never lost by the drawing."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest
from changed import changed
from PIL import Image
from small_recipe import SCENES, SMALL

from bridgeseg.system.checkpoint import load_run
from bridgeseg.training import curves_file, trainer
from bridgeseg.training import train_run as training_runs
from bridgeseg.training.curves_file import CURVES, draw_curves
from bridgeseg.training.train_run import train_run
from bridgeseg.training.trainer import Diverged, Trainer

LOG = [{"network": "both", "step": 1, "seconds": 1.0, "rate": 0.1, "loss": 2.0, "kept": 1.0}]


def test_a_finished_run_has_its_curves(tmp_path: Path) -> None:
    train_run(SCENES, tmp_path / "run", SMALL)
    with Image.open(tmp_path / "run" / CURVES) as picture:
        assert picture.width == pytest.approx(1056, abs=40)


def test_curves_that_cannot_be_written_cost_a_line_and_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, write: object) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(curves_file, "write_atomically", full)
    lines: list[str] = []
    run = train_run(SCENES, tmp_path / "run", SMALL, warn=lines.append)
    assert load_run(tmp_path / "run").threshold == run.threshold
    (line,) = [line for line in lines if CURVES in line]
    assert "No space left on device" in line


def test_without_matplotlib_there_is_a_line_and_no_drawing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "bridgeseg.plots.training_curves", None)
    lines: list[str] = []
    draw_curves(LOG, tmp_path, lines.append)
    assert len(lines) == 1
    assert "matplotlib cannot be used" in lines[0]
    assert list(tmp_path.iterdir()) == []


def test_a_defect_of_the_drawing_is_not_hidden(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        draw_curves([{"step": 1}], tmp_path, print)


def test_an_interrupted_run_is_drawn_and_drawn_anew_when_it_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[list[int]] = []
    monkeypatch.setattr(
        training_runs, "draw_curves", lambda log, out, warn: drawn.append([one["step"] for one in log])
    )
    monkeypatch.setattr(trainer, "LOG_EVERY", 1)
    step = Trainer.step

    def pressed(self: Trainer, batch: object) -> object:
        self.stop = self.done_steps == 2
        return step(self, batch)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "step", pressed)
        with pytest.raises(KeyboardInterrupt):
            train_run(SCENES, tmp_path / "run", SMALL)
    train_run(SCENES, tmp_path / "run", SMALL, resume=True)
    assert drawn == [[1, 2, 3], [1, 2, 3, 4, 5, 6]]


def test_a_run_that_diverges_is_drawn_up_to_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    monkeypatch.setattr(training_runs, "draw_curves", lambda log, out, warn: drawn.append(len(log)))
    monkeypatch.setattr(trainer, "LOG_EVERY", 1)
    step = Trainer.step

    def wild(self: Trainer, batch: object) -> dict[str, object]:
        numbers = step(self, batch)  # type: ignore[arg-type]
        return numbers | {"loss": numbers["loss"] * (math.nan if self.done_steps == 3 else 1)}

    monkeypatch.setattr(Trainer, "step", wild)
    with pytest.raises(Diverged):
        train_run(SCENES, tmp_path / "run", changed(SMALL, {"steps": 8}))
    assert drawn == [3]


def test_the_command_line_does_not_import_matplotlib_before_it_draws(root: Path) -> None:
    program = "import sys, bridgeseg.commands; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=root, check=False).returncode == 0
