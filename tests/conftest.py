"""What tests share: the real pictures and weights where they are at hand, no chance, one thread a worker."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from installing import built_wheel, copied_sources, pip

# The same cases every time, none kept from an earlier run, and no clock: a test passes or fails by the code alone.
settings.register_profile(
    "by the code alone", derandomize=True, database=None, deadline=None, max_examples=40
)
settings.load_profile("by the code alone")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests recorded as `said`, also those that pass and those of another process."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, text in report.user_properties:
            if name == "said" and report.when == "call":
                terminalreporter.write_line(f"{report.outcome}: {text}")


def folder_named_by(variable: str) -> Path:
    """Return the folder that an environment variable names, or skip the test and say why."""
    named = os.environ.get(variable)
    if not named:
        pytest.skip(f"{variable} is not set")
    folder = Path(named)
    if not folder.is_dir():
        pytest.fail(f"{variable}={named} is no folder")
    return folder.resolve()


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder with the real pictures: pedestrians, nuclei and photos."""
    return folder_named_by("BRIDGESEG_DATA")


@pytest.fixture(scope="session")
def weights() -> Path:
    """The folder with pretrained weights."""
    return folder_named_by("BRIDGESEG_WEIGHTS")


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder that holds the package, the book and the tests."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def sources(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what an installation is made of, in which may be built."""
    return copied_sources(root, tmp_path_factory.mktemp("sources"))


@pytest.fixture(scope="session")
def wheel(sources: Path) -> Path:
    """The package as a wheel, built without the network."""
    return built_wheel(sources, sources / "built")


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package as its wheel installs it, and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    pip("install", "--target", str(folder), str(wheel))
    return folder


@pytest.fixture
def drawing() -> Iterator[None]:
    """Draw into memory, with no settings of the reader's, close what was drawn, and leave settings as they were."""
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    with plt.rc_context():
        plt.rcdefaults()
        before = dict(plt.rcParams)
        yield
        plt.close("all")
        assert dict(plt.rcParams) == before, "a plot changed matplotlib's settings for others"


@pytest.fixture(scope="session", autouse=True)
def threads() -> None:
    """Give torch one thread in a worker, so that the workers do not take the cores from one another."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        import torch

        torch.set_num_threads(1)


def pytest_fixture_setup() -> None:
    """Let every fixture draw the same numbers, whatever was drawn before it in this process."""
    draw_anew()


def pytest_runtest_call() -> None:
    """Let every test draw the same numbers, whatever was drawn before it in this process."""
    draw_anew()


def draw_anew() -> None:
    """Set torch's generator, from which tests draw, back to its beginning."""
    if "torch" in sys.modules:  # a test that draws has imported it
        sys.modules["torch"].manual_seed(0)
