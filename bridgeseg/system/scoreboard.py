"""A board for a contest: every time that a run is scored on the test part stands there, and is counted.

The score threshold is chosen on a held-out part of the training pictures, which no network may have learned from. The
test part is looked at once for each line of the board. The line is written *before* the test part is opened, so that a
scoring which is broken off counts too, and a look that pleases nobody does not vanish.

A board is a file with a JSON object a line, in a folder of the reader's own. Nothing stops anybody from deleting a
line; the board is there for honest people, who then see how often they looked.

Our choice. Built in chapter 10.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bridgeseg.data.splits import held_out
from bridgeseg.machine.files import write_text
from bridgeseg.machine.progress import Progress, silent
from bridgeseg.measures.average_precision import average_precision
from bridgeseg.measures.counting import count_error
from bridgeseg.measures.mask_iou import overlaps
from bridgeseg.structures.labels import BadInput, Labelled, Sample
from bridgeseg.system.batched_prediction import maps_of_all, read_ahead
from bridgeseg.system.checkpoint import Run
from bridgeseg.system.evaluation import check_categories, check_unseen
from bridgeseg.system.prediction import instances_of
from bridgeseg.system.score_threshold import MATCH, choose_threshold

BOARD = "scoreboard.jsonl"
HELD_OUT = 0.05  # of the training pictures, the part on which every threshold of a board is chosen


@dataclass(frozen=True)
class Score:
    """A line of the board: one use of the test part.

    use: 1 for the first use of the test part, 2 for the second …
    date: year-month-day
    name: what the reader calls the run
    weights: a short name for the networks' weights: of the same networks the same
    pictures: how many of the test part were scored
    threshold: the score threshold, chosen on the held-out part; None as long as the scoring is not finished, as for
        all that follows
    ap_r: AP^r by the rule of SDS at an IoU of 0.5, of 0.7, and its mean over 0.1 … 0.9
    f1: at an IoU of 0.5, of what scores the threshold or more
    count_error: mean over the pictures of how far the number of instances is from the true one
    minutes: of training, as the reader gives them

    Example:
        >>> Score(1, "2026-11-28", "mine", "ab12", 96).finished
        False

    Built in chapter 10.
    """

    use: int
    date: str
    name: str
    weights: str
    pictures: int
    threshold: float | None = None
    ap_r: tuple[float, float, float] | None = None
    f1: float | None = None
    count_error: float | None = None
    minutes: float | None = None

    @property
    def finished(self) -> bool:
        """Whether the scoring came to its end."""
        return self.ap_r is not None


def score(
    run: Run,
    name: str,
    train: Labelled,
    test: Labelled,
    folder: str | Path,
    *,
    minutes: float | None = None,
    progress: Progress = silent,
) -> Score:
    """Choose a run's threshold on the held-out part, score it on the test part, and put that on the board.

    run: trained networks; their own threshold is not looked at
    name: what it shall be called on the board
    train: the training part, of which `HELD_OUT` is held out; the networks may have learned from the others
    test: the test part, none of which they may have learned from
    folder: where the board stands, made if need be
    minutes: of training, for the board; None where it is not known
    progress: called with the share done and a line
    returns: the new line
    raises: BadInput, and nothing is counted, where the run learned from the test part or from what is held out, or
        knows other categories; OSError when writing fails

    Example:
        >>> from bridgeseg.data.scenes import Scenes
        >>> from bridgeseg.system.checkpoint import load_run
        >>> train = Scenes("train", count=9)
        >>> score(load_run("scenes"), "seen", train, train, "board")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        bridgeseg.structures.labels.BadInput: evaluate: 9 of the 9 pictures to score are among those trained on ...

    Our choice. Built in chapter 10.
    """
    check_categories(run.categories, test.categories)
    check_unseen(run, test, "test")
    others = held_out_samples(run, train)
    threshold = choose_threshold(run, others)
    before = read_board(folder)
    today = datetime.date.today().isoformat()
    new = Score(len(before) + 1, today, name, weights_name(run), len(test), minutes=minutes)
    write_board(folder, [*before, new])  # from here on it is a use
    new = _with_figures(new, run, test, threshold, progress)
    write_board(folder, [*before, new])
    return new


def held_out_samples(run: Run, train: Labelled) -> list[Sample]:
    """Return the pictures on which a board's thresholds are chosen.

    run: whose recipe says what it held out itself
    train: the training part
    raises: BadInput where the run may have learned from them, or where there is none

    The held-out part of a larger share contains that of a smaller one, so a run may hold out more than `HELD_OUT`, not
    less. Built in chapter 10.
    """
    names = held_out(train.names, HELD_OUT)
    share = run.recipe.pictures.held_out
    if share < HELD_OUT and set(names) & set(run.trained_on):
        raise BadInput(
            f"run: its recipe holds {share:g} of the training pictures out, expected {HELD_OUT:g} or more: the "
            "threshold would be chosen on pictures that were learned from"
        )
    if not names:
        raise BadInput(f"train: {len(train.names)} pictures, expected enough to hold one out")
    chosen = set(names)
    return [train[index] for index, each in enumerate(train.names) if each in chosen]


def _with_figures(begun: Score, run: Run, test: Labelled, threshold: float, progress: Progress) -> Score:
    found = []
    for samples in read_ahead(test, run.device):
        for sample, maps in zip(samples, maps_of_all(run, samples), strict=True):
            found.append(overlaps(instances_of(run, sample, maps), sample))
            progress(len(found) / len(test), f"{len(found)} of {len(test)} pictures")
    result = average_precision(found, len(run.categories))
    ap_r = (result.ap_r[0.5], result.ap_r[0.7], result.ap_r_vol)
    counts = [result.counts(category, MATCH, threshold) for category in range(1, len(run.categories))]
    hits, false, missed = map(sum, zip(*counts))
    f1 = 2 * hits / max(2 * hits + false + missed, 1)
    error, _ = count_error(
        [look.scores for look in found], [len(look.true_numbers) for look in found], threshold
    )
    return dataclasses.replace(begun, threshold=threshold, ap_r=ap_r, f1=float(f1), count_error=error)


def weights_name(run: Run) -> str:
    """Return a short name for the weights of a run: the same for the same networks, whatever their folder is called.

    run: trained networks

    Built in chapter 10.
    """
    digest = hashlib.sha256()
    for name, value in run.networks.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:8]


def read_board(folder: str | Path) -> list[Score]:
    """Return the lines of a board, the first use first; none where there is no board yet.

    folder: where it stands
    raises: BadInput naming the file and the line that is none

    Example:
        >>> read_board("no such folder")
        []

    Built in chapter 10.
    """
    path = Path(folder) / BOARD
    try:
        lines = path.read_text("utf8").splitlines()
    except FileNotFoundError:
        return []
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: is no text ({error.reason}), expected a scoreboard") from None
    board = []
    for number, line in enumerate(lines, 1):
        try:
            values = dict(json.loads(line))
            values["ap_r"] = None if values["ap_r"] is None else tuple(values["ap_r"])
            board.append(Score(**values))
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(f"{path}: line {number} is no line of a scoreboard ({error})") from error
    return board


def write_board(folder: str | Path, board: Sequence[Score]) -> Path:
    """Write a board under a temporary name and rename it, so that it is whole at every moment.

    folder: made if need be
    board: its lines
    returns: the file

    Built in chapter 10.
    """
    text = "".join(json.dumps(dataclasses.asdict(line)) + "\n" for line in board)
    return write_text(Path(folder) / BOARD, text)


def shown(board: Sequence[Score]) -> str:
    """Return a board as text: the best first, and below it how often the test part was used.

    board: its lines
    returns: lines of text; scores on different numbers of pictures stand in tables of their own, since they do not
        compare

    Example:
        >>> one = Score(1, "2026-11-28", "mine", "ab12", 96, 0.31, (0.8, 0.7, 0.75), 0.85, 2.5, 8.0)
        >>> print(shown([one, Score(2, "2026-11-29", "broken off", "cd34", 96)]))
        96 pictures
        use  date        name                      minutes  AP^r 0.5    0.7    vol     F1  count  threshold
          1  2026-11-28  mine                          8.0     0.800  0.700  0.750  0.850   2.50       0.31
          2  2026-11-29  broken off                      –         –      –      –      –      –          –
        the test part was used 2 times, for 2 networks

    Built in chapter 10.
    """
    head = f"{'use':>3}  {'date':10}  {'name':24}  {'minutes':>7}  {'AP^r 0.5':>8}  {'0.7':>5}  {'vol':>5}"
    head += f"  {'F1':>5}  {'count':>5}  {'threshold':>9}"
    lines = []
    for pictures in sorted({line.pictures for line in board}, reverse=True):
        some = [line for line in board if line.pictures == pictures]
        some.sort(key=lambda line: (-line.ap_r[2] if line.ap_r else 1.0, line.use))
        lines += [f"{pictures} pictures", head, *map(_row, some)]
    times, networks = len(board), len({line.weights for line in board})
    used = f"the test part was used {times} time{'s' * (times != 1)}, for {networks} network{'s' * (networks != 1)}"
    return "\n".join([*lines, used])


def _row(line: Score) -> str:
    def figure(value: float | None, width: int, digits: int) -> str:
        return f"{'–' if value is None else f'{value:.{digits}f}':>{width}}"

    ap_r = line.ap_r or (None, None, None)
    parts = [f"{line.use:3}", line.date, f"{line.name[:24]:24}", figure(line.minutes, 7, 1)]
    parts += [figure(value, width, 3) for value, width in zip(ap_r, (8, 5, 5), strict=True)]
    parts += [figure(line.f1, 5, 3), figure(line.count_error, 5, 2), figure(line.threshold, 9, 2)]
    return "  ".join(parts)
