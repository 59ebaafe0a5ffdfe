"""What was measured, and where it is kept: one JSON file that grows by parts."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timezone
from pathlib import Path
from statistics import median
from typing import Any, Literal

from .errors import BenchmarkError
from .measure import Usage

__all__ = ["Figures", "Quantity", "Run", "load_runs", "machine", "read_results", "update_results"]

Quantity = Literal["cpu", "wall", "peak", "read", "written"]


@dataclass(frozen=True)
class Run:
    """One measured run of a runner.

    :param jobs: how many jobs the workload had.
    :param flaw: what was wrong with it; its figures then count for nothing. Empty if nothing.
    """

    workload: str
    size: int
    scenario: str
    runner: str
    round: int
    jobs: int
    usage: Usage
    flaw: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it as one flat object."""
        data = asdict(self)
        return data | {k: round(v, 4) if v is not None else v for k, v in data.pop("usage").items()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Run:
        """Read it from such an object."""
        names = [field.name for field in fields(Usage)]
        usage = Usage(**{name: data[name] for name in names})
        return cls(**{k: v for k, v in data.items() if k not in names}, usage=usage)


class Figures:
    """Medians over rounds.

    :param runs: all runs; those with a flaw are left out.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        self.runs = runs
        self._groups: dict[tuple[str, int, str, str], list[Run]] = {}
        for run in runs:
            if not run.flaw:
                where = (run.workload, run.size, run.scenario, run.runner)
                self._groups.setdefault(where, []).append(run)

    def rounds(self, workload: str, size: int, scenario: str, runner: str) -> int:
        """Return how many runs a figure is the median of."""
        return len(self._groups.get((workload, size, scenario, runner), ()))

    def flaw(self, workload: str, size: int, scenario: str, runner: str) -> str:
        """Return what was wrong with a run; empty where nothing was."""
        where = (workload, size, scenario, runner)
        return next(
            (
                run.flaw
                for run in self.runs
                if run.flaw and (run.workload, run.size, run.scenario, run.runner) == where
            ),
            "",
        )

    def get(
        self, workload: str, size: int, scenario: str, runner: str, quantity: Quantity = "cpu"
    ) -> float | None:
        """Return a median; None where it was not measured."""
        group = self._groups.get((workload, size, scenario, runner), ())
        values = [value for run in group if (value := getattr(run.usage, quantity)) is not None]
        return median(values) if values else None

    def ratio(
        self,
        workload: str,
        size: int,
        scenario: str,
        runner: str,
        base: str,
        quantity: Quantity = "cpu",
    ) -> float | None:
        """Return how many times of another's a runner's figure is."""
        own, other = (self.get(workload, size, scenario, name, quantity) for name in (runner, base))
        return own / other if own is not None and other else None

    def sizes(self, workload: str) -> list[int]:
        """Return the sizes of a workload that were measured, smallest first."""
        return sorted({run.size for run in self.runs if run.workload == workload})

    def slope(self, workload: str, size: int, scenario: str, runner: str) -> float | None:
        """Return CPU seconds a job: what each job beyond the smallest size has added."""
        jobs = {run.size: run.jobs for run in self.runs if run.workload == workload}
        known = {
            at: cost
            for at in sorted(jobs)
            if (cost := self.get(workload, at, scenario, runner)) is not None
        }
        if size not in known or (least := min(known)) == size:
            return None
        if jobs[size] == jobs[least]:
            return None
        return (known[size] - known[least]) / (jobs[size] - jobs[least])


def machine() -> dict[str, Any]:
    """Return what figures depend on."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        "processors": os.cpu_count(),
        "load": round(os.getloadavg()[2], 1),
        "memory_gib": round(memory / (1 << 30)),
        "system": f"{platform.system()} {platform.release().split('-')[0]} {platform.machine()}",
        "python": platform.python_version(),
        "implementation": sys.implementation.name,
    }


def read_results(path: Path) -> dict[str, Any]:
    """Return all that a file of results holds.

    :raises BenchmarkError: if it is not one.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BenchmarkError(f"{path}: no results: {error}") from None
    if not isinstance(data, dict):
        raise BenchmarkError(f"{path}: no results")
    return data


def load_runs(data: dict[str, Any]) -> list[Run]:
    """Return the runs of results."""
    return [Run.from_json(run) for run in data.get("runs", [])]


def update_results(path: Path, part: dict[str, Any]) -> None:
    """Put a part into a file of results.

    A workload that was measured before is measured anew as a whole, so that a ratio is always
    one of figures of the same run.
    """
    data = read_results(path) if path.exists() else {}
    if "runs" in part:
        anew = {run["workload"] for run in part["runs"]}
        kept = [run for run in data.get("runs", []) if run["workload"] not in anew]
        part = part | {"runs": kept + part["runs"]}
    path.write_text(json.dumps(data | part, indent=1) + "\n", encoding="utf-8")
