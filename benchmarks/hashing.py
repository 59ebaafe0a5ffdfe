"""Measures digests: CPU and wall for a byte of a large file, and for a small file as a whole."""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any, Final

from blake3 import blake3

from .record import machine, update_results
from .table import Table

__all__ = ["METHODS", "add_arguments", "measure_digests"]

_BUFFER: Final = 1 << 20
_SMALL: Final = 4096


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    add = parser.add_argument
    add("--mebibytes", metavar="N", type=int, default=1024, help="of the large file")
    add("--files", metavar="N", type=int, default=5000, help="how many small files")
    add("--rounds", metavar="N", type=int, default=3, help="medians are shown")
    add("--folder", metavar="DIR", type=Path, help="work below this DIR, not where TMPDIR says")
    add("--json", metavar="FILE", type=Path, help="put what was measured into FILE")
    parser.set_defaults(verb=_run)


def _run(arguments: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="cwl-memo-bench-", dir=arguments.folder) as name:
        found = measure_digests(Path(name), arguments.mebibytes, arguments.files, arguments.rounds)
    title, *rows = found["table"]
    print(Table(title[0], rows).text())
    if arguments.json:
        update_results(arguments.json, {"machine": machine(), "hashing": found})
    return 0


def _parts(path: Path, *take: Callable[[bytes], object]) -> None:
    """Read a file once and give each part to all."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        while part := os.read(descriptor, _BUFFER):
            for taker in take:
                taker(part)
    finally:
        os.close(descriptor)


def _read(path: Path) -> None:
    _parts(path)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    _parts(path, digest.update)
    return digest.hexdigest()


def _sha1(path: Path) -> str:
    digest = hashlib.sha1(usedforsecurity=False)
    _parts(path, digest.update)
    return digest.hexdigest()


def _blake3(path: Path) -> str:
    digest = blake3()
    _parts(path, digest.update)
    return digest.hexdigest()


def _blake3_mapped(path: Path) -> str:
    return blake3().update_mmap(path).hexdigest()


def _blake3_threads(path: Path) -> str:
    return blake3(max_threads=blake3.AUTO).update_mmap(path).hexdigest()


def _both(path: Path) -> tuple[str, str]:
    content, sha1 = blake3(), hashlib.sha1(usedforsecurity=False)
    _parts(path, content.update, sha1.update)
    return content.hexdigest(), sha1.hexdigest()


def _both_threads(path: Path) -> tuple[str, str]:
    """Hash each part by one algorithm while a second thread does so by the other."""
    content, sha1 = blake3(), hashlib.sha1(usedforsecurity=False)
    with ThreadPoolExecutor(1) as pool:
        waiting: list[Any] = []

        def beside(part: bytes) -> None:
            waiting.append(pool.submit(sha1.update, part))
            # Two parts at most in memory.
            while len(waiting) > 1:
                waiting.pop(0).result()

        _parts(path, beside, content.update)
    return content.hexdigest(), sha1.hexdigest()


METHODS: Final[Mapping[str, Callable[[Path], object]]] = {
    "read alone": _read,
    "SHA-256": _sha256,
    "SHA-1": _sha1,
    "BLAKE3": _blake3,
    "BLAKE3, mapped": _blake3_mapped,
    "BLAKE3, mapped, all processors": _blake3_threads,
    "BLAKE3 and SHA-1, one read": _both,
    "BLAKE3 and SHA-1, one read, two threads": _both_threads,
}
"""What is compared."""


def measure_digests(folder: Path, mebibytes: int, files: int, rounds: int) -> dict[str, Any]:
    """Measure all methods on one large file and on many small ones, all in the page cache."""
    large = folder / "large"
    with large.open("wb") as file:
        for _ in range(mebibytes):
            file.write(os.urandom(1 << 20))
    small = [folder / f"small{number}" for number in range(files)]
    for path in small:
        path.write_bytes(os.urandom(_SMALL))
    gib = mebibytes / 1024
    rows: list[tuple[str, ...]] = [
        ("", "large: CPU s/GiB", "wall s/GiB", "4 KiB: CPU µs/file", "wall µs/file")
    ]
    for name, method in METHODS.items():
        cpu, wall = _median(method, [large], rounds)
        cpu_small, wall_small = _median(method, small, rounds)
        each = 1e6 / files
        rows.append(
            (
                name,
                *(f"{value / gib:.2f}" for value in (cpu, wall)),
                *(f"{value * each:.1f}" for value in (cpu_small, wall_small)),
            )
        )
    title = f"Digests of a file of {mebibytes} MiB and of {files} files of 4 KiB, page cache warm"
    return {"table": [[title], *map(list, rows)]}


def _median(
    method: Callable[[Path], object], paths: Sequence[Path], rounds: int
) -> tuple[float, float]:
    used = [_use(method, paths) for _ in range(rounds)]
    return median(cpu for cpu, _ in used), median(wall for _, wall in used)


def _use(method: Callable[[Path], object], paths: Sequence[Path]) -> tuple[float, float]:
    before, begun = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    for path in paths:
        method(path)
    after, ended = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, ended - begun
