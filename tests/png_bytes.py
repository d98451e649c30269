"""Writes PNG files byte by byte, independent of Pillow, as an oracle for what reads and writes them."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

CHANNELS = {
    0: 1,
    2: 3,
    3: 1,
    6: 4,
}  # of a pixel, by the kind that the header names: grey, colour, palette, RGBA


def png(path: Path, rows: list[bytes], depth: int, kind: int, width: int | None = None) -> Path:
    """Write the packed bytes of each row as a PNG, with a grey palette where the kind has one; return the path.

    width: pixels in a row; where not given, as many as its bytes hold
    """
    if width is None:
        width = len(rows[0]) * 8 // depth // CHANNELS[kind]
    header = struct.pack(">IIBBBBB", width, len(rows), depth, kind, 0, 0, 0)
    palette = _chunk(b"PLTE", bytes(range(256)) * 3) if kind == 3 else b""
    body = _chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + palette + body + _chunk(b"IEND", b""))
    return path


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
