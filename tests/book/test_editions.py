"""The student's edition lacks what the student writes and nothing else; the teacher's is the chapter; both run."""

from __future__ import annotations

import ast
import copy
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import editions
import nbformat
import pytest
from chapter_minutes import whole_sections
from chapter_runs import environment, executed, in_rotation
from chapter_stubs import problems, stubbed
from editions import BRANCH, EDITIONS, fill, filled, make, own, publish, student, teacher
from folds import title
from misconceptions import misconceptions
from nbformat import NotebookNode
from nbformat.validator import iter_validate
from notebooks import BOOK, CHAPTERS, Chapter, each_chapter, none_of
from pages import loaded
from small_chapter import Break, broken, cell_named, fits, in_cell
from strip_notebooks import as_text
from way_out import way_out

from bridgeseg.machine.environment import cache_folder

ONE_KIND = "NotImplementedError"


@each_chapter
def test_what_a_chapter_builds_can_be_given_to_a_reader_to_write(path: Path) -> None:
    none_of(problems(Chapter(path)))


def text_of(chapter: Chapter) -> list[tuple[str, str, str]]:
    return [(cell.kind, cell.name, cell.source) for cell in chapter.cells]


@each_chapter
def test_the_editions_are_the_chapter_s_own_text(path: Path) -> None:
    chapter = Chapter(path)
    assert own(teacher(chapter)) == text_of(chapter)
    assert own(filled(student(chapter), chapter)) == text_of(chapter)


@each_chapter
@pytest.mark.parametrize("edition", EDITIONS)
def test_an_edition_is_a_valid_notebook_with_readable_names(path: Path, edition: str) -> None:
    made = EDITIONS[edition](Chapter(path))
    assert list(iter_validate(made)) == []
    names = [cell["id"] for cell in made["cells"]]
    assert len(names) == len(set(names))


def answers_left(chapter: Chapter, made: dict[str, Any]) -> Iterator[str]:
    """Yield what stands of answers in a student's edition."""
    for cell in chapter.cells:
        text = "".join(cell_named(made, cell.name)["source"])
        if "solution" in cell.tags and text.splitlines()[1:]:
            yield f"cell {cell.name}: more than a line to write in"
        if "build" in cell.tags:
            functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
            for body in ("\n".join(map(ast.unparse, node.body[1:])) for node in functions):
                if not re.fullmatch(
                    r"raise NotImplementedError\(['\"].* is still to be written\. .*\)", body
                ):
                    yield f"cell {cell.name}: an answer is left: {body}"


@each_chapter
def test_no_answer_is_left_in_the_student_s_edition(path: Path) -> None:
    chapter = Chapter(path)
    none_of(answers_left(chapter, student(chapter)))
    assert all(not cell.get("outputs") for cell in student(chapter)["cells"])


@each_chapter
def test_predictions_have_a_cell_and_checkpoints_a_way_out(path: Path) -> None:
    chapter = Chapter(path)
    made = student(chapter)["cells"]
    places = {cell["id"]: place for place, cell in enumerate(made)}
    asked = [cell for cell in chapter.of("markdown") if editions.PREDICT.search(cell.source)]
    assert len(asked) >= 2
    assert all(places[f"{cell.name}-yours"] == places[cell.name] + 1 for cell in asked)
    for cell in chapter.of("code", "checkpoint"):
        assert places[f"{cell.name}-stuck"] == places[cell.name] + 1
        after = made[places[cell.name] + 1]
        assert after["metadata"]["cellView"] == "form"
        assert after["metadata"]["jupyter"]["source_hidden"]
        assert "\nSTUCK = False  #" in "".join(after["source"])
    assert places["about-this-edition"] < places["setup"]


