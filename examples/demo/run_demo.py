"""Show cwl-memo at work: a small outbreak analysis, run cold, warm, and after edits.

Everything is written into one folder, the store included; your own store is not touched. The
program ends with status 1 if any run executes a job that it need not, or reuses one it must not.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import simulate

HERE = Path(__file__).resolve().parent
MARKER = "CWL-MEMO-DEMO.txt"
SEED = 1
EVERY_JOB = frozenset(
    {"index", "join", "tree"}
    | {tool + number for tool in ("trim", "align", "call") for number in ("", "_2", "_3", "_4")}
)


class DemoError(Exception):
    """A run did not do what the demo promises."""


@dataclass(frozen=True)
class Row:
    """One run of the demo, as the closing table shows it."""

    title: str
    executed: frozenset[str]
    reused: frozenset[str]
    seconds: float
    run: str


@dataclass(frozen=True)
class Demo:
    """The folder of the demo and the size of its data."""

    folder: Path
    length: int
    depth: int

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Show and run one cwl-memo command in the demo's folder."""
        print(f"\n$ cwl-memo {' '.join(arguments)}", flush=True)
        return subprocess.run(
            [sys.executable, "-m", "cwl_memo", *arguments],
            cwd=self.folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def show(self, *arguments: str) -> None:
        """Run a command that reports something, and print what it reports."""
        done = self.command(*arguments)
        print(done.stdout.rstrip())
        if done.returncode or not done.stdout.strip():
            raise DemoError(f"cwl-memo {arguments[0]} failed:\n{done.stderr}")

    def run(self, name: str, title: str, executed: frozenset[str]) -> Row:
        """Run the workflow; fail unless exactly the expected jobs are executed.

        :param name: of the folder for the outputs.
        :param executed: names of the jobs that have to be executed; all others are reused.
        """
        report = self.folder / f"{name}.json"
        started = time.monotonic()
        done = self.command(
            "run",
            *("--memo-store", "store", "--memo-report", report.name, "--outdir", name),
            *("--disable-color", "workflow/outbreak.cwl", "data/job.yml"),
        )
        seconds = time.monotonic() - started
        print("\n".join(line for line in done.stderr.splitlines() if is_memo_line(line)))
        if done.returncode:
            raise DemoError(f"the run ended with status {done.returncode}:\n{done.stderr}")
        (self.folder / name / "outputs.json").write_text(done.stdout, encoding="utf-8")
        row = read_row(report, title, seconds)
        if row.executed != executed or row.reused != EVERY_JOB - executed:
            raise DemoError(
                f"expected to be executed: {sorted(executed)}; executed: {sorted(row.executed)}, "
                f"reused: {sorted(row.reused)}"
            )
        return row


def environment() -> dict[str, str]:
    """Return the environment of a run: no settings from outside, and a python3 on PATH."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CWL_MEMO_", "CWLTOOL_OPTIONS"))
    }
    path = [str(Path(sys.executable).parent), kept.get("PATH", os.defpath)]
    return kept | {"PATH": os.pathsep.join(path)}


def is_memo_line(line: str) -> bool:
    """Return whether a line of the log says what became of a job, or of the run."""
    _, bracket, rest = line.partition("] ")
    outcome = bool(bracket) and rest.startswith(("reused", "executed", "failed"))
    return outcome or " reused, " in line


def read_row(report: Path, title: str, seconds: float) -> Row:
    """Return what a run's report says of its jobs."""
    record: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    named: dict[str, set[str]] = {}
    for job in record["jobs"]:
        named.setdefault(job["result"], set()).add(job["name"])
    reused = frozenset(named.pop("reused", ()))
    executed = frozenset(named.pop("executed", ()))
    if named:
        raise DemoError(f"jobs neither reused nor executed: {named}")
    return Row(title, executed, reused, seconds, record["run"])


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of each file that a run delivered."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "outputs.json"
    }


def require_equal_outputs(one: Path, other: Path) -> None:
    """Fail unless two runs delivered the same files, byte for byte."""
    if not contents(one) or contents(one) != contents(other):
        raise DemoError(f"{one.name} and {other.name} differ")
    print(f"\n{one.name} and {other.name}: {len(contents(one))} files, equal byte for byte")


def heading(text: str) -> None:
    """Print a heading."""
    print(f"\n\n{text}\n{'-' * len(text)}", flush=True)


