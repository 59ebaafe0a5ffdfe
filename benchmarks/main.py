"""Arguments and verbs of ``python -m benchmarks``."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from . import entries, hashing, readme, shared
from .bench import Bench, describe
from .errors import BenchmarkError
from .peers import RUNNERS, find_runner
from .plan import PLANS, parse_part
from .record import Figures, load_runs, machine, read_results, update_results
from .state import SCENARIOS
from .table import figure_tables
from .targets import target_table, targets

__all__ = ["main"]

_DESCRIPTION = """\
Measure what runs cost: workloads by several runners side by side, in turn, over rounds."""


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the arguments say; return the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or (words[0].startswith("-") and words[0] not in {"-h", "--help"}):
        words.insert(0, "run")
    before = signal.signal(signal.SIGTERM, _end)
    try:
        arguments = _parser().parse_args(words)
        status: int = arguments.verb(arguments)
        return status
    except BenchmarkError as error:
        print(f"benchmarks: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(signum: int, _frame: object) -> NoReturn:
    # As an exception, so that everything begun is ended and removed.
    raise SystemExit(128 + signum)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=_DESCRIPTION)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    _add_run(verbs.add_parser("run", help="measure workloads (the default)"))
    shown = verbs.add_parser("targets", help="what cwl-memo is to reach, from a file of results")
    shown.add_argument("file", type=Path)
    shown.set_defaults(verb=_targets)
    shown = verbs.add_parser("readme", help="put a file of results into the README as tables")
    shown.add_argument("file", type=Path)
    shown.set_defaults(verb=_readme)
    entries.add_arguments(verbs.add_parser("entries", help="measure a store of many entries"))
    hashing.add_arguments(verbs.add_parser("hashing", help="measure digests"))
    shared.add_arguments(verbs.add_parser("shared", help="measure a shared store on S3"))
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--plan", choices=PLANS, default="usual", help="what is measured (default: %(default)s)")
    add(
        "-w",
        "--workload",
        metavar="NAME[:SIZE,...]",
        action="append",
        type=parse_part,
        help="this workload in place of a plan's, as W1:10,1000",
    )
    add(
        "--scenario",
        metavar="NAME,...",
        type=_scenarios,
        default=(),
        help=f"only: {', '.join(SCENARIOS)}",
    )
    add(
        "--runner",
        metavar="NAME",
        action="append",
        type=find_runner,
        help=f"only this; there are {', '.join(RUNNERS)}; or one of your own: NAME=COMMAND LINE "
        "with the places {store}, {outdir}, {document}, {job}",
    )
    add("--rounds", metavar="N", type=_positive, help="measure all so often; medians are shown")
    add("--reference", metavar="NAME", help="the runner that ratios are of")
    add("--large", action="store_true", help="also runners that are slow with so many jobs")
    add("--json", metavar="FILE", type=Path, help="put what was measured into FILE")
    add("--folder", metavar="DIR", type=Path, help="work below this DIR, not where TMPDIR says")
    add(
        "--settle",
        metavar="SECONDS",
        type=float,
        default=2.1,
        help="let new data grow so old before it is read (default: %(default)s)",
    )
    add("--timeout", metavar="SECONDS", type=_positive, default=900, help="of a single run")
    parser.set_defaults(verb=_run)


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def _scenarios(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    for name in names:
        if name not in SCENARIOS:
            raise BenchmarkError(f"no scenario {name!r}; there are {', '.join(SCENARIOS)}")
    return names


def _run(arguments: argparse.Namespace) -> int:
    with _folder(arguments.folder) as folder:
        bench = Bench(
            folder,
            arguments.runner or list(RUNNERS.values()),
            scenarios=arguments.scenario,
            rounds=arguments.rounds,
            settle=arguments.settle,
            timeout=arguments.timeout,
            large=arguments.large,
            required=bool(arguments.runner),
        )
        runs = bench.run(arguments.workload or PLANS[arguments.plan])
    figures = Figures(runs)
    for table in figure_tables(figures, arguments.reference):
        print(f"\n{table.text()}")
    print(f"\n{target_table(targets(figures)).text()}")
    if bench.absent:
        print(f"\n{describe(bench.absent)}")
    if arguments.json:
        part = {"machine": machine(), "runs": [run.to_json() for run in runs]}
        update_results(arguments.json, part | {"absent": bench.absent})
    wrong = [run for run in runs if run.flaw]
    print(f"\n{len(runs) - len(wrong)} runs delivered what they must, {len(wrong)} did not")
    return 1 if wrong or not runs else 0


@contextmanager
def _folder(below: Path | None) -> Iterator[Path]:
    if below is not None:
        below.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix="cwl-memo-bench-", dir=below, ignore_cleanup_errors=True
    ) as name:
        yield Path(name).resolve()


def _targets(arguments: argparse.Namespace) -> int:
    data = read_results(arguments.file)
    print(target_table(targets(Figures(load_runs(data)), data.get("entries"))).text())
    return 0


def _readme(arguments: argparse.Namespace) -> int:
    readme.update(read_results(arguments.file))
    return 0
