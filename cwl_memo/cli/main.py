"""``cwl-memo``: the verbs, and how one is found."""

# PYTHON_ARGCOMPLETE_OK

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
import textwrap
from typing import Final

from cwl_memo import __version__
from cwl_memo.cli.exit_codes import ExitCode, guarded
from cwl_memo.cli.leave import collect_rarely, leave
from cwl_memo.cli.verb import Verb

__all__ = ["build_parser", "main", "program", "verbs"]

PROG: Final = "cwl-memo"

_VERBS: Final = (
    "ls", "show", "stats", "verify", "gc", "clear", "invalidate", "pin", "unpin",
    "runs", "explain", "settings", "project",
    "export", "import_", "push", "cache", "logs", "outputs", "workspace", "key", "shared",
)  # fmt: skip
"""All but ``run``, ``plan`` and ``audit``, whose arguments are cwltool's, and ``conformance``."""

_DESCRIPTION: Final = """\
Memoization for CWL: a job that has been executed before is not executed again.
'cwl-memo run' takes everything that cwltool takes; the other verbs look after the
store in which it keeps what jobs gave."""

_EXAMPLES: Final = """\
examples:
  cwl-memo run workflow.cwl job.yml     where you would type: cwltool workflow.cwl job.yml
  cwl-memo plan workflow.cwl job.yml    what that would reuse and execute, and why
  cwl-memo runs show latest             what became of each job of the latest run
  cwl-memo explain latest               why each of its jobs was reused or executed
  cwl-memo gc --max-size 5GB            make the store smaller

exit codes of all verbs but run, which has those of cwltool, as has an audit whose run fails:
"""


def main(argv: list[str] | None = None) -> int:
    """Do what the command line says and return the exit code.

    :param argv: the arguments; None for those of the process.
    """
    words = sys.argv[1:] if argv is None else argv
    if words[:2] == ["run", "show"] and not os.path.lexists("show"):
        words = ["runs", *words[1:]]
    if words[:1] == ["run"]:
        # No error boundary: what cwltool lets through ends this program as it ends cwltool.
        return _run_workflow(words[1:])
    if words[:1] == ["audit"]:
        return guarded(f"{PROG} audit", lambda: _audit(words[1:]))
    if words[:1] == ["plan"]:
        return guarded(f"{PROG} plan", lambda: _plan(words[1:]))
    if words[:1] == ["conformance"]:
        return guarded(f"{PROG} conformance", lambda: _measure_conformance(words[1:]))
    return guarded(PROG, lambda: _main(words))


def verbs() -> list[Verb]:
    """Return the verbs, each from the module of its name."""
    # Only where one is asked for: a run does without them.
    modules = (importlib.import_module(f"cwl_memo.cli.{name}") for name in _VERBS)
    return [module.VERB for module in modules]


def program() -> int:
    """Be the program ``cwl-memo``: do what its command line says, and end the process."""
    collect_rarely()
    return leave(main())


def _main(words: list[str]) -> int:
    if "_ARGCOMPLETE" in os.environ:
        return _complete()
    _tolerate_names()
    parser = build_parser()
    try:
        arguments = parser.parse_args(words)
    except SystemExit as end:
        # argparse ends so after --help, --version and a usage error, with an exit code.
        return int(end.code or 0)
    if arguments.verb is None:
        parser.print_help(sys.stderr)
        return ExitCode.USAGE.status
    verb: Verb = arguments.verb
    if verb.is_group:
        arguments.parser.print_help(sys.stderr)
        return ExitCode.USAGE.status
    return verb.run(arguments)


def _run_workflow(words: list[str]) -> int:
    # Only here: cwltool takes longer to import than any other verb to answer.
    from cwl_memo.cli.replay import answer

    code = answer(words, f"{PROG} run")
    if code is not None:
        return code
    from cwl_memo.cwl.runner import run
    from cwl_memo.report.files import write_report

    return run(words, prog=f"{PROG} run", write_report=write_report)


def _audit(words: list[str]) -> int:
    from cwl_memo.cli.audit import audit

    return audit(words, f"{PROG} audit")


def _plan(words: list[str]) -> int:
    from cwl_memo.cli.plan import plan

    return plan(words)


def _measure_conformance(words: list[str]) -> int:
    # It is no part of this package: it knows runners by their command lines alone.
    driver = importlib.import_module("cwl_memo_conformance.driver.main")
    try:
        status: int = driver.main(words, prog=f"{PROG} conformance")
    except SystemExit as end:
        return int(end.code or 0)
    return status


def _complete() -> int:
    """Answer the shell that asks how a half-typed command line may go on."""
    words = os.environ.get("COMP_LINE", "").split(" ")
    if len(words) > 2 and words[1] in ("run", "plan", "audit"):
        # argcomplete reads the line itself; the runner's parser begins at its second word.
        os.environ["_ARGCOMPLETE"] = "2"
        return _run_workflow([]) if words[1] == "run" else _plan([])
    import argcomplete

    argcomplete.autocomplete(build_parser())
    return ExitCode.OK.status


def _tolerate_names() -> None:
    # A file name may hold what the terminal's encoding lacks; a listing goes on all the same.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all verbs; that of ``run`` only stands in for the runner's own."""
    codes = "\n".join(f"  {code.status:<3}  {code.meaning}" for code in ExitCode)
    parser = argparse.ArgumentParser(
        prog=PROG,
        description=_DESCRIPTION,
        epilog=_EXAMPLES + codes,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the versions and end")
    parser.set_defaults(verb=None)
    below = parser.add_subparsers(metavar="VERB", title="verbs")
    below.add_parser("run", help="run a workflow or a tool as cwltool does, reusing jobs")
    below.add_parser("plan", help="say what a run would reuse and execute, and why")
    below.add_parser("audit", help="execute the jobs of a run again and compare their outputs")
    below.add_parser("conformance", help="measure how right a CWL runner's reuse of jobs is")
    for verb in verbs():
        _add_verb(below, verb)
    return parser


def _add_verb(
    among: argparse._SubParsersAction[argparse.ArgumentParser],
    verb: Verb,
    *,
    is_below: bool = False,
) -> None:
    from cwl_memo.cli.opening import add_json_argument, add_store_arguments

    examples = "\n".join(f"  {line}\n      {what}" for line, what in verb.examples)
    arguments = among.add_parser(
        verb.name,
        help=verb.summary,
        description=textwrap.fill(verb.description, 80),
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    arguments.set_defaults(verb=verb, parser=arguments)
    if not verb.is_group:
        verb.add_arguments(arguments)
        add = add_store_arguments if verb.has_store else add_json_argument
        add(arguments, is_below=is_below)
    if verb.verbs:
        further = arguments.add_subparsers(metavar="VERB", title="verbs")
        for one in verb.verbs:
            _add_verb(further, one, is_below=not verb.is_group)


class _Version(argparse.Action):
    """Prints the versions; found only when asked for, since finding them takes a while."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib import metadata

        sys.stdout.write(f"{PROG} {__version__} (cwltool {metadata.version('cwltool')})\n")
        parser.exit()
