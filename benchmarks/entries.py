"""Fills a store with many entries through its own interface, and measures what is asked of it."""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, Final
from unittest import mock

from .errors import BenchmarkError
from .measure import Measured, measure
from .record import machine, update_results
from .runner import find_program, surroundings
from .table import Table

__all__ = ["add_arguments", "fill", "measure_store"]

_TOOLS: Final = 20
_LOOKUPS: Final = 2000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    add = parser.add_argument
    add("--count", metavar="N", type=int, default=1_000_000, help="default: %(default)s")
    add("--folder", metavar="DIR", type=Path, help="work below this DIR, not where TMPDIR says")
    add("--store", metavar="DIR", type=Path, help="keep the store there; one of N is taken as is")
    add("--json", metavar="FILE", type=Path, help="put what was measured into FILE")
    parser.set_defaults(verb=_run)


def _run(arguments: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="cwl-memo-bench-", dir=arguments.folder) as name:
        folder = Path(name)
        store = arguments.store or folder / "store"
        if not store.exists():
            fill(store, arguments.count)
        found = measure_store(store, arguments.count, folder)
    title, *rows = found["table"]
    print(Table(title[0], rows).text())
    if arguments.json:
        update_results(arguments.json, {"machine": machine(), "entries": found})
    return 0


def fill(store: Path, count: int, show: Callable[[str], None] | None = None) -> None:
    """Publish so many entries, each of one blob of its own.

    What is left out is the waiting for the disk after each: that a power cut takes nothing
    does not change what is there afterwards.
    """
    from cwl_memo.store.local import open_store

    show = show or _tell
    begun = time.monotonic()
    opened = open_store(store)
    with mock.patch("os.fsync"):
        for number in range(count):
            opened.publish(_entry(number, opened.ingest_bytes(_content(number))))
            if (number + 1) % 100_000 == 0:
                show(f"{number + 1} entries in {time.monotonic() - begun:.0f} s")
    opened.close()


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _content(number: int) -> bytes:
    return f"the output of job {number}\n".encode()


def _key(number: int) -> Any:
    from cwl_memo.core.digest import ReuseKey, digest_of_bytes

    return ReuseKey(digest_of_bytes(b"key %d" % number).hex)


def _entry(number: int, digest: Any) -> Any:
    """Return an entry such as a small job leaves."""
    from cwl_memo.core.entry import BlobRef, Entry, Origin, OutputVariant

    tool = f"tool_{number % _TOOLS}"
    blob = BlobRef(digest, len(_content(number)))
    output = {
        "class": "File",
        "basename": f"{number}.txt",
        "size": blob.size,
        "blob": digest.hex,
    }
    return Entry(
        key=_key(number),
        fingerprint={
            "tool": {"baseCommand": [tool], "stdout": "$(inputs.name)"},
            "cwl_version": "v1.2",
            "requirements": [],
            "inputs": {"number": number, "text": {"class": "File", "digest": digest.hex}},
            "image": None,
            "host": {tool: digest.hex},
            "runtime": {},
            "environment": {},
            "options": {},
            "salt": "",
        },
        variants=(OutputVariant(digest, {"out": output}, (blob,)),),
        exit_code=0,
        tree=None,
        stdout=None,
        stderr=None,
        blobs=(blob,),
        origin=Origin("run", f"{tool}_{number}", tool, "2026-01-01T00:00:00+00:00", 1.0),
    )


def measure_store(store: Path, count: int, folder: Path) -> dict[str, Any]:
    """Measure look-ups in this process, and the verbs as a user calls them."""
    hits, misses, opened = _look_up(store, count)
    stats = _verb(folder, "stats", "--store", str(store), "--json")
    half = str(_bytes(count) // 2)
    gc = _verb(folder, "gc", "--store", str(store), "--max-size", half, "--dry-run", "--json")
    rows = [
        ("", "wall", "CPU", "peak MB"),
        ("open the store", f"{opened * 1000:.1f} ms", "", ""),
        ("look up an entry that is there, its blob checked", _micro(median(hits)), "", ""),
        ("... 99 of 100 within", _micro(sorted(hits)[len(hits) * 99 // 100]), "", ""),
        ("look up one that is not there", _micro(median(misses)), "", ""),
        ("stats", *_cells(stats)),
        ("gc --dry-run, half to go", *_cells(gc)),
    ]
    bytes_each = _disk_bytes(store) / count
    rows.append(("disk space an entry with its blob", f"{bytes_each / 1000:.1f} kB", "", ""))
    return {
        "entries": count,
        "lookup_seconds": median(hits),
        "stats_seconds": stats.usage.wall,
        "gc_seconds": gc.usage.wall,
        "table": [[f"A store of {count} entries"], *map(list, rows)],
    }


def _look_up(store: Path, count: int) -> tuple[list[float], list[float], float]:
    from cwl_memo.store.local import open_store

    begun = time.perf_counter()
    opened = open_store(store)
    seconds = time.perf_counter() - begun

    def timed(number: int) -> float:
        key = _key(number)
        begun = time.perf_counter()
        entry = opened.get_entry(key)
        sound = entry is None or all(opened.check_blob(b.digest, b.size) for b in entry.blobs)
        took = time.perf_counter() - begun
        if not sound or (entry is not None) is (number >= count):
            raise BenchmarkError(f"{store}: entry {number} is not as it was published")
        return took

    chosen = random.Random(1)  # noqa: S311
    hits = [timed(chosen.randrange(count)) for _ in range(_LOOKUPS)]
    misses = [timed(count + number) for number in range(_LOOKUPS)]
    opened.close()
    return hits, misses, seconds


def _verb(folder: Path, *words: str) -> Measured:
    program = find_program("cwl-memo")
    if program is None:
        raise BenchmarkError("not installed: cwl-memo")
    done = measure([program, *words], folder, surroundings(), folder / words[0], 3600)
    if done.status:
        raise BenchmarkError(f"cwl-memo {words[0]} failed:\n{done.log()}")
    return done


def _bytes(count: int) -> int:
    return sum(len(_content(number)) for number in range(count))


def _disk_bytes(store: Path) -> int:
    return sum(
        os.lstat(os.path.join(place, name)).st_blocks * 512  # noqa: PTH118
        for place, _, names in os.walk(store)
        for name in names
    )


def _micro(seconds: float) -> str:
    return f"{seconds * 1e6:.0f} µs"


def _cells(done: Measured) -> tuple[str, str, str]:
    usage = done.usage
    return f"{usage.wall:.1f} s", f"{usage.cpu:.1f} s", f"{usage.peak / 1e6:.0f}"
