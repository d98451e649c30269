"""Data sets from the network. Nothing here asks whether the reader agrees: whoever calls asks first.

VOC and SBD come through torchvision, which knows their addresses and checksums. Penn-Fudan's pedestrians and
BBBC038's nuclei come from their own pages. Those publish no checksum, and we do not make one up: the length that
the server announces, the checksum of every member of the zip and the number of pictures are what can be checked,
and the SHA-256 of what came is written beside it, so that a later download which differs is noticed.

Built in chapter 2.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import ssl
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TextIO

from bridgeseg.data.archives import check_archive, nuclei_from_zip, pedestrians_from_zip
from bridgeseg.data.mat_files import check_scipy
from bridgeseg.data.sbd import SbdFolder
from bridgeseg.data.voc import VocFolder
from bridgeseg.machine.files import UNFINISHED, sweep
from bridgeseg.machine.lock import held
from bridgeseg.structures.labels import BadInput

NUCLEI_URL = "https://data.broadinstitute.org/bbbc/BBBC038/stage1_train.zip"  # 83 MB
PEDESTRIANS_URL = "https://www.cis.upenn.edu/~jshi/ped_html/PennFudanPed.zip"  # 54 MB

Progress = Callable[[int, int | None], None]
"""Called with the bytes that have come and the bytes to come, None where the server does not say."""


def fetch(
    url: str,
    path: str | Path,
    *,
    sha256: str | None = None,
    check: Callable[[Path], object] | None = None,
    progress: Progress | None = None,
    timeout: float = 30,
) -> Path:
    """Download a file; it gets its name only once all of it is there and has passed every check.

    url: where from
    path: where to; `PATH.sha256` beside it records the checksum, and when that stands there already, what comes
        must have the same. A file that agrees with its record is not downloaded again.
    sha256: the checksum to expect, where one is published
    check: called with the downloaded file under a temporary name, to raise BadInput when it is not right
    progress: called as bytes arrive
    timeout: seconds to wait for the server
    returns: path
    raises: BadInput in one line: no network, no such page, cut off, another checksum, another than last time, no room

    Another process that downloads the same is waited for; what a killed one left is taken away. Built in chapter 2.
    """
    path = Path(path)
    if not _is_as_recorded(path, sha256):
        with _alone(path):
            _fetch(url, path, sha256, check, progress, timeout)
    return path


def download_nuclei(folder: str | Path, progress: Progress | None = None, url: str = NUCLEI_URL) -> Path:
    """Download BBBC038's stage1_train.zip (83 MB, 670 pictures, CC0) and unpack it, unless it is there.

    folder: gets `nuclei`, so that it can serve as BRIDGESEG_DATA
    progress: called as bytes arrive; None prints a line
    url: where from
    returns: the folder `nuclei`, for `NucleiFolder`
    raises: BadInput as `fetch` and `nuclei_from_zip`

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     (Path(folder) / "nuclei").mkdir()
        ...     download_nuclei(folder).name  # it stands there, so nothing is fetched
        'nuclei'

    Built in chapter 2.
    """
    return _download(Path(folder) / "nuclei", url, nuclei_from_zip, progress)


def download_pedestrians(
    folder: str | Path, progress: Progress | None = None, url: str = PEDESTRIANS_URL
) -> Path:
    """Download PennFudanPed.zip (54 MB, 170 pictures, free for research) and convert it, unless it is there.

    folder: gets `pedestrians`, so that it can serve as BRIDGESEG_DATA
    progress: called as bytes arrive; None prints a line
    url: where from
    returns: the folder `pedestrians`, for `VocFolder`
    raises: BadInput as `fetch` and `pedestrians_from_zip`

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     (Path(folder) / "pedestrians").mkdir()
        ...     download_pedestrians(folder).name  # it stands there, so nothing is fetched
        'pedestrians'

    Built in chapter 2.
    """
    return _download(Path(folder) / "pedestrians", url, pedestrians_from_zip, progress)


def download_voc(root: str | Path, year: str = "2012") -> Path:
    """Download VOC 2007 or 2012 (0.9 or 2 GB) through torchvision, unless it is there whole.

    root: gets VOCdevkit
    year: "2007" (train, val and test) or "2012" (train and val)
    returns: the folder VOC2007 or VOC2012, for `VocFolder`
    raises: BadInput in one line without a network, or when what came is not whole

    Built in chapter 2.
    """
    if year not in ("2007", "2012"):
        raise BadInput(f"year: {year!r}, expected '2007' or '2012'")
    folder = Path(root) / "VOCdevkit" / f"VOC{year}"
    splits = ("train", "test") if year == "2007" else ("train",)  # with train comes val
    lists = (*splits, "val")
    if not _whole(lambda: [VocFolder(folder, split) for split in lists]):
        from torchvision.datasets import VOCSegmentation

        for split in splits:
            _through_torchvision(f"VOC {year}", partial(VOCSegmentation, root, year, split, download=True))
    for split in lists:
        VocFolder(folder, split)  # names what is missing
    return folder


def download_sbd(root: str | Path) -> Path:
    """Download SBD (1.4 GB) through torchvision, unless it is there whole; needs scipy.

    root: gets img, cls, inst, train.txt and val.txt
    returns: root, for `SbdFolder`
    raises: BadInput in one line without a network or scipy, or when a part of it stands there already

    Built in chapter 2.
    """
    root = Path(root)
    check_scipy()
    if not _whole(lambda: SbdFolder(root, "all")):
        for part in ("img", "cls", "inst", "train.txt", "val.txt"):
            if (root / part).exists():
                raise BadInput(
                    f"{root / part}: part of an SBD that is not whole, expected all of it or nothing"
                )
        from torchvision.datasets import SBDataset

        _through_torchvision("SBD", lambda: SBDataset(str(root), "train", "segmentation", download=True))
    SbdFolder(root, "all")
    return root


def text_progress(title: str, stream: TextIO | None = None) -> Progress:
    """Make a progress call-back that prints one line, with every tenth of the file a new figure.

    title: what is downloaded
    stream: where to; None for standard error
    returns: the call-back

    Example:
        >>> import io
        >>> out = io.StringIO()
        >>> show = text_progress("nuclei.zip", out)
        >>> for done in (10, 15, 50, 100):
        ...     show(done, 100)
        >>> print(out.getvalue().strip())
        nuclei.zip: 10 % 50 % 100 %

    Built in chapter 2.
    """
    shown = -1

    def show(done: int, total: int | None) -> None:
        nonlocal shown
        step = 10 * done // total if total else done // 10_000_000
        if step == shown:
            return
        out = stream or sys.stderr
        if shown < 0:
            out.write(f"{title}: ")
        shown = step
        out.write(f"{10 * step} % " if total else f"{10 * step} MB ")
        if total and done >= total:
            out.write("\n")
        out.flush()

    return show


def _download(out: Path, url: str, convert: Callable[[Path, Path], Path], progress: Progress | None) -> Path:
    archive = out.parent / url.rsplit("/", 1)[1]
    if out.exists() and not (archive.is_file() and _record(archive).is_file()):
        return out  # made whole or not at all
    with _alone(archive):
        if not out.exists():
            _fetch(url, archive, None, check_archive, progress or text_progress(archive.name))
            convert(archive, out)
        archive.unlink(missing_ok=True)  # also that of a process killed before it could; its record stays
    return out


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let no other process download a file meanwhile."""
    try:
        with held(path.with_name(f".{path.name}.lock"), f"{path}: another process downloads it; waiting"):
            yield
    except OSError as error:
        raise BadInput(f"{path}: cannot be written ({error.strerror or error})") from error


