"""How runners are called: command templates, the ready ones and a user's own."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ..measurement import find_program
from .errors import DriverError

__all__ = ["TEMPLATES", "Template", "find_template"]

_PLACES: Final = ("store", "outdir", "document", "job", "options", "report", "scratch")


@dataclass(frozen=True)
class Template:
    """A runner's command line with places for what differs from run to run.

    Environment variables stand before the program, as in a shell: ``CACHE={store} runner``.

    Places: ``{store}``, ``{outdir}``, ``{document}``, ``{job}`` (left out where a run has no
    input object), ``{options}``, ``{report}`` (a file that the runner writes reasons to, see
    the README), ``{scratch}`` (a name for a directory that does not exist).

    :param reuses: False for a runner without a cache: then only results are judged.
    :param lacks: options and abilities that the runner does not have; cases that need one
        are skipped.
    :param invalidation: what takes back the results of a tool, whose label takes the place of
        ``{tool}``; empty for a runner that cannot.
    :param variables: variables of whoever runs the driver that the runner is given as well.
    :param prediction: what asks the runner what a run would do, without doing it; empty for
        one that cannot tell.
    """

    name: str
    command: str
    reuses: bool = True
    lacks: frozenset[str] = frozenset()
    environment: tuple[tuple[str, str], ...] = ()
    prediction: str = ""
    invalidation: str = ""
    variables: tuple[str, ...] = ()

    def check(self) -> None:
        """See that the template can be used.

        :raises ConformanceError: if it cannot.
        """
        for place in re.findall(r"\{([a-z]*)\}", self.command):
            if place not in _PLACES:
                raise DriverError(f"{self.command!r}: there is no place {{{place}}}")
        for place in ("outdir", "document", "job", *(("store",) if self.reuses else ())):
            if f"{{{place}}}" not in self.command:
                raise DriverError(f"{self.command!r}: the place {{{place}}} is missing")
        words = shlex.split(self.command)
        program = _after_variables(words)
        if program == len(words):
            raise DriverError("the command is empty")
        find_program(words[program])

    @property
    def missing(self) -> frozenset[str]:
        """The options and abilities that the runner does not have."""
        cannot = {"invalidation"} if self.reuses and not self.invalidation else set()
        return self.lacks | cannot

    @property
    def tells_reasons(self) -> bool:
        """Whether the runner writes a report with reasons."""
        return "{report}" in self.command

    def words(self, places: Mapping[str, str | None], options: tuple[str, ...]) -> list[str]:
        """Return the command line of one run; words whose place is None are left out."""
        words: list[str] = []
        for word in shlex.split(self.command):
            if word == "{options}":
                words += options
                continue
            names = re.findall(r"\{([a-z]+)\}", word)
            if any(places[name] is None for name in names):
                continue
            for name in names:
                word = word.replace(f"{{{name}}}", str(places[name]))  # noqa: PLW2901
            words.append(word)
        program = _after_variables(words)
        words[program] = find_program(words[program])
        return ["env", *words] if program else words


def _after_variables(words: Sequence[str]) -> int:
    """Return the position of the program, after variables that are set for it."""
    is_variable = (re.match(r"[A-Za-z_][A-Za-z0-9_]*=", word) for word in words)
    return next((i for i, found in enumerate(is_variable) if not found), len(words))


# By variable: a store that is named on the command line and cannot serve is a usage error.
_CWL_MEMO: Final = (
    "CWL_MEMO_STORE={store} cwl-memo run --memo-report {report} --outdir {outdir} "
    "{options} {document} {job}"
)

_PREDICTION: Final = (
    "CWL_MEMO_STORE={store} cwl-memo plan --json --outdir {outdir} {options} {document} {job}"
)

_INVALIDATION: Final = (
    "CWL_MEMO_STORE={store} cwl-memo invalidate --tool {tool} --reason conformance --yes"
)

# Another machine each time, with an empty home: all that is reused comes from the shared store.
_SHARED: Final = "HOME={scratch} CWL_MEMO_STORE={scratch}/store CWL_MEMO_SHARED={url} "
_SERVER: Final = (
    "AWS_ENDPOINT_URL",
    "AWS_ALLOW_HTTP",
    "AWS_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "CWL_MEMO_SHARED_TIMEOUT",
)
_SHARED_INVALIDATION: Final = (
    "CWL_MEMO_STORE={store}-of-who-invalidates CWL_MEMO_SHARED={url} "
    "cwl-memo invalidate --tool {tool} --reason conformance --yes"
)


def _shared(name: str, url: str, *lacks: str) -> Template:
    return Template(
        name,
        _CWL_MEMO.replace("CWL_MEMO_STORE={store} ", _SHARED).replace("{url}", url),
        lacks=frozenset({"cache-behavior", "cwl-memo-store", *lacks}),
        invalidation=_SHARED_INVALIDATION.replace("{url}", url),
        variables=_SERVER,
    )


# With --parallel it does not end after SIGINT or SIGTERM, with a cache or without.
_CWLTOOL_LACKS: Final = frozenset(
    {"cache-behavior", "cwl-memo-store", "recheck", "signals-in-parallel"}
)

_TOIL: Final = (
    "--jobStore {scratch} --outdir {outdir} --disableProgress --logLevel ERROR --retryCount 0 "
    "--defaultMemory 100Mi --defaultDisk 100Mi --publishWorkflowMetrics no "
    "{options} {document} {job}"
)

_TOIL_LACKS: Final = frozenset({"--copy-outputs", "--on-error", "--parallel"})

TEMPLATES: Final[Mapping[str, Template]] = {
    template.name: template
    for template in (
        Template("cwl-memo", _CWL_MEMO, prediction=_PREDICTION, invalidation=_INVALIDATION),
        Template(
            "cwl-memo-parallel",
            _CWL_MEMO.replace("{options}", "--parallel {options}"),
            prediction=_PREDICTION.replace("{options}", "--parallel {options}"),
            invalidation=_INVALIDATION,
        ),
        Template(
            "cwl-memo-no-replay",
            _CWL_MEMO.replace("{options}", "--no-memo-replay {options}"),
            prediction=_PREDICTION,
            invalidation=_INVALIDATION,
        ),
        _shared("cwl-memo-shared-file", "file://{store}"),
        # A bucket called memo, of the server that AWS_ENDPOINT_URL and its like name; a case
        # has a prefix of its own there.
        _shared("cwl-memo-shared-s3", "s3://memo{store}", "store-folder"),
        Template(
            "cwltool-cachedir",
            "cwltool --cachedir {store} --outdir {outdir} {options} {document} {job}",
            lacks=_CWLTOOL_LACKS,
        ),
        Template(
            "toil-cachedir",
            f"toil-cwl-runner --cachedir {{store}} {_TOIL}",
            lacks=_TOIL_LACKS | {"cache-behavior", "cwl-memo-store", "recheck"},
        ),
        Template(
            "cwl-memo-toil",
            f"CWL_MEMO_STORE={{store}} cwl-memo-toil --memo-report {{report}} {_TOIL}",
            lacks=_TOIL_LACKS,
            invalidation=_INVALIDATION,
        ),
        Template("toil", f"toil-cwl-runner {_TOIL}", reuses=False, lacks=_TOIL_LACKS),
        Template(
            "cwltool",
            "cwltool --outdir {outdir} {options} {document} {job}",
            reuses=False,
            lacks=_CWLTOOL_LACKS,
        ),
    )
}
"""The ready templates."""


def find_template(name: str, *, reuses: bool, lacks: frozenset[str]) -> Template:
    """Return a ready template, or one of a command line.

    :raises ConformanceError: if it is neither, or its program is not there.
    """
    template = TEMPLATES.get(name)
    if template is None:
        if "{" not in name:
            raise DriverError(
                f"no runner {name!r}; ready are {', '.join(TEMPLATES)}; another is a command "
                "line with the places {store}, {outdir}, {document} and {job}"
            )
        template = Template(name, name, reuses=reuses)
    template = replace(template, lacks=template.lacks | lacks)
    template.check()
    return template
