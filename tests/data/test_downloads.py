"""Downloads, from a server on this machine: whole, cut off, changed, absent."""

from __future__ import annotations

import hashlib
import http.server
import io
import re
import socket
import sys
import threading
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torchvision.datasets
from PIL import Image
from small_archives import left, nuclei, pack, pedestrians

from bridgeseg.data import archives, downloads
from bridgeseg.data.downloads import (
    download_nuclei,
    download_pedestrians,
    download_sbd,
    download_voc,
    fetch,
    text_progress,
)
from bridgeseg.data.label_png import write_label_png
from bridgeseg.data.nuclei import NucleiFolder
from bridgeseg.data.voc import VocFolder
from bridgeseg.structures.labels import BadInput


class Server:
    """Answers with what `files` holds; `lengths` overrides the announced length (None: announces none)."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.lengths: dict[str, int | None] = {}
        self.asked: list[str] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # noqa: N802
                name = self.path.lstrip("/")
                outer.asked.append(name)
                if name not in outer.files:
                    self.send_error(404)
                    return
                data = outer.files[name]
                length = outer.lengths.get(name, len(data))
                self.send_response(200)
                if length is not None:
                    self.send_header("Content-Length", str(length))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    server = Server()
    thread = threading.Thread(target=server.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.server.shutdown()
    server.server.server_close()
    thread.join()


def test_a_file_comes_whole_with_its_record_and_progress(tmp_path: Path, server: Server) -> None:
    data = np.random.default_rng(0).bytes(700_000)
    server.files["a.bin"] = data
    seen: list[tuple[int, int | None]] = []
    path = fetch(
        f"{server.url}/a.bin",
        tmp_path / "new" / "a.bin",
        progress=lambda done, total: seen.append((done, total)),
    )
    assert path.read_bytes() == data
    digest = hashlib.sha256(data).hexdigest()
    assert (tmp_path / "new" / "a.bin.sha256").read_text() == f"{digest}  a.bin\n"
    assert left(tmp_path / "new") == ["a.bin", "a.bin.sha256"]
    assert seen[-1] == (700_000, 700_000)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    fetch(f"{server.url}/a.bin", path, sha256=digest)
    assert server.asked == ["a.bin"]  # the second time the record sufficed


def test_a_server_that_announces_no_length(tmp_path: Path, server: Server) -> None:
    server.files["a.bin"], server.lengths["a.bin"] = b"12345", None
    seen: list[tuple[int, int | None]] = []
    fetch(f"{server.url}/a.bin", tmp_path / "a.bin", progress=lambda *both: seen.append(both))
    assert seen == [(5, None)]


def test_what_is_cut_off_is_noticed_and_nothing_is_left(tmp_path: Path, server: Server) -> None:
    server.files["a.bin"], server.lengths["a.bin"] = b"12345", 99
    with pytest.raises(BadInput, match=r"a\.bin: cut off after 5 bytes, expected 99"):
        fetch(f"{server.url}/a.bin", tmp_path / "a.bin")
    assert left(tmp_path) == []


def test_a_file_that_changed_since_is_reported_and_the_old_one_stays(tmp_path: Path, server: Server) -> None:
    server.files["a.bin"] = b"first"
    path = fetch(f"{server.url}/a.bin", tmp_path / "a.bin")
    server.files["a.bin"] = b"other"
    path.unlink()
    with pytest.raises(BadInput, match=r"has SHA-256 \w{64}, expected \w{64}, recorded in .*a\.bin\.sha256"):
        fetch(f"{server.url}/a.bin", path)
    assert left(tmp_path) == ["a.bin.sha256"]
    server.files["a.bin"] = b"first"
    assert fetch(f"{server.url}/a.bin", path).read_bytes() == b"first"
    path.write_bytes(b"damaged")  # what no longer agrees with its record is downloaded again
    assert fetch(f"{server.url}/a.bin", path).read_bytes() == b"first"
    with pytest.raises(BadInput, match="expected 0000, published"):
        fetch(f"{server.url}/a.bin", path, sha256="0000")
    assert path.read_bytes() == b"first"


def test_without_network_or_page_one_line_says_so(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(host: str, *rest: object) -> list:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    def refused(url: str, message: str) -> None:
        with pytest.raises(BadInput, match=f"^{re.escape(url)}: {message}") as error:
            fetch(url, tmp_path / "a.zip")
        assert "\n" not in str(error.value)

    refused(f"{server.url}/absent.zip", "cannot be downloaded, the server answers 404 Not Found$")
    with socket.socket() as silent:  # its port is taken, and nobody listens there
        silent.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/a.zip"
        refused(url, r"cannot be downloaded, is there a network\? \(Connection refused\)$")
    monkeypatch.setattr(
        socket, "getaddrinfo", unknown
    )  # some networks answer every name with a page of their own
    refused("http://nowhere.invalid/a.zip", r"cannot be downloaded, is there a network\? \(Name or service")
    assert left(tmp_path) == []


def test_a_place_that_cannot_be_written(tmp_path: Path, server: Server) -> None:
    server.files["a.bin"] = b"12345"
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"file.a\.bin: cannot be written"):
        fetch(f"{server.url}/a.bin", tmp_path / "file" / "a.bin")


def test_a_full_disk_is_no_network_s_fault(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    server.files["a.bin"] = b"12345"
    opened = Path.open
    monkeypatch.setattr(
        Path,
        "open",
        lambda path, *rest: opened(Path("/dev/full") if path.name == "a.bin" else path, *rest),
    )
    with pytest.raises(BadInput, match=r"a\.bin: cannot be written \(No space left on device\)"):
        fetch(f"{server.url}/a.bin", tmp_path / "a.bin")


def test_both_data_sets_from_download_to_samples(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(downloads, "nuclei_from_zip", lambda a, b: archives.nuclei_from_zip(a, b, count=4))
    monkeypatch.setattr(
        downloads, "pedestrians_from_zip", lambda a, b: archives.pedestrians_from_zip(a, b, count=6)
    )
    server.files["stage1_train.zip"] = pack(tmp_path / "n", nuclei()).read_bytes()
    server.files["PennFudanPed.zip"] = pack(tmp_path / "p", pedestrians()).read_bytes()
    data = tmp_path / "data"
    for _ in range(2):  # the second time nothing is downloaded
        assert len(NucleiFolder(download_nuclei(data, url=f"{server.url}/stage1_train.zip"), "all")) == 4
        folder = download_pedestrians(data, url=f"{server.url}/PennFudanPed.zip")
        assert len(VocFolder(folder, "train")) + len(VocFolder(folder, "val")) == 6
    assert server.asked == ["stage1_train.zip", "PennFudanPed.zip"]
    assert left(data) == ["PennFudanPed.zip.sha256", "nuclei", "pedestrians", "stage1_train.zip.sha256"]
    assert "stage1_train.zip: 100 % \n" in capsys.readouterr().err


def test_a_page_instead_of_the_zip_leaves_nothing(tmp_path: Path, server: Server) -> None:
    server.files["stage1_train.zip"] = b"<html>Please log in to this network</html>"
    with pytest.raises(BadInput, match="not a whole zip archive"):
        download_nuclei(tmp_path, url=f"{server.url}/stage1_train.zip")
    assert left(tmp_path) == []


def test_progress_is_one_line() -> None:
    stream = io.StringIO()
    show = text_progress("a.zip", stream)
    for done in range(0, 1001, 7):
        show(done, 1000)
    show(1000, 1000)
    assert stream.getvalue() == "a.zip: " + " ".join(f"{tenth} %" for tenth in range(0, 101, 10)) + " \n"
    stream = io.StringIO()
    text_progress("a.zip", stream)(25_000_000, None)
    assert stream.getvalue() == "a.zip: 20 MB "


def make_voc(folder: Path, lists: dict[str, list[str]]) -> None:
    for part in ("JPEGImages", "SegmentationClass", "SegmentationObject", "ImageSets/Segmentation"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    labels = np.eye(5, 6, dtype=np.uint8)
    for split, names in lists.items():
        (folder / "ImageSets" / "Segmentation" / f"{split}.txt").write_text("\n".join(names))
        for name in names:
            Image.new("RGB", (6, 5)).save(folder / "JPEGImages" / f"{name}.jpg")
            write_label_png(folder / "SegmentationClass" / f"{name}.png", labels)
            write_label_png(folder / "SegmentationObject" / f"{name}.png", labels)


@pytest.mark.parametrize(("year", "expected"), [("2012", ["train"]), ("2007", ["train", "test"])])
def test_voc_comes_through_torchvision_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, year: str, expected: list[str]
) -> None:
    asked: list[str] = []

    def stand_in(root: Path, year: str, image_set: str, download: bool) -> None:
        assert download
        asked.append(image_set)
        lists = {"test": ["c"]} if image_set == "test" else {"train": ["a"], "val": ["b"]}
        make_voc(Path(root) / "VOCdevkit" / f"VOC{year}", lists)

    monkeypatch.setattr(torchvision.datasets, "VOCSegmentation", stand_in)
    for _ in range(2):
        folder = download_voc(tmp_path, year)
        assert VocFolder(folder, "val").names == ["b"]
    assert asked == expected
    with pytest.raises(BadInput, match="year: '1999'"):
        download_voc(tmp_path, "1999")


def test_voc_and_sbd_without_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("scipy", reason="SBD's files need scipy")

    def fail(*arguments: object, **named: object) -> None:
        raise urllib.error.URLError(OSError(101, "Network is unreachable"))

    monkeypatch.setattr(torchvision.datasets, "VOCSegmentation", fail)
    monkeypatch.setattr(torchvision.datasets, "SBDataset", fail)
    message = r"^{}: cannot be downloaded, is there a network\? \(Network is unreachable\)$"
    with pytest.raises(BadInput, match=message.format("VOC 2012")):
        download_voc(tmp_path)
    with pytest.raises(BadInput, match=message.format("SBD")):
        download_sbd(tmp_path)
    monkeypatch.setattr(torchvision.datasets, "VOCSegmentation", lambda *a, **k: None)
    with pytest.raises(BadInput, match="JPEGImages: no such folder"):
        download_voc(tmp_path)
    (tmp_path / "cls").mkdir()
    with pytest.raises(BadInput, match="cls: part of an SBD that is not whole"):
        download_sbd(tmp_path)


def test_without_scipy_sbd_is_not_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(BadInput, match="need scipy, which is not installed; pip install scipy$"):
        download_sbd(tmp_path)


def test_sbd_comes_through_torchvision_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("scipy", reason="SBD's files need scipy")
    from small_sbd import maps, write

    asked = 0

    def stand_in(root: str, image_set: str, mode: str, download: bool) -> None:
        nonlocal asked
        asked += 1
        for name, split in (("a", "train"), ("b", "val")):
            write(Path(root), name, *maps(0))
            (Path(root) / f"{split}.txt").write_text(name)

    monkeypatch.setattr(torchvision.datasets, "SBDataset", stand_in)
    assert download_sbd(tmp_path / "sbd") == download_sbd(tmp_path / "sbd") == tmp_path / "sbd"
    assert asked == 1
