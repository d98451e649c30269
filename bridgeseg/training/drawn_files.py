"""Drawings of what a set of pictures holds and of what a run makes of it, as files.

They stand in this room as the lowest that may join what the system knows with what plots draw.

Built in chapter 12.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bridgeseg.machine.files import write_atomically, write_text
from bridgeseg.measures.average_precision import average_precision
from bridgeseg.networks.preprocessing import stretch_contrast
from bridgeseg.structures.labels import VOID
from bridgeseg.system.first_look import FirstLook, PictureLook
from bridgeseg.system.suspicions import NARROW
from bridgeseg.system.worst_pictures import MATCH, WorstPictures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PRECISION_RECALL, WORST, PICTURES = "precision-recall.png", "worst.png", "pictures.csv"


def draw_evaluation(worst: WorstPictures, categories: Sequence[str], rule: str, out: Path) -> None:
    """Draw what an evaluation found into a folder.

    worst: which was shown every answer
    categories: the names, "background" first
    rule: of AP^r
    out: the folder, made where it is not there; gets precision-recall.png, pictures.csv, which lists every picture with
        the worst first, and worst.png, unless every picture was answered without a fault; earlier ones are replaced
    raises: OSError when writing fails

    Built in chapter 12.
    """
    from bridgeseg.plots.evaluation_sheets import judged_panel, precision_recall_sheet, worst_sheet

    write_text(out / PICTURES, worst.csv())
    _save(
        precision_recall_sheet(average_precision(worst.overlaps, len(categories), rule), categories),
        out / PRECISION_RECALL,
    )
    panels = []
    for one in worst.worst:
        sample, judged = one.sample, one.judged
        titles = (
            f"{sample.name}\ntruth: {judged.missed} of {judged.truth} missed",
            f"F1 {judged.f1:.2f}\nanswer: {judged.false} of {judged.answered} false",
        )
        pair = zip(titles, (sample.instances, one.answer), (one.found, one.right), strict=True)
        truth, answer = (
            judged_panel(title, sample.picture, sample.categories, instances, right)
            for title, instances, right in pair
        )
        panels.append((truth, answer))
    if panels:
        chosen = f"the {len(panels)} worst of {len(worst.judged)} pictures"
        chosen += f", by F1 at IoU {MATCH:g} and score {worst.threshold:.2f}"
        _save(worst_sheet(panels, chosen), out / WORST)
    else:
        (out / WORST).unlink(missing_ok=True)


def draw_look(look: FirstLook, data: str, file: Path) -> None:
    """Draw some pictures of a data set with their objects outlined, those that are too faint to see brightened.

    look: at it
    data: what it is called
    file: a .png
    raises: OSError when writing fails

    Built in chapter 12.
    """
    from bridgeseg.plots.picture_sheet import Panel, picture_sheet

    panels = []
    for one in look.pictures:
        if (shown := one.shown) is not None:
            dark = one.span[1] - one.span[0] < NARROW
            title = f"{one.name}\n{_told(one, look.categories)}{', contrast stretched' * dark}"
            picture = stretch_contrast(shown.picture) if dark else shown.picture
            panels.append(Panel(title, picture, shown.instances, shown.categories == VOID))
    if panels:
        heading = f"{data}: {len(panels)} of {len(look.pictures)} pictures"
        heading += "\nevery object is outlined in a colour of its own; what is pale is void"
        _save(picture_sheet(panels, heading), file)


def _told(one: PictureLook, categories: Sequence[str]) -> str:
    """What is in a picture: so many of each category, the most frequent first."""
    counts = Counter(one.kinds.tolist()).most_common()
    return ", ".join(f"{number} × {categories[kind]}" for kind, number in counts) or "no instance"


def _save(figure: Figure, path: Path) -> None:
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    write_atomically(path, lambda file: file.write(picture.getbuffer()))