@each_chapter
def test_plumbing_is_folded_in_both_and_answers_are_in_sight_where_they_should_be(path: Path) -> None:
    chapter = Chapter(path)
    for edition, made_of in EDITIONS.items():
        made = Chapter(path, made_of(chapter))
        ways_out = [cell.name for cell in made.of("code") if cell.name.endswith("-stuck")]
        shown = [cell.name for cell in made.of("code", "solution")]
        folded = [cell.name for cell in made.cells if "cellView" in cell.stored["metadata"]]
        plumbing = [cell.name for cell in chapter.of("code", "plumbing")]
        assert sorted(folded) == sorted([*plumbing, *ways_out]), edition
        assert not set(shown) & set(folded)
        for cell in made.of("code"):
            if cell.name in folded:
                assert cell.stored["metadata"]["jupyter"] == {"source_hidden": True}
                assert title(cell.source), cell.name


@each_chapter
def test_a_teacher_sees_minutes_and_what_students_get_wrong(path: Path) -> None:
    chapter = Chapter(path)
    made = teacher(chapter)["cells"]
    texts = {cell["id"]: "".join(cell["source"]) for cell in made}
    shown = [section for section in whole_sections(chapter) if section.level == 2 and section.read]
    assert len(shown) > 5
    for section in shown:
        assert f"## {section.title}\n\n*Minutes: {section.read} to read" in texts[section.cell]
    order = [cell["id"] for cell in made]
    for cell in chapter.of("code", "checkpoint"):
        assert order[order.index(cell.name) + 1] == f"{cell.name}-mistakes"
    said = "\n".join(texts.values())
    assert [each.version for each in misconceptions(chapter) if each.sentence not in said] == []
    assert order.index("about-this-edition") < order.index(chapter.of("code", "setup")[0].name)


# One chapter, another from day to day, really runs


def run(made: dict[str, Any], path: Path, folder: Path, installed: Path) -> NotebookNode:
    """Run an edition to its end, with the package from its wheel; what is trained beforehand is at hand."""
    notebook = folder / "content" / path.name
    notebook.parent.mkdir()
    notebook.write_text(as_text(made), "utf8")
    there = environment(folder, PYTHONPATH=str(installed), BRIDGESEG_CACHE=str(cache_folder()))
    return executed(notebook, there, to_the_end=True)


def errors(done: NotebookNode) -> dict[str, tuple[str, list[str]]]:
    """The kind and the lines of each error in an executed notebook, by cell."""
    return {
        cell.id: (output.ename, output.traceback)
        for cell in done.cells
        for output in cell.get("outputs", [])
        if output.output_type == "error"
    }


def not_in_one_line(found: dict[str, tuple[str, list[str]]]) -> Iterator[str]:
    """Yield the errors that are not the one line that says what is still to be written."""
    for name, (kind, lines) in found.items():
        said = "\n".join(lines)
        if kind != ONE_KIND or "\n" in said or "is still to be written" not in said:
            yield f"cell {name}: {kind}, not one line that says what is to be written: {said[-300:]}"


def set_stuck(made: dict[str, Any]) -> dict[str, Any]:
    """A student's edition in which every way out is taken."""
    made = copy.deepcopy(made)
    for cell in made["cells"]:
        if cell["id"].endswith("-stuck"):
            cell["source"] = "".join(cell["source"]).replace("STUCK = False", "STUCK = True")
    return made


def on_the_way(chapter: Chapter) -> set[str]:
    """The cells from a function to its checkpoint, which stop where the function is not written."""
    cells: set[str] = set()
    for checkpoint in chapter.of("code", "checkpoint"):
        first = max(cell.place for cell in chapter.of("code", "build") if cell.place < checkpoint.place)
        cells |= {cell.name for cell in chapter.cells[first : checkpoint.place + 1]}
    return cells


rotating = pytest.mark.parametrize("path", [in_rotation(CHAPTERS)], ids=lambda path: path.stem)


@rotating
@pytest.mark.slow
def test_a_student_who_has_written_all_gets_from_top_to_bottom(
    path: Path, tmp_path: Path, installed: Path
) -> None:
    chapter = Chapter(path)
    assert errors(run(filled(student(chapter), chapter), path, tmp_path, installed)) == {}


@rotating
@pytest.mark.slow
def test_where_nothing_is_written_every_checkpoint_says_so_in_one_line(
    path: Path, tmp_path: Path, installed: Path
) -> None:
    chapter = Chapter(path)
    found = errors(run(student(chapter), path, tmp_path, installed))
    none_of(not_in_one_line(found))
    assert {cell.name for cell in chapter.of("code", "checkpoint")} <= set(found)


