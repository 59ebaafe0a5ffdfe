"""The soak: begins machines and trouble, waits, and adds up."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from .machine import Flaw, Machine
from .trouble import Place, place_of, trouble

__all__ = ["Outcome", "main", "soak"]

_SETTLED: Final = 1.0


@dataclass(frozen=True)
class Outcome:
    """What a soak has seen.

    :param counts: of runs, jobs and trouble.
    :param left: what should be gone when all has ended, and is there.
    """

    seconds: float
    counts: Mapping[str, int]
    flaws: tuple[Flaw, ...]
    left: Mapping[str, int]

    @property
    def is_good(self) -> bool:
        """Whether nothing is as it must not be, and jobs were reused at all."""
        return not self.flaws and not any(self.left.values()) and self.counts["jobs reused"] > 0

    def text(self) -> str:
        """Return a table, and below it what is wrong."""
        by_kind = Counter(flaw.kind for flaw in self.flaws)
        rows = [("seconds", round(self.seconds)), *self.counts.items()]
        rows += [(kind, by_kind[kind]) for kind in ("wrong output", "failed", "succeeded", "hung")]
        rows += [(f"left: {name}", count) for name, count in self.left.items()]
        width = max(len(name) for name, _ in rows)
        lines = [f"{name:{width}}  {count:>8}" for name, count in rows]
        lines += [f"\n{flaw.kind}: {flaw.workflow}\n{flaw.detail}" for flaw in self.flaws]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {**asdict(self), "good": self.is_good}


def soak(seconds: float, kind: str, folder: Path, *, machines: int, seed: int) -> Outcome:
    """Have runs on a shared store for a while.

    :param kind: ``s3`` for a server that is begun, ``file`` for a folder.
    :param folder: new and empty.
    """
    begun = time.monotonic()
    counts: Counter[str] = Counter()
    ending = threading.Event()
    with place_of(kind, folder) as place:
        working = [
            Machine(number, folder, place.url, place.environment, seed)
            for number in range(machines)
        ]
        with ThreadPoolExecutor(machines + 1) as pool:
            futures = [pool.submit(machine.work, ending) for machine in working]
            futures.append(pool.submit(trouble, place, ending, seed, counts))
            try:
                while time.monotonic() - begun < seconds and not any(f.done() for f in futures):
                    time.sleep(_SETTLED)
            finally:
                ending.set()
            for future in futures:
                future.result()
        for machine in working:
            counts.update(machine.counts)
        left = _left(place, working, counts)
    flaws = tuple(flaw for machine in working for flaw in machine.flaws)
    return Outcome(time.monotonic() - begun, dict(sorted(counts.items())), flaws, left)


def _left(place: Place, machines: Sequence[Machine], counts: Counter[str]) -> dict[str, int]:
    """Return what there is of what should be gone, after upkeep has had its turn."""
    for machine in machines:
        _upkeep("gc", "--store", str(machine.store))
    # A killed run leaves its leases, which whoever wants the job next takes over. Several jobs
    # of one run may be under way; but with many kills most leases come to be wanted again.
    counts["leases of killed runs"] = _count(place, "leases/")
    too_many = max(0, counts["leases of killed runs"] - 2 * counts["killed"])
    # Nobody is at work: all of them have been left, though not yet for as long as gc waits.
    at_once = "from cwl_memo.store.shared import collect; collect._ABANDONED = 0.0"
    _upkeep("gc", "--memo-shared", place.url, environment=place.environment, before=at_once)
    return {
        "more leases than runs were killed": too_many,
        "leases after gc": _count(place, "leases/"),
        "probes": _count(place, "probe/"),
        "unfinished objects": sum(
            "#" in name or name.startswith(".tmp/") for name in place.names()
        ),
        "temporary files of local stores": sum(
            1 for machine in machines for _ in machine.store.glob("tmp/*")
        ),
    }


def _count(place: Place, prefix: str) -> int:
    return sum(name.startswith(prefix) for name in place.names())


def _upkeep(
    *words: str, environment: Mapping[str, str] | None = None, before: str = "pass"
) -> None:
    """Run a verb, after a line of Python."""
    code = f"{before}\nfrom cwl_memo.cli.main import main\nraise SystemExit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.stderr.write(f"cwl-memo {' '.join(words)}: {done.stderr[-2000:]}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the arguments say; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    add = parser.add_argument
    add("--minutes", metavar="N", type=float, default=15.0, help="default: %(default)s")
    add("--machines", metavar="N", type=int, default=8, help="default: %(default)s")
    add("--store", choices=("s3", "file"), default="s3", help="default: %(default)s")
    add("--seed", metavar="N", type=int, default=1, help="default: %(default)s")
    add("--folder", metavar="DIR", type=Path, help="work below this DIR, not where TMPDIR says")
    add("--json", metavar="FILE", type=Path, help="write what was seen as JSON")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(
        prefix="cwl-memo-soak-", dir=arguments.folder, ignore_cleanup_errors=True
    ) as name:
        outcome = soak(
            arguments.minutes * 60,
            arguments.store,
            Path(name),
            machines=arguments.machines,
            seed=arguments.seed,
        )
    sys.stdout.write(f"{outcome.text()}\n{'good' if outcome.is_good else 'NOT GOOD'}\n")
    if arguments.json:
        arguments.json.write_text(json.dumps(outcome.to_json(), indent=1) + "\n")
    return 0 if outcome.is_good else 1
