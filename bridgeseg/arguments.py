"""What may stand on the command line, and what is wrong with it otherwise.

Built in chapter 10.
"""

from __future__ import annotations

import argparse
import math
import os
from pathlib import Path
from typing import NamedTuple, NoReturn

from bridgeseg import __version__
from bridgeseg.data.open_dataset import KINDS
from bridgeseg.measures.average_precision import RULES
from bridgeseg.structures.labels import BadInput
from bridgeseg.system.checkpoint import shipped
from bridgeseg.system.label_layouts import FORMATS
from bridgeseg.system.presets import RECIPES

SPECS = "scenes, voc:DIR, sbd:DIR or nuclei:DIR"


class Spec(NamedTuple):
    """A data set as the command line names it.

    kind: "scenes", "voc", "sbd" or "nuclei"
    root: the folder; None for scenes

    Built in chapter 2.
    """

    kind: str
    root: Path | None


def read_spec(text: str) -> Spec:
    """Return the data set that a SPEC names.

    text: `scenes`, `voc:DIR` (PASCAL VOC's layout), `sbd:DIR` (SBD, VOC 2012 in it or beside it) or `nuclei:DIR`
        (BBBC038's layout); ~ is the home
    raises: BadInput for anything else

    Built in chapter 2.
    """
    kind, colon, folder = text.partition(":")
    if text == "scenes":
        return Spec(kind, None)
    if kind not in KINDS or kind == "scenes" or not folder:
        raise BadInput(f"data: {text!r}, expected {SPECS}")
    return Spec(kind, Path(folder).expanduser())


