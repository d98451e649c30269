"""Checks a page in a browser, as its readers see it: wide and narrow, light and dark, with its sliders moved.

`python tests/book/check_page.py _build/html FOLDER` stores every page in each of these four ways, as pictures.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from cdn import Cdn, package
from check_site import Site
from chromium import Reader, launch

ROOT = Path(__file__).resolve().parents[2]
AXE = ("axe-core", "4.14.1")
WIDE, NARROW = 1280, 390  # pixels: a laptop and a phone
HEIGHT = 900
PIECE = 8000  # pixels of a page in one picture
SERIOUS = ("serious", "critical")

# What the theme says on every page, and what is no fault of a page's.
KNOWN = ("Identifier 'THEBE_JS_URL' has already been declared", "Got invalid theme mode")


class OpenedPage:
    """A page of a folder, opened in a window of some width, light or dark, and ready to be looked at."""

    def __init__(self, reader: Reader, path: str, width: int, theme: str) -> None:
        self.reader, self.theme = reader, theme
        self.page = reader.page
        self.page.set_viewport_size({"width": width, "height": HEIGHT})
        self.page.emulate_media(color_scheme=theme)
        reader.open(path)
        self.page.add_script_tag(content=Path(__file__).with_suffix(".js").read_text("utf8"))
        self.page.evaluate("check.settle()")

    def problems(self) -> list[str]:
        """Return everything that is wrong, a line each."""
        questions = ["pictures", "formulas", "sticksOut", "overlaid"] + ["darkPictures"] * (
            self.theme == "dark"
        )
        found = [line for question in questions for line in self.page.evaluate(f"check.{question}()")]
        found += [*self._sliders(), *self._accessibility()]
        found += [f"in the console: {said}" for said in self.reader.said if not any(k in said for k in KNOWN)]
        return found + [f"not served: {address}" for address in self.reader.unserved]

    def _sliders(self) -> Iterator[str]:
        """Move each slider over all its stops, with the keyboard."""
        views, sliders = (
            self.page.evaluate("check.views()"),
            self.page.locator("article input[type=range]").all(),
        )
        if len(sliders) != views:
            yield f"{len(sliders)} sliders in {views} views"
        for slider in sliders:
            name = slider.evaluate(
                "slider => [...slider.labels].map((label) => label.innerText.trim()).join()"
            )
            stops = round(float(slider.get_attribute("max") or 0)) + 1
            slider.press("Home")
            seen = []
            for _ in range(stops):
                seen.append(shown := slider.evaluate("slider => check.shownBy(slider)"))
                value = slider.get_attribute("aria-valuetext")
                if value not in shown["text"]:
                    yield f"the slider {name!r} says {value!r} to who does not see {shown['text']!r}"
                slider.press("ArrowRight")
            if (texts := len({shown["text"] for shown in seen})) < stops:
                yield f"the slider {name!r} has {stops} stops and shows {texts} texts"
            if any(len(shown["pictures"]) != 1 for shown in seen):
                yield f"the slider {name!r} shows {[len(shown['pictures']) for shown in seen]} pictures at its stops"
            if len({str(shown["pictures"]) for shown in seen}) < 2:
                yield f"the slider {name!r} moves and the picture does not change"
            if len({shown["others"] for shown in seen}) > 1:
                yield f"the slider {name!r} turns the frames of another view"
            slider.press("Home")

    def photograph(self, folder: Path, name: str) -> Iterator[Path]:
        """Store pictures of the whole page, from its top to its foot; of one piece, Chromium leaves parts blank."""
        high, wide = self.page.evaluate("[document.documentElement.scrollHeight, innerWidth]")
        for number, top in enumerate(range(0, high, PIECE), 1):
            file = folder / f"{name}-{number}.png"
            part = {"x": 0, "y": top, "width": wide, "height": min(PIECE, high - top)}
            self.page.screenshot(path=file, full_page=True, clip=part)
            yield file

    def _accessibility(self) -> Iterator[str]:
        self.page.add_script_tag(content=package(*AXE)["axe.min.js"].decode())
        found = self.page.evaluate("axe.run('article', {resultTypes: ['violations']})")
        for violation in found["violations"]:
            if violation["impact"] in SERIOUS:
                places = [node["html"][:100] for node in violation["nodes"]]
                yield f"{violation['id']}, {len(places)} times, first in {places[0]}"


def addresses(site: Site) -> set[str]:
    """Return what the pages of a site name as their scripts' addresses."""
    return {str(script["src"]) for page in site.pages.values() for script in page.select("script[src]")}


def in_both_windows(reader: Reader, path: str) -> list[str]:
    """Return what is wrong with a page as it is opened on a laptop by day and on a phone by night."""
    return [
        f"{width} pixels, {theme}: {problem}"
        for width, theme in ((WIDE, "light"), (NARROW, "dark"))
        for problem in OpenedPage(reader, path, width, theme).problems()
    ]


def main(built: Path, pictures: Path) -> None:
    """Store a picture of every page in wide and narrow windows, light and dark."""
    from playwright.sync_api import sync_playwright

    site = Site(built, ROOT)
    pictures.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        reader = Reader(launch(playwright), built, Cdn(addresses(site)))
        for path in site.expected:
            for width in (WIDE, NARROW):
                for theme in ("light", "dark"):
                    opened = OpenedPage(reader, path, width, theme)
                    for file in opened.photograph(pictures, f"{Path(path).stem}-{width}-{theme}"):
                        print(file)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