@rotating
@pytest.mark.slow
def test_a_student_who_is_stuck_everywhere_still_gets_to_the_end(
    path: Path, tmp_path: Path, installed: Path
) -> None:
    chapter = Chapter(path)
    found = errors(run(set_stuck(student(chapter)), path, tmp_path, installed))
    none_of(not_in_one_line(found))
    assert set(found) <= on_the_way(chapter)


# The tools, on a chapter that is made for it


def test_the_gate_sees_nothing_in_what_is_whole(tmp_path: Path) -> None:
    chapter = broken(lambda made: None, tmp_path)
    none_of(problems(chapter))
    none_of(answers_left(chapter, student(chapter)))
    assert own(filled(student(chapter), chapter)) == text_of(chapter)


SAYS = '"""Return half of each of the values (n,). Here it is written out.'


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (SAYS, SAYS.replace("Return half", "The half"), "begins with what to do"),
        (SAYS, SAYS.replace("Return half", "Halves"), "begins with what to do"),
        (SAYS, '"""Values (n,) -> half of each, (n,). Here.', "begins with what to do"),
        ("(n,)", "", "gives shapes"),
        ("Example:", "For instance:", "has an 'Example:'"),
        (">>> ", "", "has an 'Example:'"),
        ("    return values / 2", "", "has nothing to write"),
        ('"""', "#", "has no docstring"),
    ],
)
def test_a_build_cell_that_cannot_be_given_to_a_reader_is_seen(
    old: str, new: str, said: str, tmp_path: Path
) -> None:
    break_it: Break = in_cell("build", old, new)
    if new == "#":

        def break_it(made: dict) -> None:
            cell_named(made, "build")["source"] = ["def halves(values):\n", "    return values / 2"]

    found = list(problems(broken(break_it, tmp_path)))
    assert fits(found, said), found


def test_a_stub_keeps_all_but_the_answer() -> None:
    source = '''from PIL import Image


@cached
def halves(values, by=2):
    """Return half of the values (n,), in "one" line that is long enough to be broken into two. More.

    More of it.
    """
    # a comment that gives it away
    def inner(x):
        return x / by

    return inner(values)


print(halves(3))  # stays


class Block:
    """Halve what comes in, (n,)."""

    size = 3

    def forward(self, x):
        return x / self.size'''
    made = stubbed(source)
    compile(made, "stub", "exec")
    for kept in (
        "from PIL",
        "@cached",
        "More of it.",
        "print(halves(3))  # stays",
        "size = 3",
        "forward(self, x)",
    ):
        assert kept in made
    for gone in ("gives it away", "inner", "return", "self.size"):
        assert gone not in made
    names: dict[str, Any] = {"cached": lambda function: function}
    exec(made.replace("print(halves(3))", ""), names)
    with pytest.raises(NotImplementedError) as caught:
        names["halves"](1)
    sentence = 'Return half of the values (n,), in "one" line that is long enough to be broken into two.'
    assert str(caught.value) == f"halves is still to be written. {sentence}"
    with pytest.raises(NotImplementedError, match=r"^Block is still to be written\. Halve what comes in"):
        names["Block"]().forward(1)
    assert all(len(line) <= 110 for line in made.splitlines())


def test_the_way_out_lends_the_package_s_and_makes_what_is_owed(tmp_path: Path) -> None:
    def more(made: dict) -> None:
        cell_named(made, "build")["source"] += [
            "\n\n\nkept = halves(3)\nprint(kept)\nloose = [x for x in ()]"
        ]
        in_cell("build-checkpoint", "lambda values: values * 0.5", "half_of")(made)
        in_cell("build-checkpoint", "import torch\n", "import torch\n\nfrom a.b import half as half_of\n")(
            made
        )
        cell_named(made, "claim-run")["source"] += ["\nkept"]

    chapter = broken(more, tmp_path)
    (checkpoint,) = chapter.of("code", "checkpoint")
    assert way_out(chapter, checkpoint).splitlines()[2:] == [
        "if STUCK:",
        "    from a.b import half as halves",
        "",
        "    # What the cells above make with it.",
        "    kept = halves(3)",
    ]