class Parser(argparse.ArgumentParser):
    """A parser as argparse's own, whose errors are of one line. Built in chapter 10."""

    def error(self, message: str) -> NoReturn:
        """Print the message in one line and leave with 2."""
        self.exit(2, f"bridgeseg: error: {message} ({self.prog} --help lists the arguments)\n")


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line; `verb` is the verb's name, or None.

    Built in chapter 10.
    """
    parser = Parser(
        prog="bridgeseg", description="Semantic and instance segmentation by pixels that vote for boxes."
    )
    parser.add_argument("--version", action="version", version=f"bridgeseg {__version__}")
    parser.set_defaults(verb=None)
    verbs = parser.add_subparsers(
        title="verbs",
        metavar="convert | check | train | segment | evaluate | export",
        parser_class=Parser,
    )

    def add(verb: str, summary: str) -> argparse.ArgumentParser:
        one = verbs.add_parser(verb, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        one.set_defaults(verb=verb)
        return one

    def device(one: argparse.ArgumentParser) -> None:
        one.add_argument(
            "--device", metavar="D", help="cpu, cuda, cuda:1 …; default: cuda where there is one"
        )

    names = ", ".join(shipped())
    run = f"folder that `train` wrote{f', or one that ships with the package: {names}' if names else ''}"

    one = add(
        "check",
        "look at a data set before training on it: counts, sizes, what is suspicious, which recipe suits;"
        " ends with status 1 where it does not open, or has nothing to train on",
    )
    one.add_argument("data", metavar="SPEC", help=SPECS)
    one.add_argument("--split", default="train", help="part of the data; default train")
    one.add_argument("--count", type=_positive, metavar="N", help="the first N pictures only")
    one.add_argument(
        "--sheet",
        type=_path,
        metavar="FILE",
        help="draw some pictures with their objects outlined, a new .png",
    )

    one = add("train", "train networks on the training part of a data set")
    one.add_argument("--data", required=True, metavar="SPEC", help=SPECS)
    one.add_argument(
        "--out", required=True, type=_path, metavar="RUN", help="folder for the result; new or empty"
    )
    one.add_argument("--recipe", metavar="NAME", help=f"{', '.join(RECIPES)}; default: by the data")
    long = one.add_mutually_exclusive_group()
    long.add_argument(
        "--minutes", type=_minutes, metavar="M", help="for both networks together; default: the recipe's"
    )
    long.add_argument(
        "--steps",
        type=_positive,
        metavar="N",
        help="instead of minutes: the same training on a machine of another speed",
    )
    one.add_argument(
        "--batch",
        type=_positive,
        metavar="N",
        help="compute at most N pictures at a time, for small memories; a step learns from as many as ever",
    )
    one.add_argument("--seed", type=_whole, metavar="S", help="0 or more; default 0")
    one.add_argument("--resume", action="store_true", help="go on where a killed run was")
    device(one)

    one = add("segment", "segment pictures")
    one.add_argument("run", type=_path, metavar="RUN", help=run)
    one.add_argument("pictures", nargs="+", type=_path, metavar="PICTURE", help="file, or folder of pictures")
    one.add_argument(
        "--out",
        required=True,
        type=_path,
        metavar="DIR",
        help="folder for label maps, instances.json, table.csv, overlays and index.html; may hold earlier answers",
    )
    one.add_argument(
        "--no-overlays", dest="overlays", action="store_false", help="neither overlays nor index.html"
    )
    one.add_argument(
        "--channel",
        type=_whole,
        metavar="N",
        help="of pictures with several: show the network this one, from 0",
    )
    one.add_argument("--scores", action="store_true", help="write its score on each instance of an overlay")
    device(one)

    one = add("evaluate", "measure networks on a data set")
    one.add_argument("run", type=_path, metavar="RUN", help=run)
    one.add_argument("--data", required=True, metavar="SPEC", help=SPECS)
    one.add_argument("--split", default="val", help="part of the data; default val")
    one.add_argument("--rule", default="sds", choices=RULES, help="of AP^r; default sds")
    one.add_argument("--count", type=_positive, metavar="N", help="the first N pictures only")
    one.add_argument(
        "--json",
        type=_path,
        metavar="FILE",
        help="write the figures there too; - is standard output, and the table goes to standard error",
    )
    one.add_argument(
        "--plots",
        type=_path,
        metavar="DIR",
        help="draw precision over recall and the worst pictures, and list all, there",
    )
    device(one)

    one = add("export", "write a data set as a folder in PASCAL VOC's layout, or in COCO's")
    one.add_argument("--data", required=True, metavar="SPEC", help=SPECS)
    one.add_argument("--out", required=True, type=_path, metavar="DIR", help="the folder")
    one.add_argument("--split", default="val", help="part of the data; default val")
    one.add_argument("--count", type=_positive, metavar="N", help="the first N pictures only")
    one.add_argument("--size", type=_positive, metavar="S", help="side of a scene in pixels; default 96")
    one.add_argument("--format", choices=("voc", "coco"), default="voc", help="default voc")

    one = add("convert", "write what a labelling tool wrote as a folder in PASCAL VOC's layout")
    one.add_argument(
        "source", type=_path, metavar="FROM", help="folder of pictures and labels, or COCO's JSON"
    )
    one.add_argument("out", type=_path, metavar="TO", help="folder for the result; new or empty")
    one.add_argument("--format", choices=FORMATS, help="of FROM; default: found out")
    one.add_argument("--val", type=_share, default=0.2, metavar="SHARE", help="of the pictures; default 0.2")
    one.add_argument("--seed", type=_whole, default=0, metavar="S", help="another one gives another val")
    return parser


def _path(text: str) -> str:
    """A path; ~ is the home, which the shell leaves as it is in --out=~/found."""
    if not text:
        raise argparse.ArgumentTypeError("'', expected the name of a file or folder")
    return os.path.expanduser(text) if text == "~" or text.startswith("~/") else text


def _minutes(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text}, expected a number of minutes above 0")
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text}, expected a share between 0 and 1")
    return value


def _whole(text: str) -> int:
    value = int(text)
    if not 0 <= value < 2**31:
        raise argparse.ArgumentTypeError(f"{text}, expected a whole number from 0 to 2147483647")
    return value


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text}, expected a whole number of at least 1")
    return value
