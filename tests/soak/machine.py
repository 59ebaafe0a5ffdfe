"""One machine of the soak: a home with a local store, and one run after another in it."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from .workflow import Drawn, draw, write_documents

__all__ = ["Flaw", "Machine"]

_LONGEST: Final = 180.0
"""Seconds after which a run has hung: the longest is of six jobs, and waits for some more."""


@dataclass(frozen=True)
class Flaw:
    """Something that must not be.

    :param kind: ``wrong output``, ``failed``, ``succeeded`` (though it had to fail) or ``hung``.
    """

    kind: str
    workflow: str
    detail: str


@dataclass
class Machine:
    """Has runs, until it is told to end.

    :param folder: all that it has is below; another path on each machine.
    :param shared: the URL of the shared store.
    :param environment: variables by which the shared store is found.
    :param seed: of what is drawn; the inputs are the same for all machines of one seed.
    """

    number: int
    folder: Path
    shared: str
    environment: Mapping[str, str]
    seed: int
    counts: Counter[str] = field(default_factory=Counter)
    flaws: list[Flaw] = field(default_factory=list)

    def __post_init__(self) -> None:
        # As long as no other's, so that no path is the same on two machines.
        self.folder = self.folder / ("m" * (self.number + 1))
        self._chance = random.Random(f"{self.seed} {self.number}")
        self._data = self.folder / "data"
        write_documents(self._data, self.seed)
        for name in ("home", "tmp", "runs"):
            (self.folder / name).mkdir()

    @property
    def store(self) -> Path:
        """Its local store."""
        return self.folder / "home" / "store"

    def work(self, ending: threading.Event, *, kills: bool = True) -> None:
        """Have one run after another."""
        number = 0
        while not ending.is_set():
            number += 1
            chance = self._chance
            if chance.random() < 0.3:
                # What others begin just now.
                chance = random.Random(f"{self.seed} {time.monotonic() // 5}")
            self.run(draw(chance, self._data, self.seed), number, kills=kills)

    def run(self, drawn: Drawn, number: int, *, kills: bool = True) -> None:
        """Have one run, perhaps killed in its midst, and see what came of it."""
        chance = self._chance
        if chance.random() < 0.25:
            # As on a machine that begins empty.
            shutil.rmtree(self.store, ignore_errors=True)
            self.counts["empty stores"] += 1
        place = self.folder / "runs" / str(number)
        place.mkdir()
        (place / "workflow.cwl").write_text(json.dumps(drawn.document))
        (place / "job.json").write_text(json.dumps(drawn.job))
        process = self._begin(place, chance)
        killed = kills and chance.random() < 0.2 and self._kill(process, chance)
        try:
            process.wait(_LONGEST)
        except subprocess.TimeoutExpired:
            self._end(process)
            self._flaw("hung", drawn, place)
            return
        self._end(process)
        self.counts["runs"] += 1
        if killed:
            self.counts["killed"] += 1
        else:
            self._judge(drawn, place, process.returncode)
        if not any(flaw.detail.startswith(str(place)) for flaw in self.flaws):
            shutil.rmtree(place)

    def _begin(self, place: Path, chance: random.Random) -> subprocess.Popen[bytes]:
        options = ["--memo-shared", self.shared] if self.shared else []
        if chance.random() < 0.3:
            options.append("--parallel")
        if chance.random() < 0.3:
            options.append("--no-memo-replay")
        if self.shared and chance.random() < 0.1:
            options += ["--memo-shared-mode", chance.choice(["readonly", "writeonly"])]
        words = [sys.executable, "-m", "cwl_memo", "run", "--memo-store", str(self.store)]
        words += ["--memo-report", str(place / "report.json"), "--outdir", str(place / "out")]
        with (place / "stdout").open("wb") as out, (place / "stderr").open("wb") as err:
            return subprocess.Popen(
                [*words, *options, "workflow.cwl", "job.json"],
                cwd=place,
                env=self._variables(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def _variables(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        own = {"HOME": str(self.folder / "home"), "TMPDIR": str(self.folder / "tmp")}
        return {**kept, **own, **self.environment}

    def _kill(self, process: subprocess.Popen[bytes], chance: random.Random) -> bool:
        """Send a signal after a while; return whether the run had not ended by itself."""
        with suppress(subprocess.TimeoutExpired):
            process.wait(chance.uniform(0.1, 4))
            return False
        number = chance.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT))
        with suppress(ProcessLookupError):
            if number == signal.SIGTERM:
                process.send_signal(number)
            else:
                os.killpg(process.pid, number)
        return True

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def _judge(self, drawn: Drawn, place: Path, status: int) -> None:
        if drawn.expected is None:
            self.counts["failed as they must"] += status != 0
            if status == 0:
                self._flaw("succeeded", drawn, place)
            return
        if status != 0:
            self._flaw("failed", drawn, place)
            return
        try:
            output = json.loads((place / "stdout").read_text())
            found = {name: _digests(output[name]) for name in drawn.expected}
        except (OSError, ValueError, KeyError, TypeError) as error:
            self._flaw("wrong output", drawn, place, repr(error))
            return
        if found != drawn.expected:
            self._flaw("wrong output", drawn, place)
            return
        self.counts["right"] += 1
        self._count_jobs(place / "report.json")

    def _count_jobs(self, report: Path) -> None:
        try:
            told = json.loads(report.read_text())
        except (OSError, ValueError):
            return  # a report that is not there is no result that is wrong
        for result in ("reused", "executed", "refused"):
            self.counts[f"jobs {result}"] += told["summary"][result]
        self.counts["jobs reused from the shared store"] += sum(
            job.get("source") == "shared" for job in told["jobs"]
        )

    def _flaw(self, kind: str, drawn: Drawn, place: Path, detail: str = "") -> None:
        with suppress(OSError):
            detail += "\n" + (place / "stderr").read_text(errors="replace")[-3000:]
        self.flaws.append(Flaw(kind, drawn.name, f"{place} {detail}"))


def _digests(value: Any) -> tuple[str, ...]:
    """Return the digests of the files that an output names, by what stands in them."""
    files = value if isinstance(value, list) else [value]
    return tuple(hashlib.sha256(Path(one["path"]).read_bytes()).hexdigest() for one in files)