def test_hints_are_folded_and_unfolded(tmp_path: Path) -> None:
    hint = "Before.\n\n> **Hint.** One line\n> and another.\n>\n> A paragraph.\n\nAfter."

    def hinted(made: dict) -> None:
        cell_named(made, "see")["source"] = hint.splitlines(keepends=True)

    chapter = broken(hinted, tmp_path)
    text = "".join(cell_named(student(chapter), "see")["source"])
    folded = "<details><summary>Hint</summary>\n\nOne line\nand another.\n\nA paragraph.\n\n</details>"
    assert text == f"Before.\n\n{folded}\n\nAfter."
    assert own(filled(student(chapter), chapter)) == text_of(chapter)


@pytest.mark.parametrize("box", [":::{admonition} Predict\n:class: important\n", "> **Predict.** What?\n"])
def test_both_forms_of_a_prediction_are_seen(box: str, tmp_path: Path) -> None:
    chapter = broken(in_cell("see", "Here", f"{box}\nHere"), tmp_path)
    assert "see-yours" in [cell["id"] for cell in student(chapter)["cells"]]


def test_an_edition_that_is_not_the_chapter_s_text_is_seen(tmp_path: Path) -> None:
    chapter = broken(lambda made: None, tmp_path)
    made = filled(student(chapter), chapter)
    cell_named(made, "claim-run")["source"] = ["print(1)"]
    assert own(made) != text_of(chapter)


def test_an_answer_that_is_left_is_seen(tmp_path: Path) -> None:
    chapter = broken(lambda made: None, tmp_path)
    made = student(chapter)
    cell_named(made, "build")["source"] = chapter.of("code", "build")[0].source
    cell_named(made, "solution-1")["source"] = chapter.of("code", "solution")[0].source + "\n1"
    found = list(answers_left(chapter, made))
    assert fits(found, "cell build: an answer is left: return values / 2"), found
    assert fits(found, "cell solution-1: more than a line"), found


def small_run(tmp_path: Path, installed: Path, *sources: str) -> dict[str, tuple[str, list[str]]]:
    set_up = "from bridgeseg.teaching.set_up import begin\ndevice = begin()"
    cells = [nbformat.v4.new_code_cell(text, id=f"c{n}") for n, text in enumerate([set_up, *sources])]
    made = nbformat.v4.new_notebook(cells=cells)
    return errors(run(made, Path("small.ipynb"), tmp_path, installed))


@pytest.mark.slow
def test_in_a_kernel_a_stub_is_one_line_and_other_errors_are_whole(tmp_path: Path, installed: Path) -> None:
    stub = "def halves(x):\n    raise NotImplementedError('halves is still to be written.')"
    check = "from bridgeseg.teaching.checks import agree\nagree(halves, abs, [(1,)])"
    found = small_run(tmp_path, installed, stub, "a = halves(1)", "a + 1", check, "nobody", "abs('a')")
    assert set(found) == {"c2", "c3", "c4", "c5", "c6"}
    assert len(list(not_in_one_line(found))) == 2
    assert fits(list(not_in_one_line(found)), "cell c5: NameError")


# What is written and published


def test_both_are_written_and_need_no_file_beside_them(tmp_path: Path) -> None:
    written = make(tmp_path)
    assert {path.relative_to(tmp_path).as_posix() for path in written} == {
        f"{edition}/{path.name}" for edition in ("student", "teacher") for path in CHAPTERS
    }
    for path in written:
        for cell in nbformat.read(path, as_version=4).cells:
            assert not re.search(r"!\[[^\]]*\]\((?!https:)", cell.source), cell.id
    (tmp_path / "student" / "old.ipynb").write_text("")
    make(tmp_path)
    assert not (tmp_path / "student" / "old.ipynb").exists()


def test_the_student_s_is_written_as_a_student_leaves_it(tmp_path: Path) -> None:
    for path, chapter in zip(fill(tmp_path), map(Chapter, CHAPTERS)):
        assert path.stem == f"{chapter.path.stem}-filled"
        assert own(Chapter(path).notebook) == text_of(chapter)


