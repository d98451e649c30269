"""What a .mat file holds is what scipy reads, and no file ends the process that asks for it."""

from __future__ import annotations

import os
import random
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bridgeseg.data import mat_files
from bridgeseg.data.mat_files import read_struct
from bridgeseg.structures.labels import BadInput

scipy_io = pytest.importorskip("scipy.io", reason="an oracle and a writer of .mat files")
from small_sbd import maps, write  # noqa: E402  (needs scipy)

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from fuzz_files import damaged  # noqa: E402

FIELDS = ("Segmentation", "Categories")


@pytest.fixture(params=[False, True], ids=["plain", "compressed"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An instances' file of SBD's structure; MATLAB's own are compressed."""
    write(tmp_path, "a", *maps(0))
    path = tmp_path / "inst" / "a.mat"
    held = scipy_io.loadmat(path)["GTinst"]
    scipy_io.savemat(path, {"GTinst": held}, do_compression=request.param)
    return path


def by_scipy(path: Path, title: str = "GTinst") -> Any:
    return scipy_io.loadmat(path, variable_names=[title])[title].ravel()[0]


def test_it_reads_what_scipy_reads(file: Path) -> None:
    found, expected = read_struct(file, "GTinst", FIELDS), by_scipy(file)
    assert set(found) == set(FIELDS)
    for name, numbers in found.items():
        np.testing.assert_array_equal(numbers, expected[name])
        assert numbers.dtype == expected[name].dtype


def test_a_field_that_lacks_is_left_out_and_boundaries_are_no_numbers(file: Path) -> None:
    assert set(read_struct(file, "GTinst", ["Segmentation", "Depth"])) == {"Segmentation"}
    with pytest.raises(BadInput, match="GTinst.Boundaries holds no real numbers"):
        read_struct(file, "GTinst", ["Boundaries"])


@pytest.mark.parametrize("kind", ["u1", "i4", "u8", "f4", "f8", "?"])
@pytest.mark.parametrize("shape", [(3, 4), (0, 0), (2, 3, 4)])
def test_numbers_keep_their_type_and_shape(tmp_path: Path, kind: str, shape: tuple[int, ...]) -> None:
    numbers = np.arange(np.prod(shape)).reshape(shape).astype(kind)
    scipy_io.savemat(tmp_path / "a.mat", {"before": 1, "s": {"x": numbers}})
    found = read_struct(tmp_path / "a.mat", "s", ["x"])["x"]
    np.testing.assert_array_equal(found, numbers)
    assert found.dtype == (np.uint8 if kind == "?" else numbers.dtype)


@pytest.mark.parametrize("program", ["6.1_SOL2", "6.5.1_GLNX86", "7.4_GLNX86"])
def test_matlabs_own_files_are_read(program: str) -> None:
    folder = Path(scipy_io.__file__).parent / "matlab" / "tests" / "data"
    if not folder.is_dir():
        pytest.skip("this scipy comes without MATLAB's files")
    path = folder / f"teststruct_{program}.mat"
    found = read_struct(path, "teststruct", ["doublefield"])["doublefield"]
    np.testing.assert_array_equal(found, by_scipy(path, "teststruct")["doublefield"])
    with pytest.raises(BadInput, match="complexfield holds no real numbers"):
        read_struct(path, "teststruct", ["complexfield"])


def test_what_is_no_struct_is_named(file: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no variable GTcls, expected a struct of that name"):
        read_struct(file, "GTcls", FIELDS)
    scipy_io.savemat(tmp_path / "b.mat", {"GTinst": np.eye(3)})
    with pytest.raises(BadInput, match="GTinst is no struct, expected one with Segmentation, Categories"):
        read_struct(tmp_path / "b.mat", "GTinst", FIELDS)
    with pytest.raises(BadInput, match=r"cannot be read \(Is a directory\)"):
        read_struct(tmp_path, "GTinst", FIELDS)


# Damaged files


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    scipy_io.savemat(tmp_path / "a.mat", {"s": {"x": np.arange(12, dtype=np.uint8).reshape(3, 4)}})
    return tmp_path / "a.mat"


NUMBERS = bytes(np.arange(12, dtype=np.uint8).reshape(3, 4).T.tobytes())


@pytest.mark.parametrize(
    ("before_numbers", "value"),
    [
        (-8, b"\0\0\0\0"),  # numbers of no type: scipy ends the process
        (-8, b"\x02\x80\0\0"),  # and here
        (-39, b"\x08"),  # complex without a second part: and here
        (-4, b"\xff\xff\xff\xff"),  # 4 GB of numbers
        (-24, b"\xff\xff\xff\x7f"),  # two thousand million rows
    ],
)
def test_a_file_that_ends_scipy_is_one_line_and_the_next_is_read(
    plain: Path, tmp_path: Path, before_numbers: int, value: bytes
) -> None:
    whole = plain.read_bytes()
    assert whole.count(NUMBERS) == 1
    place = whole.index(NUMBERS) + before_numbers
    plain.write_bytes(whole[:place] + value + whole[place + len(value) :])
    with pytest.raises(BadInput) as error:
        read_struct(plain, "s", ["x"])
    assert str(error.value).startswith(f"{plain}: cannot be read as a .mat file (")
    assert "\n" not in str(error.value)
    (tmp_path / "b.mat").write_bytes(whole)
    assert read_struct(tmp_path / "b.mat", "s", ["x"])["x"].tobytes() == bytes(range(12))


def test_no_damage_is_more_than_one_line(file: Path) -> None:
    whole, right = file.read_bytes(), read_struct(file, "GTinst", FIELDS)
    wrong, refusals = 0, []
    for number in range(150):
        _, data = damaged(whole, random.Random(number))
        file.write_bytes(data)
        try:
            found = read_struct(file, "GTinst", FIELDS)
        except BadInput as error:
            refusals.append(str(error))
        else:
            wrong += found.keys() != right.keys() or any(
                not np.array_equal(found[name], right[name]) for name in right
            )
    assert len(refusals) > 40
    assert all(said.startswith(f"{file}: ") and "\n" not in said for said in refusals)
    if file.stat().st_size < 4000:  # compressed, with a checksum; the other has none
        assert wrong == 0


# The process


def running() -> int:
    """The number of the process that reads for this one."""
    held = mat_files._PROCESSES[os.getpid()]._running
    assert held is not None
    return held.pid


def test_one_process_reads_all_files_and_a_killed_one_is_replaced(plain: Path) -> None:
    read_struct(plain, "s", ["x"])
    first = running()
    read_struct(plain, "s", ["x"])
    assert running() == first
    os.kill(first, signal.SIGKILL)
    mat_files._PROCESSES[os.getpid()]._running.wait()  # type: ignore[union-attr]
    read_struct(plain, "s", ["x"])
    assert running() != first


def test_a_file_that_takes_too_long_is_one_line(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mat_files, "_PROCESSES", {})  # a new process imports first
    monkeypatch.setattr(mat_files, "SECONDS", 0.001)
    with pytest.raises(BadInput, match=r"a\.mat: cannot be read as a \.mat file \(it ended the process"):
        read_struct(plain, "s", ["x"])


def test_threads_get_each_what_they_asked_for(tmp_path: Path) -> None:
    for number in range(8):
        scipy_io.savemat(tmp_path / f"{number}.mat", {"s": {"x": np.full((40, 50), number)}})

    def read(number: int) -> bool:
        return bool((read_struct(tmp_path / f"{number % 8}.mat", "s", ["x"])["x"] == number % 8).all())

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(read, range(64)))


def test_a_forked_process_has_a_reader_of_its_own(plain: Path) -> None:
    read_struct(plain, "s", ["x"])
    first = running()
    if not (child := os.fork()):
        try:
            right = read_struct(plain, "s", ["x"])["x"].tobytes() == bytes(range(12))
            other = running()
            mat_files._PROCESSES[os.getpid()].end()
        finally:
            os._exit(0 if right and other != first else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert read_struct(plain, "s", ["x"])["x"].tobytes() == bytes(range(12))
    assert running() == first
