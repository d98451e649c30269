"""Which pictures a network learns from and which it is scored on.

Four lists matter for the paper. None is shipped: all follow from what two downloads hold, PASCAL VOC 2012 (its
lists in `ImageSets`) and SBD, the Semantic Boundaries Dataset (its 11,355 annotated pictures).

- VOC's segmentation val, 1,449: categories are scored on it (mIoU).
- trainaug, 10,582: SBD's pictures and VOC's segmentation train, less segmentation val.
- SDS train, 5,623, and SDS val, 5,732: SBD's pictures, told apart by VOC's `Main` lists; instances are scored on
  SDS val (AP^r).

The trap is that trainaug and SDS val share 4,629 pictures. A network trained on trainaug has seen four in five of
the pictures that AP^r is measured on, so `check_scoring` refuses to score pictures that were trained on.

Built in chapter 2.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bridgeseg.structures.labels import BadInput

SHARE = 5  # one picture in five is set aside for validation where the data has no lists of its own


@dataclass(frozen=True)
class PaperLists:
    """The paper's lists of pictures, sorted; `paper_lists` makes them and checks them.

    sbd: all that SBD annotates
    seg_train, seg_val: VOC 2012's segmentation lists
    trainaug: what the category network learns from
    sds_train, sds_val: what the localization network learns from, and what instances are scored on

    Built in chapter 2.
    """

    sbd: tuple[str, ...]
    seg_train: tuple[str, ...]
    seg_val: tuple[str, ...]
    trainaug: tuple[str, ...]
    sds_train: tuple[str, ...]
    sds_val: tuple[str, ...]


def paper_lists(
    sbd: Iterable[str],
    main_train: Iterable[str],
    main_val: Iterable[str],
    seg_train: Iterable[str],
    seg_val: Iterable[str],
) -> PaperLists:
    """Compute the paper's lists from what the two downloads hold.

    Which lists the paper uses is known from its text and from the comparators' (section Data); that SDS train and
    val follow VOC's `Main` lists is inferred, which is why every count and every overlap is checked.

    sbd: names of SBD's annotated pictures
    main_train, main_val: names in VOC 2012's ImageSets/Main/train.txt and val.txt
    seg_train, seg_val: names in VOC 2012's ImageSets/Segmentation/train.txt and val.txt
    returns: the lists
    raises: BadInput with the list's name, its count and the true one, when any count or overlap differs

    Built in chapter 2.
    """
    annotated, train, val = set(sbd), set(seg_train), set(seg_val)
    sds_train, sds_val = annotated & set(main_train), annotated & set(main_val)
    trainaug = (annotated | train) - val
    for title, names, count in (
        ("SBD's annotated pictures", annotated, 11_355),
        ("VOC 2012 segmentation train", train, 1_464),
        ("VOC 2012 segmentation val", val, 1_449),
        ("VOC 2012 segmentation train and val in common", train & val, 0),
        ("VOC 2012 segmentation val and SBD in common", val & annotated, 1_103),
        ("VOC 2012 segmentation train not in SBD", train - annotated, 330),
        ("trainaug, SBD and segmentation train less segmentation val", trainaug, 10_582),
        ("SDS train, SBD and VOC 2012 Main/train in common", sds_train, 5_623),
        ("SDS val, SBD and VOC 2012 Main/val in common", sds_val, 5_732),
        ("SDS train and SDS val in common", sds_train & sds_val, 0),
        ("SDS train and VOC 2012 segmentation val in common", sds_train & val, 0),
        ("SDS val and trainaug in common", sds_val & trainaug, 4_629),
    ):
        if len(names) != count:
            raise BadInput(f"{title}: {len(names)} pictures, expected {count}; the lists are not the paper's")
    lists = (annotated, train, val, trainaug, sds_train, sds_val)
    return PaperLists(*(tuple(sorted(names)) for names in lists))


def read_paper_lists(voc: str | Path, sbd: str | Path) -> PaperLists:
    """Compute the paper's lists from the two downloaded folders.

    voc: the folder VOC2012, which holds ImageSets
    sbd: SBD's folder, which holds train.txt and val.txt (8,498 and 2,857 pictures: SBD's own split, of no use here)
    returns: the lists
    raises: BadInput when a file is missing or a count differs

    Built in chapter 2.
    """
    voc, sbd = Path(voc), Path(sbd)
    main, segmentation = voc / "ImageSets" / "Main", voc / "ImageSets" / "Segmentation"
    return paper_lists(
        sbd=read_names(sbd / "train.txt") + read_names(sbd / "val.txt"),
        main_train=read_names(main / "train.txt"),
        main_val=read_names(main / "val.txt"),
        seg_train=read_names(segmentation / "train.txt"),
        seg_val=read_names(segmentation / "val.txt"),
    )


def read_names(path: str | Path) -> list[str]:
    """Read a list of pictures: one name a line, blank lines skipped.

    path: the text file
    returns: the names in their order, at least one
    raises: BadInput naming the file when it cannot be read, is empty or holds a name twice

    Built in chapter 2.
    """
    try:
        names = [line.strip() for line in Path(path).read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise BadInput(f"{path}: {reason}, expected a list of pictures, one name a line") from error
    names = [name for name in names if name]
    if not names:
        raise BadInput(f"{path}: no name in it, expected a list of pictures, one name a line")
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise BadInput(f"{path}: {name} stands there twice, expected every name once")
        seen.add(name)
    return names


def set_aside(name: str, share: int = SHARE) -> bool:
    """Say whether a picture belongs to the validation part, from its name alone.

    For data that has no validation list of its own; our choice: SHA-256 of the name, modulo `share`. The answer
    stays the same on every machine and when pictures are added or taken away.

    name: the picture's name without folder and ending
    share: one name in so many is set aside, on average
    returns: True for validation, False for training

    Built in chapter 2.
    """
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % share == 0


def check_scoring(trained_on: Collection[str], scored_on: Collection[str], measure: str) -> None:
    """Refuse to score a network on pictures that it was trained on.

    Of the paper's lists this lets trainaug be scored for mIoU on segmentation val, SDS train for AP^r on SDS val,
    and stops trainaug from being scored for AP^r on SDS val.

    trained_on: names of the pictures that any part of the network learned from
    scored_on: names of the pictures that it is to be scored on, of the same data set
    measure: what is to be measured, for the message
    raises: BadInput with the number of pictures in both

    Example:
        >>> check_scoring({"a", "b"}, {"c"}, "AP^r")
        >>> check_scoring({"a", "b"}, {"b", "c"}, "AP^r")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        bridgeseg.structures.labels.BadInput: AP^r: 1 of the 2 pictures to score are among those ...

    Built in chapter 2.
    """
    shared = set(trained_on) & set(scored_on)
    if shared:
        raise BadInput(
            f"{measure}: {len(shared)} of the {len(set(scored_on))} pictures to score are among those trained on "
            f"({min(shared)} is one), expected none"
        )


def held_out(names: Sequence[str], share: float, most: int = 40) -> list[str]:
    """Pick the training pictures that are kept back, to choose the score threshold on.

    names: of all pictures of the training part
    share: of them to keep back, 0…1
    most: not more than so many; a threshold needs no more
    returns: names in their order; at least one where there are two pictures and the share is above 0

    Example:
        >>> held_out(["a", "b", "c", "d"], share=0.5) == held_out(["a", "b", "c", "d"], share=0.5)
        True
        >>> len(held_out(["a", "b", "c", "d"], share=0.5)), held_out(["a"], share=0.5)
        (2, [])

    Chosen by a hash of the name, so that the order does not matter. Our choice; the paper says nothing of a threshold.
    Built in chapter 10.
    """
    count = min(most, round(share * len(names)), len(names) - 1)
    if share > 0 and len(names) > 1:
        count = max(count, 1)
    ranked = sorted(names, key=lambda name: hashlib.sha256(f"held out {name}".encode()).digest())
    chosen = set(ranked[: max(count, 0)])
    return [name for name in names if name in chosen]


def divide(
    names: Sequence[str], share: float, seed: int = 0, *, held: Collection[str] | None = None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Divide pictures into train and val by a hash of each name, so that one more picture moves no other.

    names: of the pictures
    share: of them for val, on average, 0…1
    seed: another one gives another hash
    held: those with an object; None for all
    returns: train and val in the order of the names; each has one where there are two pictures, and each has one with
        an object where two have; where only one has, it is in train

    Example:
        >>> train, val = divide([f"picture {number}" for number in range(100)], 0.2)
        >>> len(train), len(val)
        (82, 18)

    Built in chapter 12.
    """
    ranked = {name: hashlib.sha256(f"{seed} {name}".encode()).digest() for name in names}
    order = sorted(names, key=lambda name: ranked[name])
    wanted = [name for name in order if held is None or name in held]
    kept = (wanted or order)[-1:]  # by train, whatever the share
    bound = int(share * 2**64)
    val = {name for name in names if int.from_bytes(ranked[name][:8], "big") < bound} - {*kept}
    if len(wanted) > 1 and not val & {*wanted}:
        val.add(wanted[0])
    elif not val:
        val |= {*[name for name in order if name not in kept][:1]}
    return tuple(name for name in names if name not in val), tuple(name for name in names if name in val)