def git(folder: Path, *arguments: str) -> str:
    ran = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone with one commit, whose remote is a bare repository."""
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "A test")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "test@example.org")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    git(tmp_path, "init", "--quiet", "--bare", "remote.git")
    git(tmp_path, "init", "--quiet", "--initial-branch=main", "clone")
    git(tmp_path / "clone", "remote", "add", "origin", str(tmp_path / "remote.git"))
    git(tmp_path / "clone", "commit", "--quiet", "--allow-empty", "-m", "First")
    return tmp_path / "clone"


def test_they_are_pushed_to_a_branch_of_their_own(clone: Path, tmp_path: Path) -> None:
    made, remote = tmp_path / "made", tmp_path / "remote.git"
    make(made, CHAPTERS[:1])
    commit = git(clone, "rev-parse", "--short", "HEAD")
    assert publish(made, "origin", clone) == f"{BRANCH}: The editions of {commit}"
    there = git(remote, "ls-tree", "-r", "--name-only", BRANCH).splitlines()
    name = CHAPTERS[0].name
    assert {"README.md", f"student/{name}", f"teacher/{name}"} <= set(there)
    assert git(remote, "show", f"{BRANCH}:student/{name}") == (made / "student" / name).read_text().strip()
    assert publish(made, "origin", clone) == f"{BRANCH}: nothing has changed"
    (made / "student" / name).unlink()
    publish(made, "origin", clone)
    assert git(remote, "rev-list", "--count", BRANCH) == "2"
    assert f"student/{name}" not in git(remote, "ls-tree", "-r", "--name-only", BRANCH).splitlines()
    assert git(clone, "status", "--porcelain") == ""
    assert git(clone, "branch", "--list") == "* main"


def test_a_remote_that_refuses_is_an_error(clone: Path, tmp_path: Path) -> None:
    make(tmp_path / "made", CHAPTERS[:1])
    with pytest.raises(RuntimeError, match="git ls-remote"):
        publish(tmp_path / "made", str(tmp_path / "nowhere.git"), clone)


def test_the_publishing_workflow_makes_and_pushes_them() -> None:
    import yaml

    flow = yaml.safe_load((BOOK.parent / ".github" / "workflows" / "pages.yml").read_text("utf8"))
    job = flow["jobs"]["build"]
    steps = [step.get("run", "") for step in job["steps"]]
    assert job["permissions"]["contents"] == "write"
    make_them = steps.index("make student PYTHON=python")
    assert steps.index(".venv/bin/python tests/book/editions.py publish origin") > make_them


@pytest.fixture(scope="module")
def extension() -> Any:
    pytest.importorskip("sphinx")
    return loaded(BOOK / "_extensions" / "editions.py")


@pytest.mark.parametrize(("source", "count"), [("book/01_x.ipynb", 2), ("book/intro.md", 0)])
def test_chapters_have_the_line_below_their_title_and_other_pages_have_not(
    source: str, count: int, extension: Any
) -> None:
    from docutils import nodes, utils

    page = utils.new_document("page")
    page += nodes.section("", nodes.title("", "A title"), nodes.paragraph("", "Text."))
    env = SimpleNamespace(docname=source.partition(".")[0], doc2path=lambda docname: source)
    options = {
        "repository_url": "https://github.com/ab/cd",
        "launch_buttons": {"colab_url": "https://colab.example"},
    }
    extension.add_links(SimpleNamespace(env=env, config=SimpleNamespace(html_theme_options=options)), page)
    links = list(page.findall(nodes.reference))
    assert len(links) == count
    assert all(link.parent.parent.index(link.parent) == 1 for link in links)
    assert [link["refuri"].partition("/student/")[2] for link in links][:1] == ["01_x.ipynb"][:count]


def test_pages_link_what_is_pushed(extension: Any) -> None:
    assert extension.BRANCH == BRANCH
    said = extension.links("https://github.com/ab/cd", "https://colab.example", "01_x")
    assert list(said.values()) == [
        "https://colab.example/github/ab/cd/blob/editions/student/01_x.ipynb",
        "https://github.com/ab/cd/archive/refs/heads/editions.zip",
    ]
