"""Trainings that are killed, resumed, or shared among processes, through the command line."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from small_recipe import APART, SCENES, SMALL

from bridgeseg.machine.files import UNFINISHED
from bridgeseg.machine.progress import Bar
from bridgeseg.system.checkpoint import load_run
from bridgeseg.training import train_run as training_runs
from bridgeseg.training import trainer
from bridgeseg.training.train_run import train_run

DRIVER = Path(__file__).with_name("small_recipe.py")


def environment(**more):
    kept = {name: value for name, value in os.environ.items() if name not in ("RANK", "WORLD_SIZE")}
    return {**kept, "OMP_NUM_THREADS": "1", **{name: str(value) for name, value in more.items()}}


def started(out, *more, recipe="small", **settings):
    command = [
        sys.executable,
        str(DRIVER),
        "train",
        "--data",
        "scenes",
        "--out",
        str(out),
        "--recipe",
        recipe,
    ]
    return subprocess.Popen(
        [*command, *more],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(**settings),
    )


def finished(process):
    try:
        out, err = process.communicate(timeout=500)
    finally:
        process.kill()
    return process.returncode, out, err


def weights(out):
    return torch.load(out / "weights.pt", weights_only=True)


def same_weights(one, other):
    assert one.keys() == other.keys()
    for name, value in one["networks"].items():
        assert torch.equal(value, other["networks"][name]), name
    assert {**one, "networks": None} == {**other, "networks": None}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The weights of runs that nobody disturbed, by recipe; each is made once."""
    made = {}

    def get(recipe):
        if recipe not in made:
            out = tmp_path_factory.mktemp("whole") / "run"
            code, _, err = finished(started(out, recipe=recipe, SMALL_STEPS=10))
            assert code == 0, err
            made[recipe] = out
        return made[recipe]

    return get


def place(out):
    """How far the saved state is, as phase and step; it can be read at any moment, and is whole."""
    try:
        state = torch.load(out / "state.pt", weights_only=True)
    except FileNotFoundError:
        return 0, 0
    return state["phase"], state["step"]


# Each run is killed at a random moment after it has saved the state of this phase and step, and cannot go on beyond the
# state after that. (0, 0): when it has made its folder. The second network begins with a state of its own, (1, 0).
KILLED_AFTER = {
    "small": [(0, 0), (0, 2), (0, 5), (0, 8)],
    "apart": [(0, 0), (0, 2), (0, 5), (1, 1), (1, 3)],
}


@pytest.mark.slow
@pytest.mark.parametrize("recipe", KILLED_AFTER)
def test_killed_at_any_moment_and_resumed_it_ends_with_the_same_weights(recipe, tmp_path, uninterrupted):
    chance = random.Random(recipe)
    out = tmp_path / "run"
    for phase, step in KILLED_AFTER[recipe]:
        hold = f"{phase},{step}"
        with started(out, "--resume", recipe=recipe, SMALL_STEPS=10, SMALL_HOLD=hold) as process:
            while not out.exists() or place(out) < (phase, step):
                assert process.poll() is None, finished(process)
                time.sleep(0.01)
            time.sleep(chance.uniform(0.0, 0.1))  # a step or so; any other moment would do
            process.kill()
            assert finished(process)[0] == -signal.SIGKILL
    phase, step = place(out)
    code, _, err = finished(started(out, "--resume", recipe=recipe, SMALL_STEPS=10))
    assert code == 0, err
    assert f": step {step + 1}, " in err.splitlines()[0], "it began anew"
    same_weights(weights(out), weights(uninterrupted(recipe)))
    assert [path.name for path in sorted(out.iterdir())] == [
        *("categories.txt", "curves.png", "log.jsonl", "recipe.json", "settings.json", "weights.pt")
    ]


class Killed(BaseException):
    """What a test raises in the place of a signal."""


