"""The reader of .mat files against scipy's: MATLAB's own files, written ones, and damaged ones."""

from __future__ import annotations

import random
import sys
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
    with pytest.raises(BadInput, match="expected real numbers|expected an array of real numbers"):
        read_struct(file, "GTinst", ["Boundaries"])


@pytest.mark.parametrize("kind", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8", "?"])
@pytest.mark.parametrize("shape", [(3, 4), (1, 1), (0, 0), (5, 0), (2, 3, 4)])
def test_numbers_of_every_type_and_shape(tmp_path: Path, kind: str, shape: tuple[int, ...]) -> None:
    numbers = np.arange(np.prod(shape)).reshape(shape).astype(kind)
    scipy_io.savemat(tmp_path / "a.mat", {"before": 1, "s": {"x": numbers, "long_name_of_a_field": 2}})
    found = read_struct(tmp_path / "a.mat", "s", ["x"])["x"]
    np.testing.assert_array_equal(found, numbers)
    assert found.dtype == (np.uint8 if kind == "?" else numbers.dtype)


@pytest.mark.parametrize("program", ["6.1_SOL2", "6.5.1_GLNX86", "7.1_GLNX86", "7.4_GLNX86"])
def test_what_matlab_wrote_reads_as_scipy_reads_it(program: str) -> None:
    """Of both byte orders, compressed since version 7, with texts, cells and complex numbers beside."""
    folder = Path(scipy_io.__file__).parent / "matlab" / "tests" / "data"
    if not folder.is_dir():
        pytest.skip("this scipy comes without MATLAB's files")
    path = folder / f"teststruct_{program}.mat"
    expected = by_scipy(path, "teststruct")
    np.testing.assert_array_equal(
        read_struct(path, "teststruct", ["doublefield"])["doublefield"], expected["doublefield"]
    )
    for field in ("stringfield", "complexfield"):
        with pytest.raises(BadInput, match="expected real numbers|expected an array of real numbers"):
            read_struct(path, "teststruct", [field])


# Damaged files


def changed(file: Path, place: int, value: bytes) -> None:
    data = bytearray(file.read_bytes())
    data[place : place + len(value)] = value
    file.write_bytes(data)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    scipy_io.savemat(tmp_path / "a.mat", {"s": {"x": np.arange(12, dtype=np.uint8).reshape(3, 4)}})
    return tmp_path / "a.mat"


def place_of(file: Path, what: bytes) -> int:
    """Where some bytes stand, which stand there once."""
    data = file.read_bytes()
    assert data.count(what) == 1
    return data.index(what)


NUMBERS = bytes(np.arange(12, dtype=np.uint8).reshape(3, 4).T.tobytes())


@pytest.mark.parametrize(
    ("before_numbers", "value", "said"),
    [
        (-8, b"\0\0\0\0", "numbers of type 0, expected 1, 2, 3"),  # scipy ends the process
        (-8, b"\x02\x80\0\0", "an element of 32768 bytes where|of 32770|expected"),  # and here
        (
            -39,
            b"\x08",
            "a field of class 9, expected real numbers",
        ),  # complex without a second part: and here
        (-40, b"\x04", "a field of class 4, expected real numbers"),
        (-8, b"\x09\0\0\0", "buffer size must be a multiple"),
        (-4, b"\xff\xff\xff\xff", "an element of 4294967295 bytes where"),
        (-4, b"\x0b\0\0\0", "11 numbers for the shape (3, 4)"),
        (-24, b"\xff\xff\xff\x7f", "12 numbers for the shape (2147483647, 4)"),
        (-21, b"\xff", "an array with 2 flags and the shape"),
    ],
)
def test_what_an_array_says_of_itself_is_compared_with_what_is_there(
    plain: Path, before_numbers: int, value: bytes, said: str
) -> None:
    changed(plain, place_of(plain, NUMBERS) + before_numbers, value)
    with pytest.raises(BadInput) as error:
        read_struct(plain, "s", ["x"])
    assert any(each in str(error.value) for each in said.split("|"))
    assert str(error.value).startswith(f"{plain}: cannot be read as a .mat file (")


def test_no_damage_does_harm_in_silence(file: Path) -> None:
    """Cut off, overwritten, cut out: one line or the right numbers; wrong ones where nothing tells that they are."""
    whole, right = file.read_bytes(), read_struct(file, "GTinst", FIELDS)
    wrong, refusals = 0, []
    for number in range(1500):
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
    assert len(refusals) > 500
    assert all(said.startswith(f"{file}: ") and "\n" not in said for said in refusals)
    assert (
        wrong == 0 if len(whole) < 4000 else wrong < 100
    )  # the compressed file has a checksum, the other none


def test_much_out_of_little_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.mat"
    scipy_io.savemat(path, {"s": {"x": np.zeros((1000, 1000))}}, do_compression=True)
    assert read_struct(path, "s", ["x"])["x"].shape == (1000, 1000)
    assert path.stat().st_size < 20_000
    monkeypatch.setattr(mat_files, "MOST_BYTES", 1 << 20)
    with pytest.raises(BadInput, match="cut off or take more than 1 MB"):
        read_struct(path, "s", ["x"])
    path.write_bytes(b"\0" * ((1 << 20) + 1))
    with pytest.raises(BadInput, match="more than 1 MB"):
        read_struct(path, "s", ["x"])


def test_tags_without_end_do_not_fill_the_memory(tmp_path: Path, plain: Path) -> None:
    path = tmp_path / "tags.mat"
    empty = b"\x02\0\0\0\0\0\0\0" * 100_000
    path.write_bytes(plain.read_bytes()[:128] + b"\x0e\0\0\0" + len(empty).to_bytes(4, "little") + empty)
    with pytest.raises(BadInput, match="too many elements"):
        read_struct(path, "s", ["x"])


def test_a_folder_in_its_place_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"cannot be read \(Is a directory\)"):
        read_struct(tmp_path, "s", ["x"])