def _record(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _recorded(path: Path) -> str | None:
    record = _record(path)
    return record.read_text()[:64] if record.is_file() else None


def _is_as_recorded(path: Path, sha256: str | None) -> bool:
    recorded = _recorded(path)
    return (
        path.is_file() and recorded is not None and _digest(path) == recorded and sha256 in (None, recorded)
    )


def _fetch(
    url: str,
    path: Path,
    sha256: str | None,
    check: Callable[[Path], object] | None,
    progress: Progress | None,
    timeout: float = 30,
) -> None:
    """Download a file unless it is there, by whoever has locked it."""
    sweep(path.parent, f"{path.name}.")
    if _is_as_recorded(path, sha256):
        return
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f"{UNFINISHED}{path.name}.") as folder:
        part, record = Path(folder) / path.name, Path(folder) / _record(path).name
        digest = _stream(url, part, progress, timeout)
        for title, expected in (("published", sha256), (f"recorded in {_record(path)}", _recorded(path))):
            if expected not in (None, digest):
                raise BadInput(f"{url}: what came has SHA-256 {digest}, expected {expected}, {title}")
        if check is not None:
            check(part)
        record.write_text(f"{digest}  {path.name}\n")
        os.replace(part, path)
        os.replace(record, _record(path))


def _stream(url: str, path: Path, progress: Progress | None, timeout: float) -> str:
    """Download into a file; returns the SHA-256. What goes wrong with the file itself stays an OSError."""
    digest = hashlib.sha256()
    done = 0
    try:
        with path.open("wb") as file, urllib.request.urlopen(url, timeout=timeout) as response:
            length = response.headers.get("Content-Length")
            total = int(length) if length else None
            while block := response.read(1 << 18):
                digest.update(block)
                file.write(block)
                done += len(block)
                if progress is not None:
                    progress(done, total)
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        raise BadInput(f"{url}: cannot be downloaded, {_reason(error)}") from error
    if total is not None and done != total:  # http.client takes an early end for the end
        raise BadInput(f"{url}: cut off after {done} bytes, expected {total}; try again")
    return digest.hexdigest()


def _reason(error: BaseException) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answers {error.code} {error.reason}"
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return "the server's certificate cannot be verified; a browser may get the file"
    text = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    return f"is there a network? ({text})"


def _through_torchvision(title: str, make: Callable[[], object]) -> None:
    try:
        make()
    except (OSError, http.client.HTTPException, RuntimeError, EOFError, tarfile.TarError) as error:
        raise BadInput(f"{title}: cannot be downloaded, {_reason(error)}") from error


def _whole(read: Callable[[], object]) -> bool:
    try:
        read()
    except BadInput:
        return False
    return True


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
