"""A case: what is written before its first run, its runs, and what each has to do.

The form on disk is that of ``case.schema.json``; this module is its reader.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Final

from .errors import CaseError

__all__ = ["ANY_EXIT", "UNCHECKED", "Case", "CaseClass", "Count", "Kill", "Policy", "Run", "parse"]

JSON = Any

UNCHECKED: Final = object()
"""Stands for an output object that nothing is asked of."""

ANY_EXIT: Final = None
"""Stands for an exit status that nothing is asked of."""


class CaseClass(Enum):
    """What a case asks of a runner, in the order of the tables."""

    MUST_MISS = "must-miss"
    MUST_HIT = "must-hit"
    MUST_NOT_REUSE = "must-not-reuse"
    ROBUST = "robust"


class Policy(Enum):
    """Where CWL leaves a runner the choice, so that another than the suite's is no flaw."""

    DIRECTORY = "directory"
    """Directories may be reused, as long as the results are right."""
    HOST_TOOLS = "host-tools"
    """The programs of the host may count by their names alone."""
    NETWORK = "network"
    """A job that may use the network may be reused."""
    SHARING = "sharing"
    """Equal jobs of one run, and runs side by side, may each be executed."""


@dataclass(frozen=True)
class Count:
    """How often something may happen: from ``low`` to ``high``; None for without a bound."""

    low: int
    high: int | None

    @classmethod
    def parse(cls, value: JSON) -> Count:
        """Read ``2``, ``"0..1"`` or ``"1.."``.

        :raises ValueError: if it is none of these.
        """
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return cls(value, value)
        low, dots, high = str(value).partition("..")
        if not dots:
            raise ValueError(f"{value!r} is no count such as 2, '0..1' or '1..'")
        return cls(int(low), int(high) if high else None)

    def __str__(self) -> str:
        if self.low == self.high:
            return str(self.low)
        return f"{self.low}..{'' if self.high is None else self.high}"


@dataclass(frozen=True)
class Kill:
    """A signal for the runner: which, and when.

    :param signal: ``TERM``, ``KILL`` or ``INT``.
    :param mark: sent as soon as a job has left this mark; None for by the clock.
    :param seconds: after the start of the runner, if there is no mark to wait for; the
        time after the mark, if there is one.
    """

    signal: str
    mark: str | None
    seconds: float


@dataclass(frozen=True)
class Run:
    """One run of the runner, and what it has to do.

    :param changes: what is done before it, in order.
    :param document: path of the CWL document, in the case's folder.
    :param job: the input object, the path of a file that holds it, or None.
    :param options: options of cwltool's that the runner has to take.
    :param environment: variables set (text) or removed (None) for the runner.
    :param exits: exit statuses allowed; empty for any but 0, None for all.
    :param outputs: the output object expected, or :data:`UNCHECKED`.
    :param executes: how often each job leaves its mark; a mark not named must not occur.
    :param reasons: codes that the runner has to give, where it can tell reasons.
    :param kill: a signal for the runner.
    :param at_once: how many runners are started together.
    :param store_files: a kind of damage done to each file of the store in turn, with a run
        after each.
    :param keeps: text by path of files that stand there unchanged when it is over.
    :param beside: further runners that are started with it, for other jobs perhaps.
    :param after: as one beside: started when this mark has been left.
    """

    changes: tuple[Mapping[str, JSON], ...]
    document: str
    job: JSON
    options: tuple[str, ...]
    environment: Mapping[str, str | None]
    exits: tuple[int, ...] | None
    outputs: JSON
    executes: Mapping[str, Count]
    reasons: tuple[str, ...]
    kill: Kill | None
    at_once: int
    store_files: str | None
    keeps: Mapping[str, str] = field(default_factory=dict)
    beside: tuple[Run, ...] = ()
    after: str | None = None

    @property
    def started(self) -> tuple[Run, ...]:
        """What each of the runners that are started has to do."""
        return (self,) * self.at_once + self.beside


@dataclass(frozen=True)
class Case:
    """A sequence of runs on one store.

    :param needs: what the runner or the machine must have; without it the case is skipped.
    :param files: content by path, written before the first run.
    :param source: the file that the case stands in.
    """

    id: str
    title: str
    kind: CaseClass
    tags: tuple[str, ...]
    needs: tuple[str, ...]
    policy: Policy | None
    files: Mapping[str, JSON]
    runs: tuple[Run, ...]
    source: Path = field(compare=False)

    @property
    def touches_store(self) -> bool:
        """Whether something is done to the files of the store."""
        return any(
            run.store_files is not None
            or any(name == "store" or name.startswith("store/") for name in run.keeps)
            or any(_touches_store(change) for change in run.changes)
            for run in self.runs
        )


