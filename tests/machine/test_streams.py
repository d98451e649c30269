"""Whatever becomes of standard output and standard error, the work is done, and the one to blame is named."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from bridgeseg.machine.streams import Forgiving, forgiving

ROOT = str(Path(__file__).resolve().parents[2])
PROGRAM = """
import sys
from bridgeseg.machine.streams import forgiving
@forgiving
def main(arguments=None):
    print("a line – and another", "x" * 100000)
    print("complaint", file=sys.stderr)
    open(sys.argv[1], "w").write("result")
    print("done")
    return int(sys.argv[2])
sys.exit(main())
"""


def ran(shell: str, folder: Path, status: int = 0, **environment: str) -> tuple[int, str, str]:
    """Run the program in a shell, and return its status, standard error and the result that it wrote."""
    (folder / "program.py").write_text(PROGRAM, "utf8")
    command = f"{sys.executable} {folder}/program.py {folder}/result {status}"
    line = f"{{ {command} {shell}; echo $? >{folder}/status; }}"
    if "|" in shell:
        line = f"{{ {command}; echo $? >{folder}/status; }} {shell}"
    done = subprocess.run(
        ["sh", "-c", line],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": ROOT} | environment,
    )
    return int((folder / "status").read_text()), done.stderr, (folder / "result").read_text()


CLOSED = [
    (">/dev/full", "No space left on device"),
    (">&-", "it is closed"),
    ("| true", "Broken pipe"),
]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
@pytest.mark.parametrize(("shell", "why"), CLOSED, ids=["full", "closed", "head"])
def test_standard_output_that_takes_nothing_is_one_line_and_costs_no_result(
    shell: str, why: str, tmp_path: Path
) -> None:
    status, said, result = ran(shell, tmp_path)
    assert said == f"complaint\nbridgeseg: error: standard output: {why}\n"
    assert (status, result) == (1, "result")


def test_a_character_that_standard_output_lacks_is_written_by_its_number(tmp_path: Path) -> None:
    status, said, result = ran(f">{tmp_path}/out", tmp_path, PYTHONIOENCODING="ascii")
    assert "standard output: its encoding ascii has no '\\u2013', which was written so" in said
    assert (tmp_path / "out").read_text().startswith("a line \\u2013 and another")
    assert (tmp_path / "out").read_text().endswith("\ndone\n")
    assert (status, result) == (1, "result")


@pytest.mark.parametrize("shell", ["2>&-", "2>/dev/full", ">&- 2>&-"])
def test_nor_does_standard_error_cost_a_result(shell: str, tmp_path: Path) -> None:
    status, said, result = ran(shell, tmp_path)
    assert (status, said, result) == (int(shell.startswith(">")), "", "result")


def test_another_status_stays(tmp_path: Path) -> None:
    assert ran(">/dev/full", tmp_path, status=130)[0] == 130


def test_a_stream_that_works_is_as_it_was(capsys: pytest.CaptureFixture) -> None:
    @forgiving
    def main(arguments: Sequence[str] | None = None) -> int:
        print("out")
        print("err", file=sys.stderr)
        assert not sys.stdout.isatty()
        return 0

    before = sys.stdout, sys.stderr
    assert main(None) == 0
    assert (sys.stdout, sys.stderr) == before
    assert capsys.readouterr() == ("out\n", "err\n")


@pytest.mark.parametrize(("code", "returned"), [(0, 1), (2, None)])
def test_help_that_cannot_be_printed_is_an_error_too(
    code: int, returned: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    @forgiving
    def main(arguments: Sequence[str] | None = None) -> int:
        print("help")
        sys.exit(code)

    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    with pytest.raises(SystemExit):
        main(None)
    stream.close()
    if returned is None:
        with pytest.raises(SystemExit) as caught:
            main(None)
        assert caught.value.code == code
    else:
        assert main(None) == returned


def test_what_went_wrong_first_is_told() -> None:
    stream = Forgiving(io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    assert stream.why() == ""
    stream.write("–")
    assert stream.stream is not None
    stream.stream.close()
    stream.write("x")
    stream.flush()
    assert "'\\u2013'" in stream.why()
