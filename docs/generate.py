"""Write the reference pages that are made from the program: options, reasons, codes, schema.

::

    python docs/generate.py           write docs/reference/*.md
    python docs/generate.py --check   write nothing; exit code 1 if a page is out of date
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

REFERENCE = Path(__file__).parent / "reference"
sys.path.insert(0, str(Path(__file__).parent.parent))

from conformance.driver import main as conformance  # noqa: E402 - the tree this script is in
from cwl_memo.cli import audit  # noqa: E402
from cwl_memo.cli.exit_codes import ExitCode  # noqa: E402
from cwl_memo.cli.main import build_parser, verbs  # noqa: E402
from cwl_memo.cli.opening import add_json_argument, add_store_arguments  # noqa: E402
from cwl_memo.cli.verb import Verb  # noqa: E402
from cwl_memo.core.outcome import MissCause, Reason  # noqa: E402
from cwl_memo.core.setting import SETTINGS, Kind, Layer, Setting  # noqa: E402
from cwl_memo.cwl.plan import DESCRIPTION as PLAN  # noqa: E402
from cwl_memo.cwl.plan import add_plan_arguments  # noqa: E402
from cwl_memo.report.schema import report_schema  # noqa: E402

SETTINGS_BEGIN = "<!-- Written by docs/generate.py: the table of settings. -->"
SETTINGS_END = "<!-- The end of the table. -->"
NOTE = "<!-- Written by docs/generate.py; edit the program instead. -->"


def pages() -> dict[str, str]:
    """Return the text of each page by its file name."""
    return {
        "cli.md": _page("Command line", _cli()),
        "exit-codes.md": _page("Exit codes", _exit_codes()),
        "reasons.md": _page("Reasons", _reasons()),
        "report-schema.md": _page("Report schema", _report_schema()),
        "settings.md": _settings((REFERENCE / "settings.md").read_text(encoding="utf-8")),
    }


def _page(title: str, lines: Iterable[str]) -> str:
    return "\n".join([NOTE, "", f"# {title}", "", *lines]).rstrip() + "\n"


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}"]
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in r)} |" for r in rows]
    return [*lines, ""]


def _cli() -> Iterator[str]:
    yield from [build_parser().description or "", ""]
    yield from ["## cwl-memo run, cwltool-memo", "", *_run()]
    yield from _plan()
    yield from _audit()
    for verb in verbs():
        yield from _verb(verb, "cwl-memo", "##")
    yield from _conformance()


def _verb(verb: Verb, above: str, heading: str) -> Iterator[str]:
    name = f"{above} {verb.name}"
    yield from [f"{heading} {name}", "", verb.description, ""]
    if not verb.is_group:
        parser = argparse.ArgumentParser(add_help=False)
        verb.add_arguments(parser)
        (add_store_arguments if verb.has_store else add_json_argument)(parser)
        yield from _options(parser)
    yield from ["```console"]
    for line, what in verb.examples:
        yield from [f"$ {line}    # {what}"]
    yield from ["```", ""]
    for below in verb.verbs:
        yield from _verb(below, name, f"{heading}#")


def _audit() -> Iterator[str]:
    parser = argparse.ArgumentParser(add_help=False)
    audit.Audit().add_arguments(parser)
    yield from ["## cwl-memo audit", "", audit.DESCRIPTION, ""]
    yield "Every option and argument of `cwl-memo run`, and these before the document. More is in"
    yield "[Find non-deterministic tools](../how-to/find-non-deterministic-tools.md)."
    yield from ["", *_options(parser)]


def _conformance() -> Iterator[str]:
    parser = argparse.ArgumentParser(add_help=False)
    conformance.add_arguments(parser)
    yield from ["## cwl-memo conformance", "", conformance.DESCRIPTION, ""]
    yield "`python -m conformance` in a checkout is the same. More is in"
    yield "[Test the reuse of your own runner](../how-to/test-a-runner.md)."
    yield from ["", *_options(parser)]


def _run() -> Iterator[str]:
    yield "Every option and argument of `cwltool`, and these. `cwltool-memo` is the same program"
    yield "under a name that takes the place of `cwltool`; it has no other verbs."
    yield ""
    try:
        arguments = importlib.import_module("cwl_memo.cwl.arguments")
    except ModuleNotFoundError as error:
        if error.name != "cwl_memo.cwl.arguments":
            raise
        return
    parser = argparse.ArgumentParser(add_help=False)
    arguments.add_memo_arguments(parser)
    yield from _options(parser)


def _plan() -> Iterator[str]:
    yield from ["## cwl-memo plan", "", " ".join(PLAN.split()), ""]
    parser = argparse.ArgumentParser(add_help=False)
    add_plan_arguments(parser)
    yield "Options come before the document, where cwltool's stand; what follows it belongs to the"
    yield "tool. Options that make `cwl-memo run` execute nothing are errors."
    yield "More is in [Plan a run](../how-to/plan-a-run.md)."
    yield from ["", *_options(parser)]


def _options(parser: argparse.ArgumentParser) -> list[str]:
    # argparse has no public list of its arguments.
    shown = [a for a in parser._actions if a.help is not argparse.SUPPRESS]  # noqa: SLF001
    return _table(["argument", "meaning"], [(_name(action), _meaning(action)) for action in shown])


def _name(action: argparse.Action) -> str:
    if not action.option_strings:
        many = "…" if action.nargs in ("*", "+") else ""
        return f"`{action.metavar or action.dest}{many}`"
    value = ""
    if action.nargs != 0:
        choices = action.choices and "|".join(str(choice) for choice in action.choices)
        value = f" {action.metavar or choices or action.dest.upper()}"
    return ", ".join(f"`{option}{value}`" for option in action.option_strings)


def _meaning(action: argparse.Action) -> str:
    return (action.help or "") % {**vars(action), "prog": "cwl-memo"}


def _settings(page: str) -> str:
    """Return the page of settings with its table as the program has it."""
    before, _, rest = page.partition(SETTINGS_BEGIN)
    after = rest.partition(SETTINGS_END)[2]
    titles = ["setting", "option", "variable", "meaning", "values", "in a project file", "default"]
    rows = _table(titles, [_setting(setting) for setting in SETTINGS.values()])
    return before + "\n".join([SETTINGS_BEGIN, "", *rows, SETTINGS_END]) + after


def _setting(setting: Setting) -> list[str]:
    flag = f"`{setting.flag}`" if setting.flag else ""
    if setting.kind is Kind.SWITCH:
        flag = f"`{setting.flag}`, `--no-{setting.flag[2:]}`"
    return [
        f"`{setting.name}`",
        flag,
        f"`{setting.variable}`" if setting.variable else "",
        setting.sentence.removesuffix("."),
        _values(setting),
        _in_project_file(setting),
        _default(setting),
    ]


def _values(setting: Setting) -> str:
    if setting.choices:
        return ", ".join(f"`{word}`" for word in setting.words)
    return {
        Kind.SWITCH: "`true`, `false`; `on`, `off` (1, 0, yes, no) outside files",
        Kind.SIZE: "`500MB`, `20GB`, `1.5GiB`, `4096`",
        Kind.RATE: "`5%`, `0.05`, `1`",
        Kind.AGE: "`90d`, `12h`, `30m`, `2w`; a number of seconds in files",
        Kind.PATH: "a directory; `~` is resolved",
        Kind.FOLDERS: "a list of folders",
        Kind.KEYS: "a list of public keys",
    }.get(setting.kind, _texts(setting))


def _texts(setting: Setting) -> str:
    if setting.name == "cache":
        return "the name or id of a run cache"
    return "a file in a directory that exists" if setting.metavar[:4] == "FILE" else "any text"


def _in_project_file(setting: Setting) -> str:
    if Layer.PROJECT not in setting.in_files:
        return "as `use_memoization`" if setting.name == "memo" else "no"
    if setting.harmless is None:
        return "yes"
    if setting.name == "store":
        return "below its folder; others if trusted"
    values = ", ".join(f"`{value.value}`" for value in setting.harmless)
    return f"{values}; others if trusted" if values else "if trusted"


def _default(setting: Setting) -> str:
    if setting.name == "store":
        return "`$XDG_CACHE_HOME/cwl-memo`, else `~/.cache/cwl-memo`"
    if setting.name == "cache_behavior":
        return "that of the run cache; `CACHE_ALWAYS` without one"
    if setting.kind is Kind.SWITCH:
        return "`on`"
    return f"`{setting.shown_default}`" if setting.shown_default else "empty"


def _exit_codes() -> Iterator[str]:
    yield "`cwl-memo run` and `cwltool-memo` end with the exit codes of cwltool: 0 for success, 1"
    yield "for failure, 33 for a feature that is not supported; and with 2 where an option of"
    yield "memoization makes no sense, or a store named on the command line is of no use."
    yield "`cwl-memo plan` ends so where cwltool rejects the document. Otherwise, and for the other"
    yield "verbs:"
    yield ""
    yield from _table(["code", "meaning"], [(str(c.status), c.meaning) for c in ExitCode])


def _reasons() -> Iterator[str]:
    yield "Every job that is executed has a reason, in the log, in `cwl-memo explain` and in the"
    yield "report. The codes are stable."
    yield from ["", "## Misses", ""]
    yield "Reuse was allowed, and nothing was found: the job is executed and recorded."
    yield ""
    yield from _table(["code", "meaning"], [(f"`{c.code}`", c.sentence) for c in MissCause])
    yield from ["## Refusals", ""]
    yield "Reuse was not allowed, or an executed job was not recorded."
    yield ""
    rows = [(f"`{r.code}`", r.sentence, r.remedy) for r in Reason]
    yield from _table(["code", "meaning", "remedy"], rows)


def _report_schema() -> Iterator[str]:
    schema = report_schema()
    yield from [schema["description"], ""]
    yield "`cwl-memo explain --schema` prints the schema itself (JSON Schema 2020-12)."
    yield from ["", "## report", "", *_properties(schema)]
    for name, part in schema["$defs"].items():
        yield from [f"## {name}", "", part["description"], "", *_properties(part)]


def _properties(schema: dict[str, Any]) -> list[str]:
    rows = [
        (f"`{name}`", _type(part), part["description"])
        for name, part in schema["properties"].items()
    ]
    return _table(["property", "type", "meaning"], rows)


def _type(part: dict[str, Any]) -> str:
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        return f"[{name}](#{name})"
    if "enum" in part:
        return ", ".join(f"`{value}`" if value else "empty" for value in part["enum"])
    if "const" in part:
        return f"`{part['const']}`"
    if part.get("type") == "array":
        return f"list of {_type(part['items'])}"
    if "anyOf" in part:
        return " or ".join(_type(one) for one in part["anyOf"])
    return str(part.get("type", "any JSON"))


def main(argv: list[str] | None = None, reference: Path = REFERENCE) -> int:
    """Write the pages, or with ``--check`` say which of them are out of date."""
    parser = argparse.ArgumentParser(description="Write the generated reference pages.")
    parser.add_argument("--check", action="store_true", help="write nothing; tell stale pages")
    check = parser.parse_args(argv).check
    stale = 0
    for name, text in pages().items():
        path = reference / name
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{'out of date' if check else 'written'}: {path}\n")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
