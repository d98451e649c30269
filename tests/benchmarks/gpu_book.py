"""The book on a GPU, in minutes: `python tests/benchmarks/gpu_book.py --minutes 9 --work DIR --out DIR`.

Chapters 4 to the last run whole in their full tier, and beside them the studies whose full rows need a GPU, as many at
a time as there are cores, what matters most first. Whatever is not done when the minutes end is stopped; it goes on
where it was when the command is given again with the same `--work`, for chapters and studies alike keep what they have
trained. Then `--out` holds `gpu-chapters.json`, what the chapters took, printed and brought; `studies.tar.gz`, what the
studies left in their scratch folders, to be gathered by their own commands on any machine; and `said.txt`, all that
was said. Real pictures are those of BRIDGESEG_DATA.

`--only` runs some jobs, by parts of their names; `--list` shows them. `--store FILE…` keeps what one call or several
over the same `--work` have written, without what the chapters printed.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from stored_result import origin, publish

from bridgeseg.machine.files import write_atomically, write_text

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = sorted((ROOT / "book").glob("[0-9][0-9]_*.ipynb"))
FIRST = 4  # the chapters before it train nothing that has a full tier
SEEDS = 3
ROWS = """\
import dataclasses, json
print("ROWS " + json.dumps([dataclasses.asdict(row) for row in globals().get("rows", [])
                            if dataclasses.is_dataclass(row)]))"""


@dataclass(frozen=True, eq=False)
class Job:
    """Some commands, one after the other; how many cores they take."""

    name: str
    commands: Sequence[Sequence[str]]
    cores: int = 1


def jobs(work: Path) -> list[Job]:
    """Return all jobs, what matters most first."""

    def study(program: str, *words: str, place: str = "--scratch") -> list[str]:
        folder = work / "studies" / program.replace("_", "-")
        return [sys.executable, f"tests/benchmarks/{program}.py", *words, place, str(folder)]

    chapters = [path for path in CHAPTERS if int(path.name[:2]) >= FIRST]
    found = [
        Job(
            f"chapter {path.name[:2]}",
            [[sys.executable, __file__, "--chapter", path.name, "--work", str(work)]],
        )
        for path in chapters
    ]
    table = [(data, seed) for seed in range(SEEDS) for data in ("nuclei", "scenes")]
    found += [
        Job(f"table {data} {seed}", [study("instance_table", "--only", f"{data}, seed {seed}")])
        for data, seed in table
    ]
    found.append(Job("box choices", [study("box_choices", "--workers", "3")], 3))
    hard = ("--kinds", "rare", "--losses", "floor 512", "all over kept", "--more", "0", "--workers", "3")
    found.append(Job("hard pixels", [study("hard_pixels", "--tier", "full", *hard)], 3))
    far = ("--tier", "full", "--seeds", "1", "--workers", "3")
    found.append(Job("how far", [study("how_far", *far, place="--runs")], 3))
    rows = ("plain and shallow", "deeper", "+ bootstrapping", "+ weighting")
    full = ("--tier", "full", "--seeds", "1", "--steps", "1500", "--only")
    found += [
        Job(f"full table {data}, {row}", [study("instance_table", *full, f"{data}, seed 0, {row}")])
        for row in rows
        for data in ("nuclei", "scenes")
    ]
    deep = study("depth", "--depths", "34", "66", "--workers", "3")
    found.append(Job("depth", [[*deep, "--time"], deep], 3))
    return found


def run_chapter(name: str, work: Path) -> None:
    """Run a chapter in its full tier as a reader does, past its errors, and keep what came of it."""
    sys.path.insert(0, str(ROOT / "tests" / "book"))
    import chapter_runs
    import nbformat

    path = ROOT / "book" / name
    number = path.name[:2]
    whole = nbformat.read(path, as_version=4)
    whole.cells.append(nbformat.v4.new_code_cell(ROWS))
    home = work / f"home-{number}"
    home.mkdir(parents=True, exist_ok=True)
    copy = home / path.name
    nbformat.write(whole, copy)
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    settings = {"BRIDGESEG_TIER": "full", "BRIDGESEG_CACHE": str(work / "cache"), "PYTHONPATH": paths}
    settings |= {name: os.environ[name] for name in ("BRIDGESEG_DATA",) if name in os.environ}
    began = time.monotonic()
    done = chapter_runs.executed(copy, chapter_runs.environment(home, **settings), to_the_end=True)
    seconds = time.monotonic() - began
    said = chapter_runs.printed(done)
    errors = [
        f"cell {cell.id}: {output.ename}: {output.evalue}"[:400]
        for cell in done.cells
        for output in cell.get("outputs", [])
        if output.output_type == "error"
    ]
    rows = [json.loads(line[5:]) for line in said.splitlines() if line.startswith("ROWS ")]
    found = {
        "seconds": round(seconds, 1),
        "errors": errors,
        # A chapter that trains asks for the tier; one that loads a network has the same rows in both tiers.
        "trains": any("tier()" in cell.source for cell in whole.cells if cell.cell_type == "code"),
        "rows": rows[-1] if rows else [],
    }
    write_text(work / "chapters" / f"{number}.json", json.dumps(found | {"printed": said}))
    raise SystemExit(1 if errors else 0)


def work_off(listed: Sequence[Job], cores: int, until: float, work: Path) -> dict[str, str]:
    """Run jobs side by side until a point in time; return of each how it went.

    cores: that may be taken at a time; a job that needs more waits until all are free
    until: by `time.monotonic()`; what still runs then is stopped with all that it began
    """
    (work / "said").mkdir(parents=True, exist_ok=True)
    waiting, running, how = list(listed), {}, {}
    first: dict[Job, float] = {}

    def begin(job: Job, step: int) -> tuple[subprocess.Popen[bytes], int, float]:
        with open(work / "said" / f"{job.name}.txt", "ab") as said:
            process = subprocess.Popen(
                job.commands[step], cwd=ROOT, stdout=said, stderr=said, start_new_session=True
            )
        return process, step, time.monotonic()

    while (waiting or running) and time.monotonic() < until:
        taken = sum(min(job.cores, cores) for job in running)
        while waiting and taken + min(waiting[0].cores, cores) <= cores:
            job = waiting.pop(0)
            running[job] = begin(job, 0)
            first[job] = time.monotonic()
            taken += min(job.cores, cores)
        for job, (process, step, began) in list(running.items()):
            if process.poll() is None:
                continue
            del running[job]
            if process.returncode == 0 and step + 1 < len(job.commands):
                running[job] = begin(job, step + 1)
                continue
            began = first[job]
            word = "done" if process.returncode == 0 else f"failed with {process.returncode}"
            how[job.name] = f"{word}, {time.monotonic() - began:.0f} s"
            print(f"{job.name}: {how[job.name]}", flush=True)
        time.sleep(0.2)
    for job, (process, _, _) in running.items():
        os.killpg(process.pid, signal.SIGKILL)  # a chapter's kernel ends by itself when its parent is gone
        process.wait()
        how[job.name] = f"stopped, out of time after {time.monotonic() - first[job]:.0f} s"
    return how | {job.name: "not begun, no time was left" for job in waiting}


def pack(work: Path, out: Path, head: dict[str, Any], how: dict[str, str]) -> None:
    """Put what came out into a few files."""
    out.mkdir(parents=True, exist_ok=True)
    chapters = {path.stem: json.loads(path.read_text("utf8")) for path in (work / "chapters").glob("*.json")}
    report = head | {"jobs": how, "chapters": dict(sorted(chapters.items()))}
    write_text(out / "gpu-chapters.json", json.dumps(report, indent=1, ensure_ascii=False) + "\n")

    def studies(file: BinaryIO) -> None:
        with tarfile.open(fileobj=file, mode="w:gz") as kept:
            for path in sorted((work / "studies").rglob("*.json")):
                kept.add(path, str(path.relative_to(work)))

    write_atomically(out / "studies.tar.gz", studies)
    texts = [
        f"== {path.stem}\n{path.read_text('utf8', 'replace')[-6000:]}" for path in (work / "said").glob("*")
    ]
    write_text(out / "said.txt", "\n".join(texts))


def stored(files: Sequence[Path]) -> dict[str, Any]:
    """Return what calls wrote, one after the other: of each job how it went in each, of each chapter the last."""
    calls = [json.loads(path.read_text("utf8")) for path in files]
    names = dict.fromkeys(name for call in calls for name in call["jobs"])
    jobs_of = {name: [call["jobs"][name] for call in calls if name in call["jobs"]] for name in names}
    chapters: dict[str, Any] = {}
    for call in calls:
        chapters |= {
            name: {key: value for key, value in found.items() if key != "printed"}
            for name, found in call["chapters"].items()
        }
    commands = " && ".join(call["command"] for call in calls)
    told = {"command": commands, "side by side": [call["side by side"] for call in calls]}
    return calls[-1] | told | {"jobs": jobs_of, "chapters": dict(sorted(chapters.items()))}


def main() -> None:
    """Work off the jobs and pack, or be one chapter's, or store."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=9.0, help="that all of it may take")
    parser.add_argument("--work", type=Path, help="folder in which everything is kept")
    parser.add_argument("--out", type=Path, help="folder of the results")
    parser.add_argument("--cores", type=int, default=os.cpu_count(), help="that may be taken at a time")
    parser.add_argument("--only", nargs="+", default=[""], help="jobs whose names contain one of these")
    parser.add_argument("--list", action="store_true", help="show the jobs, and do nothing")
    parser.add_argument("--store", type=Path, nargs="+", metavar="FILE", help="keep these in book/results")
    parser.add_argument("--chapter", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.store:
        publish("gpu-chapters", stored(given.store), store=True)
        return
    if given.work is None:
        parser.error("--work is missing, expected a folder in which everything is kept")
    until = time.monotonic() + 60 * given.minutes
    if given.chapter:
        run_chapter(given.chapter, given.work)
    listed = [job for job in jobs(given.work) if any(part in job.name for part in given.only)]
    if not listed:
        parser.error(f"--only {' '.join(given.only)}: no job is called so; --list shows them")
    if given.list:
        print(*(f"{job.name}: {job.cores} cores" for job in listed), sep="\n")
        return
    if given.out is None:
        parser.error("--out is missing, expected a folder for the results")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("BRIDGESEG_CACHE", str(given.work / "cache"))
    asked = [f"--minutes {given.minutes:g}", "--work DIR", "--out DIR", f"--cores {given.cores}"]
    asked += [f"--only {shlex.join(given.only)}"] if given.only != [""] else []
    head = origin(" ".join(["python tests/benchmarks/gpu_book.py", *asked])) | {"threads": 1}
    how = work_off(listed, given.cores, until, given.work)
    pack(given.work, given.out, head | {"side by side": given.cores}, how)
    for name, word in how.items():
        print(f"{name}: {word}")
    for path in sorted((given.work / "chapters").glob("*.json")):
        found = json.loads(path.read_text("utf8"))
        print(f"chapter {path.stem}: {found['seconds']} s", *found["errors"], sep="\n   ")
        for row in found["rows"]:
            print("   ", row)
    sys.exit(any(word.startswith("failed") for word in how.values()))


if __name__ == "__main__":
    main()