def _touches_store(change: Mapping[str, JSON]) -> bool:
    [(action, what)] = change.items()
    names = what if isinstance(what, (list, Mapping)) else ()
    return action.endswith("_store") or any(str(name).split("/")[0] == "store" for name in names)


def parse(raw: Mapping[str, JSON], source: Path) -> Case:
    """Read a case that has been written out, families and templates resolved.

    :raises CaseError: if it is not a case; the message names file, case and field.
    """
    name = raw.get("id", "(a case without id)")
    try:
        return Case(
            id=str(raw["id"]),
            title=str(raw["title"]),
            kind=CaseClass(raw["class"]),
            tags=tuple(raw.get("tags", ())),
            needs=tuple(raw.get("needs", ())),
            policy=Policy(raw["policy"]) if raw.get("policy") else None,
            files=dict(raw.get("files", {})),
            runs=tuple(_runs(raw)),
            source=source,
        )
    except KeyError as error:
        raise CaseError(f"{source}: {name}: {error.args[0]} is missing") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise CaseError(f"{source}: {name}: {error}") from error


_RUN_FIELDS: Final = {
    "change", "document", "job", "options", "environment", "exit", "outputs", "executes",
    "reasons", "kill", "at_once", "store_files", "keeps", "beside",
}  # fmt: skip
_INHERITED: Final = ("document", "job", "outputs", "options", "environment")
_BESIDE_FIELDS: Final = {*_INHERITED, "exit", "kill", "after"}


def _runs(raw: Mapping[str, JSON]) -> Iterator[Run]:
    if not raw["runs"]:
        raise ValueError("runs: there has to be at least one")
    before: dict[str, JSON] = {"document": "tool.cwl", "job": None}
    for number, given in enumerate(raw["runs"], 1):
        if unknown := set(given) - _RUN_FIELDS:
            raise ValueError(f"run {number}: unknown fields {sorted(unknown)}")
        # Document, input object and output object are those of the run before, unless given.
        before.update({key: given[key] for key in ("document", "job", "outputs") if key in given})
        yield _run({**given, **before})


def _run(raw: Mapping[str, JSON]) -> Run:
    kill = _kill(raw["kill"]) if raw.get("kill") else None
    exits = _exits(raw.get("exit", "any" if kill else 0))
    ends_well = exits is not None and 0 in exits
    return Run(
        changes=tuple(raw.get("change", ())),
        document=raw["document"],
        job=raw["job"],
        options=tuple(raw.get("options", ())),
        environment=dict(raw.get("environment", {})),
        exits=exits,
        outputs=raw["outputs"] if ends_well else UNCHECKED,
        executes={str(mark): Count.parse(count) for mark, count in raw["executes"].items()},
        reasons=tuple(raw.get("reasons", ())),
        kill=kill,
        at_once=int(raw.get("at_once", 1)),
        store_files=raw.get("store_files"),
        keeps=dict(raw.get("keeps", {})),
        beside=tuple(_beside(raw)),
        after=raw.get("after"),
    )


def _beside(raw: Mapping[str, JSON]) -> Iterator[Run]:
    """Yield the runs beside a run, which are like it in all that they do not say."""
    common = {name: raw[name] for name in _INHERITED if name in raw}
    for other in raw.get("beside", ()):
        if unknown := set(other) - _BESIDE_FIELDS:
            raise ValueError(f"beside: unknown fields {sorted(unknown)}")
        yield _run({**common, "executes": {}, **other})


def _exits(value: JSON) -> tuple[int, ...] | None:
    if value == "any":
        return ANY_EXIT
    if value == "failure":
        return ()
    return (int(value),)


def _kill(value: Mapping[str, JSON]) -> Kill:
    if value["signal"] not in {"TERM", "KILL", "INT"}:
        raise ValueError(f"kill: no signal {value['signal']!r}")
    if "mark" not in value and "seconds" not in value:
        raise ValueError("kill: needs a mark to wait for, or seconds")
    return Kill(value["signal"], value.get("mark"), float(value.get("seconds", 0)))