@pytest.mark.parametrize("recipe", [SMALL, APART], ids=["shared", "apart"])
def test_stopped_after_every_single_step_it_ends_with_the_same_weights(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "LOG_EVERY", 1)
    whole = train_run(SCENES, tmp_path / "whole", recipe=recipe, seed=2)
    monkeypatch.setattr(trainer, "SAVE_EVERY", -1.0)
    save, saves = trainer.Trainer.save, []

    def save_and_stop(self):
        save(self)
        if (self.phase, self.done_steps) not in saves:
            saves.append((self.phase, self.done_steps))
            raise Killed

    out = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr(trainer.Trainer, "save", save_and_stop)
        while len(saves) < 5:
            with pytest.raises(Killed):
                train_run(SCENES, out, recipe=recipe, seed=2, resume=True)
    second = [(1, 0), (1, 1)] if recipe is APART else [(0, 4), (0, 5)]
    assert saves == [(0, 1), (0, 2), (0, 3), *second]
    resumed = train_run(SCENES, out, resume=True)  # recipe and seed are those of the run
    assert whole is not None
    assert resumed is not None
    for (name, value), other in zip(
        whole.networks.state_dict().items(), resumed.networks.state_dict().values(), strict=True
    ):
        assert torch.equal(value, other), name
    assert whole.threshold == resumed.threshold
    logs = [
        [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
        for folder in (tmp_path / "whole", out)
    ]
    for log in logs:
        for line in log:
            del line["seconds"]
    assert logs[0] == logs[1]
    assert len(logs[0]) == 6


def test_killed_while_the_weights_are_written_it_ends_with_the_same_weights(tmp_path, monkeypatch):
    whole = tmp_path / "whole"
    train_run(SCENES, whole, recipe=SMALL)
    save = training_runs.save_run
    for number, late in enumerate((False, True)):
        out = tmp_path / str(number)

        def stopped(*arguments, late=late, **options):
            if late:
                save(*arguments, **options)
            raise Killed

        with monkeypatch.context() as patched:
            patched.setattr(training_runs, "save_run", stopped)
            with pytest.raises(Killed):
                train_run(SCENES, out, recipe=SMALL)
        (out / f"{UNFINISHED}half").write_bytes(b"cut off")
        assert (out / "state.pt").exists()
        assert train_run(SCENES, out, resume=True) is not None
        same_weights(weights(out), weights(whole))
        assert not (out / "state.pt").exists()
        assert not (out / f"{UNFINISHED}half").exists()
        assert train_run(SCENES, out, resume=True).threshold == load_run(whole).threshold  # loaded


def test_ctrl_c_saves_the_state_and_says_how_to_go_on(tmp_path):
    out = tmp_path / "run"
    process = started(out, SMALL_STEPS=1_000_000)  # for ever
    assert process.stderr is not None
    for line in process.stderr:
        if "step 1," in line:
            break
    process.send_signal(signal.SIGINT)
    code, _, err = finished(process)
    assert code == 130
    assert err.splitlines()[-1].startswith("bridgeseg: error: interrupted; the same command with --resume")
    assert "Traceback" not in err
    assert torch.load(out / "state.pt", weights_only=True)["step"] >= 1
    assert not (out / "weights.pt").exists()


def test_to_resume_what_never_began_is_to_begin(tmp_path):
    run = train_run(SCENES, tmp_path / "run", recipe=SMALL, resume=True)
    assert run is not None
    assert run.recipe == SMALL


def test_the_held_out_part_is_not_trained_on(tmp_path, monkeypatch):
    seen, chosen = [], []

    keep, choose = training_runs.open_store, training_runs.choose_threshold

    def kept(dataset, indices, **options):
        seen.extend(dataset.names[index] for index in indices)
        return keep(dataset, indices, **options)

    def watched(run, samples):
        chosen.extend(sample.name for sample in samples)
        return choose(run, samples)

    monkeypatch.setattr(training_runs, "open_store", kept)
    monkeypatch.setattr(training_runs, "choose_threshold", watched)
    run = train_run(SCENES, tmp_path / "run", recipe=SMALL)
    assert run is not None
    assert len(seen) == 19
    assert len(chosen) == 1
    assert set(seen) | set(chosen) == set(run.trained_on)
    assert not set(seen) & set(chosen)
    assert load_run(tmp_path / "run").threshold == run.threshold


# Several processes

DISTRIBUTED = """
import json, sys, torch, torch.distributed as dist
sys.path.insert(0, {tests!r})
from changed import changed
from small_recipe import SMALL, APART
from bridgeseg.training import trainer
from bridgeseg.training.store import load
from bridgeseg.machine.distributed import rank
from bridgeseg.data.scenes import Scenes

torch.set_num_threads(1)
trainer.LOG_EVERY = 1
variants = json.loads(sys.argv[1])
processes, number, meeting, out = int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5]
if processes > 1:
    dist.init_process_group("gloo", init_method=f"file://{{meeting}}", rank=number, world_size=processes)
results = {{}}
for name, changes in variants.items():
    recipe = changed(APART if name == "apart" else SMALL, changes)
    for network in ["semantic"] + ["localization"] * (name == "apart"):
        recipe = changed(recipe, {{f"{{network}}.network.dropout": (0.0, 0.0)}})
    run = trainer.Trainer(recipe, load(Scenes(count=12), range(12)), 5, seed=1)
    run.run()
    results[name] = {{"log": json.dumps(run.log), "networks": run.networks.state_dict()}}
if rank() == 0:
    torch.save(results, out)
if processes > 1:
    dist.destroy_process_group()
"""


VARIANTS: dict[str, dict[str, float]] = {
    "threshold": {
        "losses.categories.threshold": 0.6,
        "losses.categories.floor": 256,
        "losses.boxes.threshold": 0.7,
        "losses.boxes.floor": 64,
    },
    "floor": {
        "losses.categories.threshold": 0.01,
        "losses.categories.floor": 700,
        "losses.boxes.threshold": 0.01,
        "losses.boxes.floor": 100,
    },
    "exactly": {"losses.categories.exactly": 300, "semantic.optimiser.rate": 0.001},
    "apart": {},
}


def trained_by(processes, folder):
    program = folder / f"train-{processes}.py"
    program.write_text(DISTRIBUTED.format(tests=str(DRIVER.parent)))
    out = folder / f"{processes}.pt"
    group = [
        subprocess.Popen(
            [
                sys.executable,
                str(program),
                json.dumps(VARIANTS),
                str(processes),
                str(number),
                str(folder / "meeting"),
                str(out),
            ],
            env=environment(GLOO_SOCKET_IFNAME="lo"),
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(processes)
    ]
    try:
        for process in group:
            code, _, err = finished(process)
            assert code == 0, err
    finally:
        for process in group:
            process.kill()
    return torch.load(out, weights_only=True)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """What one process trained, and what two did."""
    return [trained_by(count, tmp_path_factory.mktemp("processes")) for count in (1, 2)]


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
def test_two_processes_have_the_loss_curve_of_one_with_the_same_batch(variant, both):
    one, two = (json.loads(results[variant]["log"]) for results in both)
    assert len(one) == len(two) == 6
    for line, again in zip(one, two, strict=True):
        assert line.keys() == again.keys()
        for name in line:
            if name == "network":
                assert line[name] == again[name]
            elif name != "seconds":
                assert again[name] == pytest.approx(line[name], rel=1e-4, abs=1e-4), (name, line["step"])
    networks, others = (results[variant]["networks"] for results in both)
    for name, value in networks.items():
        value, other = value.float(), others[name].float()
        if variant == "apart":  # by SGD
            torch.testing.assert_close(other, value, rtol=1e-3, atol=1e-3, msg=name)
        # AdamW divides every gradient by its size: one that is nothing but rounding moves its weight all the same.
        assert (other - value).abs().mean() < 1e-3 * (0.1 + value.abs().mean()), name


@pytest.mark.slow
def test_under_torchrun_one_run_is_written_and_printed(tmp_path):
    out = tmp_path / "run"
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"),
        *(
            str(DRIVER),
            "train",
            "--data",
            "scenes",
            "--recipe",
            "small",
            "--out",
            str(out),
        ),
    ]
    result = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=environment(GLOO_SOCKET_IFNAME="lo"),
        timeout=500,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert len(re.findall(r"step 1,", result.stderr)) == 1
    assert result.stdout.count("trained by small") == 1
    run = load_run(out)
    assert run.recipe == SMALL
    assert len((out / "log.jsonl").read_text().splitlines()) == 6


# Progress


class Screen:
    def __init__(self, terminal):
        self.text, self.terminal = "", terminal

    def write(self, text):
        self.text += text

    def flush(self):
        pass

    def isatty(self):
        return self.terminal


def test_a_terminal_gets_one_line_that_is_written_over():
    screen = Screen(True)
    bar = Bar(screen)
    for step in range(5):
        bar(step / 4, f"step {step} " + "x" * 500)
    bar.close()
    bar.close()
    assert screen.text.count("\n") == 1
    assert screen.text.count("\r") == 5
    assert "100%" in screen.text


def test_a_log_file_gets_a_line_every_tenth_of_the_work():
    screen = Screen(False)
    bar = Bar(screen)
    for step in range(1001):
        bar(step / 1000, f"step {step}")
    bar.close()
    assert 10 <= len(screen.text.splitlines()) <= 11
    assert "\r" not in screen.text


def test_a_log_file_gets_a_line_every_half_minute(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("bridgeseg.machine.progress.time.monotonic", lambda: now[0])
    loud, quiet = Screen(False), Screen(False)
    bars = Bar(loud), Bar(quiet, quiet=True)
    for _ in range(100):
        for bar in bars:
            bar(0.01, "slow")
        now[0] += 1
    assert len(loud.text.splitlines()) == 4
    assert len(quiet.text.splitlines()) == 3
