"""Lists of categories as other tools write them: the right names at the right numbers, or one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridgeseg.data.category_names import names_text, other_list, read_names_file
from bridgeseg.machine.files import write_text
from bridgeseg.structures.labels import BadInput

CVAT = "# label:color_rgb:parts:actions\nbackground:0,0,0::\nperson:128,0,0::\ndog:0,128,0::\n"


def names(folder: Path, text: str) -> tuple[str, ...]:
    (folder / "classes.txt").write_text(text, encoding="utf-8")
    return read_names_file(folder / "classes.txt")[0]


@pytest.mark.parametrize(
    "text",
    [
        "person\ndog\n",
        "_background_\nperson\ndog\n",
        "__ignore__\n_background_\nperson\ndog\n",
        "__ignore__\nperson\ndog\n",
        "__background__\nperson\ndog\n",
        "__ignore__\n__background__\nperson\ndog\n",
        "BACKGROUND\nperson\ndog\n__ignore__\n",
        "\ufeff_Background_\r\n\r\n  person \r\ndog\r\n",
        CVAT,
        CVAT.partition("\n")[2],
        CVAT.replace("::", ":head,hand:run,sit"),
    ],
)
def test_a_list_of_every_tool_gives_the_same_numbers(tmp_path: Path, text: str) -> None:
    assert names(tmp_path, text) == ("person", "dog")


def test_a_label_map_also_gives_the_colours(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text(CVAT)
    assert read_names_file(tmp_path / "classes.txt")[1] == ((0, 0, 0), (128, 0, 0), (0, 128, 0))
    (tmp_path / "classes.txt").write_text("person\n")
    assert read_names_file(tmp_path / "classes.txt")[1] is None


@pytest.mark.parametrize(
    "text",
    [
        "person\n_background_\ndog\n",
        "_background_\n__ignore__\nperson\n",
        "background\n_background_\nperson\n",
        "person\ndog\nperson\n",
        "_background_\n",
        "__ignore__\n",
        "0 background\n1 person\n2 dog\n",
        "1: person\n2: dog\n",
        "person,128,0,0\ndog,0,128,0\n",
        "person 128 0 0\ndog 0 128 0\n",
        "dog:2\nperson:1\n",
        "1: person\n2: dog\n13: stop sign\n",
        "1. person\n2. dog\n",
        "(1) person\n(2) dog\n",
        "person=1\ndog=2\n",
        "0\n1\n2\n",
        "background 0\nperson 1\ndog 2\n",
        "* background\n* person\n",
        "background;bg\nperson;individual\n",
        "'background',\n'person',\n",
        '"person"\n"dog"\n',
        "- person\n- dog\n",
        "names:\n  - person\n",
        "names: [person, dog]\n",
        "Classes:\nperson\ndog\n",
        "name,r,g,b\nperson,64,128,64\ndog,192,0,128\n",
        "id,name\n1,person\n2,dog\n",
        "id name\n0 background\n1 person\n",
        "person, dog\n",
        "BG\nperson\n",
        "unlabeled\nperson\n",
        "void\nperson\n",
        "None\nperson\n",
        "__ignore__\nunlabelled\nperson\n",
        "_background_\n# my categories\nperson\n",
        "_background_\n//person\n",
        "item {\n  id: 1\n  name: 'person'\n}\n",
        '["person", "dog"]\n',
        '{"person": 1}\n',
        "# my categories\nperson\n",
        CVAT.replace("background:0,0,0::\n", ""),
        "person:128,0,0::\nbackground:0,0,0::\n",
    ],
)
def test_a_list_whose_numbers_are_not_sure_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadInput, match=r"classes\.txt") as caught:
        names(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_what_may_be_number_0_is_a_category_after_the_background(tmp_path: Path) -> None:
    for name in ("void", "unlabeled", "background class", "door, wooden", "0"):
        with pytest.raises(BadInput, match="_background_"):
            names(tmp_path, f"{name}\n")
        assert names(tmp_path, f"_background_\n{name}\ndog\n") == (name, "dog")
    assert names(tmp_path, "dog\nother\nvoid\n") == ("dog", "other", "void")  # of sure numbers


def test_text_of_another_encoding_is_refused_in_words(tmp_path: Path) -> None:
    for encoding in ("utf-16", "latin-1"):
        (tmp_path / "classes.txt").write_bytes("mädchen\n".encode(encoding))
        with pytest.raises(
            BadInput, match=r"classes\.txt: cannot be read as text in UTF-8, expected it saved so"
        ):
            read_names_file(tmp_path / "classes.txt")


def test_names_that_look_a_little_foreign_are_names(tmp_path: Path) -> None:
    odd = ("traffic light", "kind 1", "2 door car", "backgrounds", "ignore", "dog [small]", "a:b", "C#")
    assert names(tmp_path, "\n".join(odd)) == odd


@pytest.mark.parametrize(
    "lines", [["HeLa:2"], ["2 cells", "4 cells"], ["1 cell", "1 cells"], ["1" * 5000 + " x"]]
)
def test_a_number_in_a_name_is_part_of_it_where_it_can_be_no_number_of_a_category(
    tmp_path: Path, lines: list[str]
) -> None:
    assert names(tmp_path, "\n".join(lines)) == tuple(lines)


def test_after_the_background_a_name_is_a_name(tmp_path: Path) -> None:
    odd = ("[other]", "{a}", "#1", "---", "item {", "1: cell", "2: nucleus", "x:1,2,3::")
    for name in odd:
        assert names(tmp_path, f"_background_\n{name}\n") == (name,)
    numbers = ("1: cell", "2: nucleus")
    with pytest.raises(BadInput, match="where they are, _background_ in the first"):
        names(tmp_path, "\n".join(numbers))
    for wanted in (odd, numbers):
        assert names(tmp_path, "\n".join(["_background_", *wanted])) == wanted


PARTS = [
    "[",
    "]",
    "{",
    "}",
    "#",
    "1",
    "2",
    ":",
    ",",
    " ",
    "a",
    "b",
    "---",
    "//",
    "_background_",
    "__void__",
    "\ufeff",
]
ODD = st.lists(st.sampled_from(PARTS), max_size=5).map("".join)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ODD | st.text(max_size=4), max_size=4))
def test_what_is_written_is_read_again_or_refused(tmp_path: Path, wanted: list[str]) -> None:
    try:
        text = names_text(wanted)
    except BadInput:
        return
    write_text(tmp_path / "classes.txt", text)
    assert read_names_file(tmp_path / "classes.txt")[0] == tuple(wanted)


@pytest.mark.parametrize("wanted", [["# x"], ["a", "a"], [""], ["a", "background"], ["a\nb"], [" a"], []])
def test_names_that_no_text_can_hold_are_refused(wanted: list[str]) -> None:
    with pytest.raises(BadInput, match=r"^classes\.txt: [^\n]*$"):
        names_text(wanted)


def test_another_list_is_found_by_its_name(tmp_path: Path) -> None:
    assert other_list(tmp_path) is None
    for name in ("notes.txt", "README", "data.yaml"):
        (tmp_path / name).touch()
    (tmp_path / "labels").mkdir()
    assert other_list(tmp_path) is None
    (tmp_path / "LabelMap.txt").touch()
    assert other_list(tmp_path) == tmp_path / "LabelMap.txt"
