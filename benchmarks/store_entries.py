"""What a store of many entries costs: opened, searched, counted and collected.

::

    python benchmarks/store_entries.py --entries 100000

fills a store with so many entries of one small blob each, through the store's own code (if
they are very many, only their files and what the index knows of blobs), and prints the CPU
and wall-clock seconds and the peak memory of each thing done to it,
every one in a process of its own. The store is removed in the end.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cwl_memo import __version__
from cwl_memo.core.digest import Digest, ReuseKey, digest_of_bytes, digest_of_value
from cwl_memo.core.entry import BlobRef, Entry, Origin, OutputVariant
from cwl_memo.store.entry_file import seal_entry
from cwl_memo.store.index import Index
from cwl_memo.store.layout import Layout
from cwl_memo.store.local import LocalStore, open_store
from cwl_memo.store.quarantine import Quarantine

__all__ = ["STEPS", "fill", "main", "measure"]

_TOOLS: Final = 50
_BULK: Final = 20_000
"""How many entries are too many to publish one by one."""

_EVICTED: Final = 0.03
"""The part of the store that is collected."""


def _key(number: int) -> ReuseKey:
    return ReuseKey(digest_of_value("benchmark", number).hex)


def _content(number: int) -> bytes:
    return f"result {number:012}\n".encode() * 20


def _entry(number: int, blob: BlobRef) -> Entry:
    """Return an entry as large as that of a tool of one input and one output."""
    tool = f"tool_{number % _TOOLS}.cwl"
    output = {
        "class": "File",
        "basename": "out.txt",
        "checksum": f"sha1${number:040x}",
        "size": blob.size,
        "memo": {"workspace": "out.txt", "digest": str(blob.digest), "size": blob.size},
    }
    digest = str(Digest(f"{number:064x}"))
    return Entry(
        key=_key(number),
        fingerprint={
            "tool": {"class": "CommandLineTool", "baseCommand": ["sort", "-n"], "number": number},
            "inputs": {"lines": {"class": "File", "basename": "in.txt", "digest": digest}},
            "requirements": [{"class": "NetworkAccess", "networkAccess": False}],
            "host": [{"name": "sort", "digest": digest}],
        },
        variants=(OutputVariant(blob.digest, {"out": output}, (blob,)),),
        exit_code=0,
        tree=None,
        stdout=None,
        stderr=None,
        blobs=(blob,),
        origin=Origin("run", f"job_{number}", tool, "2026-01-01T00:00:00+00:00", 2.0),
    )


def _record(store: LocalStore, number: int) -> None:
    data = _content(number)
    store.publish(_entry(number, BlobRef(store.ingest_bytes(data), len(data))))


def _do_not_wait(fd: object) -> None:
    """Stand for ``os.fsync``."""


def fill(path: Path, entries: int) -> None:
    """Make a store with so many entries."""
    # It lasts as long as this program: nobody waits for the disk.
    os.fsync = _do_not_wait
    with closing(open_store(path)) as store:
        for number in range(entries):
            _record(store, number)


def fill_in_bulk(path: Path, entries: int) -> None:
    """Make the same store faster: its files and the identities of blobs, nothing more."""
    open_store(path).close()
    layout = Layout(path)
    index = Index(layout.index, Quarantine(layout.quarantine, writable=True), 60)
    for directory in (layout.blobs, layout.entries):
        for number in range(256):
            (directory / f"{number:02x}").mkdir()
    for number in range(entries):
        data = _content(number)
        blob = BlobRef(digest_of_bytes(data), len(data))
        found = _write(layout.blob(blob.digest), data)
        identity = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        index.remember_blob(blob.digest, identity, blob.size)
        entry = _entry(number, blob)
        _write(layout.entry(entry.key), seal_entry(entry))
    index.close()


def _write(path: Path, data: bytes) -> os.stat_result:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
    try:
        os.write(descriptor, data)
        return os.fstat(descriptor)
    finally:
        os.close(descriptor)


# what is measured


@dataclass(frozen=True)
class _Filled:
    """An open store, how many entries it was filled with, and how many are tried."""

    store: LocalStore
    entries: int
    sample: int


def _open(filled: _Filled) -> int:
    """Nothing more than opening."""
    return int(filled.store.get_entry(_key(filled.entries)) is None)


def _look_up(filled: _Filled) -> int:
    chosen = random.Random(1).choices(range(filled.entries), k=filled.sample)  # noqa: S311  (no secret)
    for number in chosen:
        found = filled.store.get_entry(_key(number))
        if found is None or not all(filled.store.check_blob(b.digest, b.size) for b in found.blobs):
            raise AssertionError(f"entry {number} is not there")
    return filled.sample


def _miss(filled: _Filled) -> int:
    return sum(
        filled.store.get_entry(_key(filled.entries + 1 + n)) is None for n in range(filled.sample)
    )


def _publish(filled: _Filled) -> int:
    for number in range(filled.sample):
        _record(filled.store, 10 * filled.entries + number)
    return filled.sample


def _recent(filled: _Filled) -> int:
    return len(filled.store.recent("tool_1.cwl", 8))


def _stats(filled: _Filled) -> int:
    return filled.store.stats().entries


def _foresee(filled: _Filled) -> int:
    return len(filled.store.gc(_limit(filled.store), dry_run=True))


def _collect(filled: _Filled) -> int:
    return len(filled.store.gc(_limit(filled.store)))


def _limit(store: LocalStore) -> int:
    return int(store.used_bytes() * (1 - _EVICTED))


def _keys(filled: _Filled) -> int:
    return sum(1 for _ in filled.store.keys())  # noqa: SIM118  (no mapping)


def _lose_index(filled: _Filled) -> int:
    index = Path(filled.store.location, "index")
    filled.store.close()
    shutil.rmtree(index)
    return 1


STEPS: Final[dict[str, Callable[[_Filled], int]]] = {
    "open": _open,
    "look-up": _look_up,
    "look-up, miss": _miss,
    "publish": _publish,
    "keys": _keys,
    "stats": _stats,
    "gc --dry-run": _foresee,
    "gc": _collect,
    "lose the index": _lose_index,
    "recent, first": _recent,
    "stats, first": _stats,
}
"""What is done to the store, in this order; "first" is without an index."""


def measure(path: Path, step: str, entries: int, sample: int) -> dict[str, Any]:
    """Do one step in this process and return what it cost."""
    wall, cpu = time.perf_counter(), time.process_time()
    with closing(open_store(path)) as store:
        opened = time.perf_counter() - wall
        count = STEPS[step](_Filled(store, entries, sample))
    return {
        "step": step,
        "count": count,
        "open_ms": round(1000 * opened, 2),
        "wall": round(time.perf_counter() - wall, 4),
        "cpu": round(time.process_time() - cpu, 4),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _in_a_process(arguments: list[str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(Path(__file__)), *arguments], stdout=subprocess.PIPE, check=True
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _size(path: Path) -> int:
    return sum(item.stat().st_size for item in path.glob("*")) >> 20


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _row(result: dict[str, Any]) -> str:
    each = 1e6 * result["cpu"] / max(result["count"], 1)
    return (
        f"{result['step']:<16}{result['count']:>10}{result['wall']:>10.3f}"
        f"{result['cpu']:>10.3f}{each:>10.1f}{result['peak_mib']:>10}"
    )


def _benchmark(path: Path, entries: int, sample: int, *, as_json: bool) -> None:
    base = ["--entries", str(entries), "--sample", str(sample), "--directory", str(path)]
    wall = time.perf_counter()
    filled = _in_a_process([*base, "--step", "fill"])
    filled["wall"] = round(time.perf_counter() - wall, 1)
    filled["index_mib"] = _size(path / "index")
    results = [filled]
    if not as_json:
        _tell(f"cwl-memo {__version__}, {entries} entries, index {filled['index_mib']} MiB")
        _tell(f"{'':<16}{'count':>10}{'wall s':>10}{'cpu s':>10}{'cpu us ea':>10}{'peak MiB':>10}")
        _tell(_row(filled))
    for step in STEPS:
        result = _in_a_process([*base, "--step", step])
        results.append(result)
        if not as_json:
            _tell(_row(result))
    if as_json:
        _tell(json.dumps({"entries": entries, "results": results}))


def _step(path: Path, step: str, entries: int, sample: int) -> dict[str, Any]:
    if step != "fill":
        return measure(path, step, entries, sample)
    (fill_in_bulk if entries > _BULK else fill)(path, entries)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    cpu = usage.ru_utime + usage.ru_stime
    return {"step": "fill", "count": entries, "cpu": cpu, "peak_mib": usage.ru_maxrss // 1024}


def main() -> None:
    """Fill a store, measure it, remove it."""
    parser = argparse.ArgumentParser(description=__doc__, add_help=True)
    parser.add_argument("--entries", type=int, default=10_000, metavar="N")
    parser.add_argument(
        "--sample", type=int, default=2000, metavar="N", help="how many to look up and publish"
    )
    parser.add_argument("--directory", type=Path, help="where the store is made, and kept")
    parser.add_argument("--step", choices=("fill", *STEPS), help="only this, on what is there")
    parser.add_argument("--json", action="store_true", help="answer with one JSON document")
    arguments = parser.parse_args()
    path = arguments.directory
    if path is not None and arguments.step is not None:
        _tell(json.dumps(_step(path, arguments.step, arguments.entries, arguments.sample)))
    elif path is not None:
        _benchmark(path, arguments.entries, arguments.sample, as_json=arguments.json)
    else:
        with tempfile.TemporaryDirectory(prefix="cwl-memo-") as directory:
            _benchmark(
                Path(directory, "store"),
                arguments.entries,
                arguments.sample,
                as_json=arguments.json,
            )


if __name__ == "__main__":
    main()
