"""The page of a folder needs nothing but the folder, and everybody can read it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cdn import NotToBeHad, package
from check_page import AXE, NARROW, WIDE
from chromium import chromium_path, launch
from PIL import Image

from bridgeseg.system.result_page import LARGEST, MARK, Shown, page

NAME = 'a <b>&"c" #1?%'
SHOWN = [
    Shown(NAME, f"{NAME}.png", (30, 40), (30, 40), {"<i>cat</i>": 2, "dog": 1000}),
    Shown("large", "large.jpg", (4000, 6000), (1365, 2048), {"dog": 1}),
    Shown("nothing", "nothing.jpg", (30, 40), (30, 40), {}),
    Shown("bare", "b" * 240 + ".jpg", (30, 40), None, {"dog": 3}),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a page and the overlays that it shows."""
    out = tmp_path_factory.mktemp("answers")
    for small in ("pictures", "small"):
        (out / "overlays" / small).mkdir(parents=True)
    for shown in SHOWN[:3]:
        for place in ("", "pictures/", "small/" if shown.name == "large" else ""):
            Image.new("RGB", (60, 40), "green").save(out / "overlays" / f"{place}{shown.name}.jpg")
    (out / "table.csv").write_text("")
    (out / "instances.json").write_text("[]")
    (out / "index.html").write_text(page(SHOWN), "utf8")
    return out


@pytest.fixture(scope="module")
def opened() -> Iterator[Callable[[int, str], Any]]:
    """The page in a Chromium without a window, of some width, light or dark."""
    if not chromium_path():
        pytest.skip("no Chromium on the PATH")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright, launch(playwright) as chromium:

        def in_a_window(width: int, theme: str) -> Any:
            return chromium.new_page(viewport={"width": width, "height": 800}, color_scheme=theme)

        yield in_a_window


def test_names_are_text_and_never_tags() -> None:
    html = page(SHOWN)
    assert html.startswith(MARK)
    assert "<b>" not in html
    assert "<i>" not in html
    assert "&lt;i&gt;cat&lt;/i&gt; 2" in html
    assert "http" not in html.replace("http-equiv", "")
    assert "<script" not in html


def test_it_counts_and_says_what_is_drawn_smaller() -> None:
    html = page(SHOWN)
    assert "<h1>4 pictures, 1,006 instances</h1>" in html
    assert '<th scope="row">dog</th><td>1,004</td>' in html
    assert "6,000 × 4,000, overlay 2,048 × 1,365 pixels" in html
    assert "nothing found" in html
    assert "<h1>1 picture, 1 instance</h1>" in page(SHOWN[1:2])
    assert "<table" not in page([])


@pytest.mark.parametrize(("width", "theme"), [(WIDE, "light"), (NARROW, "dark")])
def test_it_works_from_the_file_system_in_a_browser(
    opened: Callable[[int, str], Any], folder: Path, width: int, theme: str
) -> None:
    window = opened(width, theme)
    asked: list[str] = []
    window.on("request", lambda request: asked.append(request.url))
    window.on("requestfailed", lambda request: pytest.fail(request.url))
    window.goto((folder / "index.html").as_uri())
    window.evaluate("document.querySelectorAll('img').forEach((image) => (image.loading = 'eager'))")
    window.wait_for_function("[...document.images].every((image) => image.complete && image.naturalWidth)")
    assert len(asked) >= 7
    assert all(address.startswith(folder.as_uri()) for address in asked)
    assert window.evaluate("document.documentElement.scrollWidth") <= width
    places = window.evaluate(
        "[...document.querySelectorAll('.pair img')].slice(0, 2).map((image) => image.getBoundingClientRect().top)"
    )
    assert (places[0] == places[1]) == (width == WIDE)  # beside it, or below it on a phone
    ground = window.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (theme == "light")
    # With the keyboard alone: the files, then each overlay.
    reached = []
    for _ in range(6):
        window.keyboard.press("Tab")
        reached.append(window.evaluate("decodeURIComponent(document.activeElement.getAttribute('href'))"))
    assert (
        reached
        == [
            *("table.csv", "instances.json", "null"),  # and the list, to be opened
            *(f"overlays/{shown.name}.jpg" for shown in SHOWN[:3]),
        ]
    )
    window.close()


@pytest.mark.parametrize(("width", "theme"), [(WIDE, "light"), (NARROW, "dark")])
def test_axe_finds_nothing(opened: Callable[[int, str], Any], folder: Path, width: int, theme: str) -> None:
    try:
        axe = package(*AXE)["axe.min.js"].decode()
    except NotToBeHad as reason:
        pytest.skip(str(reason))
    window = opened(width, theme)
    window.goto((folder / "index.html").as_uri())
    window.add_script_tag(content=axe)
    found = window.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert [(violation["id"], violation["nodes"][0]["html"]) for violation in found["violations"]] == []
    window.close()


def test_a_tall_picture_is_no_longer_than_a_wide_one(
    opened: Callable[[int, str], Any], tmp_path: Path
) -> None:
    shapes = {"tall": (1500, 80), "wide": (80, 1500)}
    (tmp_path / "overlays" / "pictures").mkdir(parents=True)
    (tmp_path / "index.html").write_text(
        page([Shown(n, n, size, size, {}) for n, size in shapes.items()]), "utf8"
    )
    window = opened(WIDE, "light")
    window.goto((tmp_path / "index.html").as_uri())
    boxes = window.evaluate("[...document.images].map((image) => image.getBoundingClientRect().toJSON())")
    assert all(box["height"] <= 16 * LARGEST + 1 for box in boxes)
    assert boxes[0]["height"] / boxes[0]["width"] == pytest.approx(1500 / 80, rel=0.03)
    window.close()


def test_of_many_pictures_there_is_a_list_with_a_way_to_each() -> None:
    html = page(SHOWN)
    assert '<a href="#p2">large.jpg</a></th><td>1</td>' in html
    assert '<h2 id="p2">large.jpg</h2>' in html
    assert "&lt;b&gt;" in html.split("</details>")[0]
    assert "<details>" not in page(SHOWN[:3])
