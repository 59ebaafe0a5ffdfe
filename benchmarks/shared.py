"""Measures runs with a shared store on an S3 server, beside the same without memoization."""

from __future__ import annotations

import argparse
import hashlib
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tests.servers.s3 import running_s3

from .errors import BenchmarkError
from .measure import Measured, measure
from .outputs import Delivered, WrongOutputError, compare, of_cwl
from .record import machine, update_results
from .runner import find_program, surroundings
from .state import State
from .table import Table
from .wire import Wire, counted
from .workload.model import cwl_files, put_documents, put_json

__all__ = ["Blocks", "add_arguments", "measure_shared"]

_KIB: Final = 1 << 10
_MIB: Final = 1 << 20
_HEAD: Final = ("CPU s", "wall s", "peak MB", "MB up", "MB down")


@dataclass(frozen=True)
class Blocks:
    """A workload: so many jobs that each copy a file that cannot be compressed.

    :param size: bytes of each file.
    """

    count: int
    size: int

    @property
    def title(self) -> str:
        """Says what it is."""
        size = f"{self.size // _MIB} MiB" if self.size >= _MIB else f"{self.size // _KIB} KiB"
        return f"{self.count} jobs of {size} in and out"

    def write(self, folder: Path) -> Delivered:
        """Write documents and data into a new folder; return what has to be delivered."""
        put_documents("large", folder, State(self.count))
        data = folder / "data"
        data.mkdir()
        paths = [data / f"b{number:05}.block" for number in range(self.count)]
        digests = [self._write(path, number) for number, path in enumerate(paths)]
        put_json(folder / "job.json", {"blocks": cwl_files(paths)})
        return tuple(
            (f"{path.stem}.copy", digest) for path, digest in zip(paths, digests, strict=True)
        )

    def _write(self, path: Path, number: int) -> str:
        chance = random.Random(number)  # noqa: S311
        digest = hashlib.sha1(usedforsecurity=False)
        with path.open("wb") as file:
            for at in range(0, self.size, _MIB):
                part = chance.randbytes(min(_MIB, self.size - at))
                digest.update(part)
                file.write(part)
        return digest.hexdigest()


@dataclass
class _Home:
    """A machine: a home, a store and the documents, at paths of its own."""

    folder: Path
    blocks: Blocks
    runs: int = 0

    def __post_init__(self) -> None:
        (self.folder / "home").mkdir(parents=True)
        self.expected = self.blocks.write(self.folder / "documents")

    def run(self, words: Sequence[str], environment: Mapping[str, str], timeout: float) -> Measured:
        """Run the workload, see that it gives what it must, and remove its outputs.

        :raises BenchmarkError: if it does not.
        """
        self.runs += 1
        out = self.folder / "out"
        documents = self.folder / "documents"
        done = measure(
            [
                *words,
                "--outdir",
                str(out),
                str(documents / "workflow.cwl"),
                str(documents / "job.json"),
            ],
            self.folder,
            {**surroundings(), "HOME": str(self.folder / "home"), **environment},
            self.folder / "logs" / str(self.runs),
            timeout,
        )
        if done.status != 0:
            raise BenchmarkError(f"{' '.join(words)} ended with {done.status}:\n{done.log()}")
        try:
            compare(of_cwl(done.stdout.read_text(encoding="utf-8"), out), self.expected)
        except WrongOutputError as error:
            raise BenchmarkError(f"{' '.join(words)}: {error}") from None
        shutil.rmtree(out)
        return done


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    add = parser.add_argument
    add("--jobs", metavar="N", type=int, default=2000, help="small ones (default: %(default)s)")
    add("--kib", metavar="N", type=int, default=16, help="of each of them (default: %(default)s)")
    add("--large", metavar="N", type=int, default=4, help="large jobs (default: %(default)s)")
    add("--mebibytes", metavar="N", type=int, default=1024, help="of each (default: %(default)s)")
    add("--timeout", metavar="SECONDS", type=int, default=3600, help="of a single run")
    add("--folder", metavar="DIR", type=Path, help="work below this DIR, not where TMPDIR says")
    add("--json", metavar="FILE", type=Path, help="put what was measured into FILE")
    parser.set_defaults(verb=_run)


def _run(arguments: argparse.Namespace) -> int:
    small = Blocks(arguments.jobs, arguments.kib * _KIB)
    large = Blocks(arguments.large, arguments.mebibytes * _MIB)
    found = []
    for blocks in (small, large):
        if blocks.count:
            found.append(measure_shared(blocks, arguments.folder, arguments.timeout))
            title, *rows = found[-1]
            print(f"{Table(title[0], rows).text()}\n", flush=True)
    if arguments.json:
        update_results(arguments.json, {"machine": machine(), "shared": found})
    return 0


def measure_shared(blocks: Blocks, below: Path | None, timeout: float) -> list[list[str]]:
    """Measure a workload; return a title, and the rows of a table."""
    cwltool, memo = _program("cwltool"), [*_program("cwl-memo"), "run", "--no-memo-replay"]
    rows = [["", *_HEAD]]
    with _folder(below) as folder, running_s3() as server:
        place = urlsplit(server.endpoint)
        with counted(str(place.hostname), int(place.port or 0)) as wire:
            at_wire = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{wire.port}"}
            shared = {**server.environment(), **at_wire, "CWL_MEMO_SHARED": server.url("bench")}
            one = _Home(folder / "one", blocks)
            # Files of this moment may change without their times showing it.
            time.sleep(2.1)
            runs: tuple[tuple[str, Sequence[str], Mapping[str, str]], ...] = (
                ("without memoization", cwltool, {}),
                ("local store alone, empty", memo, {"CWL_MEMO_STORE": str(folder / "alone")}),
                ("shared store, empty", memo, shared),
            )
            rows += [_row(name, one, words, env, wire, timeout) for name, words, env in runs]
            shutil.rmtree(one.folder)
            shutil.rmtree(folder / "alone")
            other = _Home(folder / "another", blocks)
            time.sleep(2.1)
            name = "shared store, all there, from another home"
            rows.append(_row(name, other, memo, shared, wire, timeout))
            rows.append(_row("once more from there", other, memo, shared, wire, timeout))
    return [[blocks.title], *rows]


def _row(
    name: str,
    home: _Home,
    words: Sequence[str],
    environment: Mapping[str, str],
    wire: Wire,
    timeout: float,
) -> list[str]:
    wire.taken()
    done = home.run(words, environment, timeout)
    up, down = wire.taken()
    usage = done.usage
    print(f"{name}: {usage.cpu:.1f} s of CPU, {usage.wall:.1f} s", file=sys.stderr, flush=True)
    return [
        name,
        f"{usage.cpu:.1f}",
        f"{usage.wall:.1f}",
        f"{usage.peak / 1e6:.0f}",
        f"{up / 1e6:.1f}",
        f"{down / 1e6:.1f}",
    ]


def _program(name: str) -> list[str]:
    program = find_program(name)
    if program is None:
        raise BenchmarkError(f"not installed: {name}")
    return [program]


@contextmanager
def _folder(below: Path | None) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(
        prefix="cwl-memo-bench-", dir=below, ignore_cleanup_errors=True
    ) as name:
        yield Path(name).resolve()