def prepare(folder: Path) -> None:
    """Make the folder anew, if it is the demo's own or empty."""
    if folder.exists():
        if any(folder.iterdir()) and not (folder / MARKER).exists():
            raise DemoError(f"{folder} holds something else; name another folder")
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / MARKER).write_text("Made by run_demo.py; delete it as you like.\n", "utf-8")
    shutil.copytree(HERE / "workflow", folder / "workflow")


def resequence(demo: Demo) -> None:
    """Replace one isolate's reads by those of a later sampling."""
    reads = simulate.sequence_again("isolate_D", SEED, demo.length, demo.depth)
    (demo.folder / "data" / "isolate_D.fastq").write_text(reads, encoding="utf-8")


def append_unusable(demo: Demo) -> None:
    """Add reads to one isolate that the trimming drops."""
    with (demo.folder / "data" / "isolate_A.fastq").open("a", encoding="utf-8") as reads:
        reads.write(simulate.unusable_reads(100))


def edit_script(demo: Demo) -> None:
    """Change a tool's script in a way that does not change what it computes."""
    with (demo.folder / "workflow" / "scripts" / "join_samples.py").open("a") as script:
        script.write("\n# The sites are sorted by position.\n")


def edit_words(demo: Demo) -> None:
    """Change a label, a doc and a comment, and nothing that bears on a job."""
    trim = demo.folder / "workflow" / "trim.cwl"
    text = trim.read_text(encoding="utf-8").replace("label: Trim reads", "label: Clean the reads")
    text = text.replace("doc: Cuts", "doc: Takes")
    trim.write_text("# Edited by the demo.\n" + text, encoding="utf-8")


EDITS: tuple[tuple[str, str, Callable[[Demo], None], frozenset[str]], ...] = (
    (
        "3-resequenced",
        "isolate D sequenced again",
        resequence,
        frozenset({"trim_4", "align_4", "call_4", "join", "tree"}),
    ),
    (
        "4-unusable-reads",
        "reads added to isolate A, all dropped by trim",
        append_unusable,
        frozenset({"trim"}),
    ),
    (
        "5-script",
        "comment added to join_samples.py",
        edit_script,
        frozenset({"join"}),
    ),
    (
        "6-words",
        "label, doc and comment of trim.cwl edited",
        edit_words,
        frozenset(),
    ),
)


def print_table(rows: list[Row]) -> None:
    """Print what each run executed and how long it took."""
    heading("All runs")
    width = max(len(row.title) for row in rows)
    print(f"{'':{width}}  {'reused':>6}  {'executed':>8}  {'seconds':>7}")
    for row in rows:
        counts = f"{len(row.reused):>6}  {len(row.executed):>8}  {row.seconds:>7.1f}"
        names = "" if len(row.executed) in (0, len(EVERY_JOB)) else ", ".join(sorted(row.executed))
        print(f"{row.title:{width}}  {counts}  {names}".rstrip())


def play(demo: Demo) -> None:
    """Run the whole demo."""
    prepare(demo.folder)
    simulate.write_data(demo.folder / "data", SEED, demo.length, demo.depth)
    print(f"In {demo.folder}: a reference of {demo.length} bases, four isolates' reads,")
    print("workflow/outbreak.cwl: index → (trim → align → call) for each isolate → join → tree")

    heading("1. The first run executes every job")
    rows = [demo.run("1-cold", "cold", EVERY_JOB)]
    heading("2. The same again executes none")
    rows.append(demo.run("2-warm", "warm", frozenset()))
    require_equal_outputs(demo.folder / "1-cold", demo.folder / "2-warm")
    for name, title, edit, executed in EDITS:
        heading(f"{name[0]}. {title[0].upper()}{title[1:]}")
        edit(demo)
        rows.append(demo.run(name, title, executed))
    before = demo.folder / EDITS[0][0]
    for name, *_ in EDITS[1:]:
        require_equal_outputs(before, demo.folder / name)
    heading("Why did the third run execute what it did?")
    demo.show("explain", "--store", "store", rows[2].run)
    heading("What does the store hold?")
    demo.show("stats", "--store", "store")
    print_table(rows)
    print(f"\nThe report: {demo.folder / '6-words' / 'report.html'}")


def main() -> int:
    """Play the demo; return 0, or 1 where it did not go as promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("demo-output"))
    parser.add_argument("--small", action="store_true", help="less data, a few seconds in all")
    options = parser.parse_args()
    length, depth = (3000, 15) if options.small else (16000, 30)
    try:
        play(Demo(options.folder.resolve(), length, depth))
    except DemoError as error:
        print(f"\nThe demo failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
