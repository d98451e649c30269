"""The welcome and the page of troubles: what they show and quote is what is there, and what they tell to do works."""

from __future__ import annotations

import ast
import inspect
import json
import re
from typing import Any

import pytest
import yaml
from notebooks import BOOK, ROOT
from pages import CHAPTERS, blocks, loaded, page
from PIL import Image
from pybtex.database import parse_file, parse_string

import bridgeseg.data.archives
import bridgeseg.training.train_run

# Messages on the page of troubles that others speak: pip, PyTorch, the shell, the system, Jupyter, Colab.
OF_OTHERS = (
    "ERROR: Package 'bridgeseg' requires a different Python: 3.10.12 not in '>=3.11'",
    "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
    "bridgeseg: error: my_run: No space left on device",
    "RuntimeError: operator torchvision::nms does not exist",
    "Your session crashed after using all available RAM.",
    "make: command not found",
    "jupyter_client.kernelspec.NoSuchKernel: No such kernel named python3",
    "ModuleNotFoundError: No module named 'torch'",
    "error: unknown option '-W'",
    "📭 No file exports found.",
)

# The welcome


def test_the_map_shows_the_chapters_that_are_here_under_their_titles() -> None:
    with Image.open(BOOK / "images" / "map.png") as picture:
        drawn = [int(number) for number in picture.info["Chapters"].split()]
    drawing = loaded(BOOK / "images" / "map.py")
    assert drawn == drawing.chapters_here(), "run: python book/images/map.py"
    titles = {number: title for part in drawing.PARTS.values() for number, title in part.items()}
    assert list(titles) == list(range(1, 16))
    for number, path in CHAPTERS.items():
        first = "".join(json.loads(path.read_text("utf8"))["cells"][0]["source"]).splitlines()[0]
        assert first == f"# {titles[number]}"


def test_every_chapter_has_its_time() -> None:
    text = page("intro")
    table = text.split("<!-- times -->")[1].split("<!-- /times -->")[0]
    for path in CHAPTERS.values():
        assert table.count(f"({path.name})") == 1, path.name


def test_both_are_cited_as_they_say() -> None:
    own = parse_string(blocks(page("intro"), "bibtex")[0], "bibtex").entries
    listed = parse_file(BOOK / "references.bib").entries["wu2016bridging"]
    assert own["wu2016bridging"].fields == listed.fields
    assert own["wu2016bridging"].persons == listed.persons
    cff = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf8"))
    fields = own["bridgeseg"].fields
    assert {name: fields[name] for name in ("title", "version", "url")} == {
        name: str(cff[name]) for name in ("title", "version", "url")
    }
    authors = [str(person).strip("{}") for person in own["bridgeseg"].persons["author"]]
    assert authors == [author["name"] for author in cff["authors"]]


# Set-up and troubleshooting


def templates() -> list[str]:
    """Return what the package and its environment can say, as patterns: a group stands for what is filled in."""
    found = []
    for path in (ROOT / "bridgeseg").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf8"))):
            if isinstance(node, ast.JoinedStr | ast.Constant):
                parts = node.values if isinstance(node, ast.JoinedStr) else [node]
                texts = [part.value if isinstance(part, ast.Constant) else None for part in parts]
                if len("".join(text for text in texts if isinstance(text, str))) >= 10:
                    found.append("".join("(.*)" if t is None else re.escape(str(t)) for t in texts))
    shell = re.sub(r'" \\\n\s*"', " ", (ROOT / ".ci" / "environment").read_text("utf8"))
    for text in re.findall(r'echo "([^"]*)"', shell):
        found.append("(.*)".join(re.escape(part) for part in re.split(r"\$\{[^}]*\}|\$\w+", text)))
    return found


def sayable(text: str, known: list[str]) -> bool:
    """Say whether a message fits a pattern, and whatever long text is filled in fits one as well."""
    matches = (re.fullmatch(pattern, text) for pattern in known)
    return any(found and all(len(g) < 70 or sayable(g, known) for g in found.groups()) for found in matches)


def test_messages_are_those_that_the_package_says() -> None:
    known = templates()
    shown = [
        line for block in blocks(page("setup_and_troubleshooting"), "text") for line in block.splitlines()
    ]
    ours = [line.removeprefix("bridgeseg: error: ") for line in shown if line not in OF_OTHERS]
    assert len(ours) > 10
    assert [line for line in ours if not sayable(line, known)] == []
    assert set(OF_OTHERS) <= set(shown)


def test_what_make_runs_is_what_the_page_says() -> None:
    (told,) = (
        block for block in blocks(page("setup_and_troubleshooting"), "sh") if "python3 -m venv" in block
    )
    texts = ((ROOT / name).read_text("utf8") for name in ("Makefile", ".ci/environment"))
    made = (
        "\n".join(texts)
        .replace("$(RUN)", ".venv/bin/")
        .replace('"$VENV', '".venv')
        .replace('"$PYTHON"', "python3")
    )
    lines = [set(re.sub('[";]', " ", line).split()) for line in made.splitlines()]
    for line in told.splitlines():
        words = set(line.partition("#")[0].split())
        assert any(words <= there for there in lines), line


def recorder(function: Any, calls: list[dict[str, Any]]) -> Any:
    """Return what notes its arguments, bound as the function would bind them, and does nothing."""
    return lambda *given, **named: calls.append(inspect.signature(function).bind(*given, **named).arguments)


def test_python_that_the_page_shows_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, Any]] = []
    for module, name in (
        (bridgeseg.training.train_run, "train_run"),
        (bridgeseg.data.voc, "VocFolder"),
        (bridgeseg.data.archives, "nuclei_from_zip"),
        (bridgeseg.data.archives, "pedestrians_from_zip"),
    ):
        monkeypatch.setattr(module, name, recorder(getattr(module, name), calls))
    shown = blocks(page("setup_and_troubleshooting"), "python")
    for block in shown:
        exec(compile(block, "the page", "exec"), {})
    assert len(calls) == 4
    small, voc = next(call for call in calls if "recipe" in call)["recipe"], bridgeseg.system.presets.VOC
    assert small.learners.keys() == voc.learners.keys()
    for name, learner in small.learners.items():
        ours, theirs = learner.optimiser, voc.learners[name].optimiser
        assert ours.batch < theirs.batch
        assert ours.rate / theirs.rate == ours.batch / theirs.batch  # the linear rule
        assert ours.batch * small.steps == theirs.batch * voc.steps  # as many pictures


def test_variables_that_pages_name_exist() -> None:
    source = "".join(path.read_text("utf8") for path in (ROOT / "bridgeseg").rglob("*.py"))
    for name in ("intro", "setup_and_troubleshooting", "reproduce", "glossary"):
        for variable in re.findall(r"BRIDGESEG_[A-Z]+", page(name)):
            assert variable in source, f"{name}.md: {variable}"
