"""A pytest plugin that sends cwltool's tests through cwl-memo's entry, and reports on them.

Loaded with ``-p conformance.cwltool_tests.redirect`` before the tests are, it puts other
functions in the place of cwltool's entries: ``cwltool.main.main``, ``cwltool.factory.Factory``
and ``python -m cwltool``. In a plain pass they call cwltool's and count; in a memoizing pass
they call ours. Nothing of cwl-memo is replaced. In all passes alike nothing but this machine
can be reached, tests meant for Docker are run with ``--no-container``, and a test that takes too
long has failed. The entries of each module of tests are apart, so that what is reused does not
hang on the order in which modules are run.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import cwltool.factory
import cwltool.main
import pytest
from cwltool.context import LoadingContext, RuntimeContext
from cwltool.loghandler import defaultStreamHandler

from cwl_memo import Session, Settings, open_store
from cwl_memo.cli import dropin
from cwl_memo.cwl import runner  # noqa: F401  (it is to find cwltool's main before we replace it)

STORE: Final = "CWLTOOL_TESTS_STORE"
"""The store of a memoizing pass; not set in a plain one."""

REPORT: Final = "CWLTOOL_TESTS_REPORT"
"""Where a line of JSON is written for each test."""

CHOSEN: Final = "CWLTOOL_TESTS_CHOSEN"
"""A file that names the tests to be run, one a line; all of them where it is not set."""

SECONDS: Final = "CWLTOOL_TESTS_SECONDS"
"""After how many seconds a test has failed."""

_VARIABLES: Final = (STORE, REPORT, CHOSEN, SECONDS)

_DROPIN: Final = "import sys; from cwl_memo.cli.dropin import main; sys.exit(main())"

_DOCKER: Final = "docker executable on the system path"
"""By what cwltool's tests say that they need Docker."""

_HOSTED: Final = pytest.StashKey[bool]()

_CALLABLE: Final = inspect.signature(cwltool.main.main)


class Watch:
    """What is known of the test that is running."""

    def __init__(self) -> None:
        self.calls = 0
        self.offline = False
        self.hosted = False
        self.module = ""
        self.overtime = False
        self.outcome = ""
        self.detail = ""

    def begin(self, test: str, *, hosted: bool) -> None:
        """Forget the test before.

        :param hosted: whether the test is meant for Docker, and run without a container.
        """
        self.calls = 0
        self.offline = False
        self.hosted = hosted
        self.module = test.partition("::")[0]
        self.outcome = ""
        self.detail = ""

    def take(self, report: pytest.TestReport) -> None:
        """Take in what a phase of the test came to; the first that went wrong counts."""
        if report.failed and self.outcome not in {"failed", "error"}:
            self.outcome = "failed" if report.when == "call" else "error"
            self.detail = _shortened(str(report.longrepr))
        elif report.skipped and not self.outcome:
            self.outcome = "skipped"
            reason = report.longrepr
            self.detail = str(reason[2] if isinstance(reason, tuple) else reason)
        elif report.when == "call" and not self.outcome:
            self.outcome = "passed"


def _shortened(text: str) -> str:
    return text if len(text) <= 3000 else f"{text[:1500]}\n...\n{text[-1500:]}"


_watch = Watch()
_told: dict[str, str] = {}
"""What the variables said; taken out of the environment, which is the tests' own."""

_sessions = contextlib.ExitStack()
"""Sessions of factories: a test looks at what they made until it ends."""


# The network. ----------------------------------------------------------------------------


def _stay_here(event: str, arguments: tuple[Any, ...]) -> None:
    host: Any = None
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if not host or host in {"localhost", "::1", "0.0.0.0"} or str(host).startswith("127."):  # noqa: S104
        return
    _watch.offline = True
    raise socket.gaierror(socket.EAI_FAIL, f"no network in these tests: {host}")


# The entries. ----------------------------------------------------------------------------


class Entry:
    """Stands where ``cwltool.main.main`` stood.

    :param store: of the memoizing pass; None for a plain one.
    """

    def __init__(self, store: str | None) -> None:
        self._store = store
        self._main = cwltool.main.main
        self._given: dict[str, Any] | None = None

    def __call__(self, *arguments: Any, **named: Any) -> int:
        """Run cwltool, or what takes its place."""
        given = dict(_CALLABLE.bind(*arguments, **named).arguments)
        if self._given is not None:
            # The runner has come to cwltool's own main: with it goes what the test handed over.
            given, self._given = _joined(given, self._given), None
            return int(self._main(**given))
        _watch.calls += 1
        if _watch.hosted and given.get("args") is None:
            given["argsl"] = ["--no-container", *_words(given)]
        if self._store is None:
            return int(self._main(**given))
        if given.get("args") is not None:
            return self._embed(given)
        words = ["--memo-store", self._store, "--memo-salt", _watch.module, *_words(given)]
        given.pop("argsl", None)
        self._given = given
        with _errors_to(given.get("stderr")):
            try:
                return dropin.main(words)
            finally:
                self._given = None

    def _embed(self, given: dict[str, Any]) -> int:
        # Parsed arguments are what a program has that embeds cwltool: see examples/embed.py.
        args = given["args"]
        with _session(self._store or "") as session:
            runtime = given.get("runtimeContext") or RuntimeContext(vars(args))
            loading = given.get("loadingContext") or LoadingContext(vars(args))
            given["runtimeContext"] = session.runtime_context(runtime)
            given["loadingContext"] = session.loading_context(loading)
            given.setdefault("executor", session.serial_executor())
            return int(self._main(**given))


def _words(given: dict[str, Any]) -> list[str]:
    words = given.get("argsl")
    return list(sys.argv[1:] if words is None else words)


def _session(store: str) -> Session:
    return Session(open_store(Path(store)), Settings(salt=_watch.module))


def _joined(ours: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return what the runner hands to cwltool's main, and what the test does."""
    joined = {**ours, **given}
    if given.get("loadingContext") is not None and ours.get("loadingContext") is not None:
        loading = given["loadingContext"].copy()
        loading.construct_tool_object = ours["loadingContext"].construct_tool_object
        joined["loadingContext"] = loading
    return joined


@contextlib.contextmanager
def _errors_to(stream: Any) -> Iterator[None]:
    """Let a stream be stderr, as a program has but one, and cwltool's first handler knows it."""
    if stream is None:
        yield
        return
    before = defaultStreamHandler.setStream(stream)
    try:
        with contextlib.redirect_stderr(stream):
            yield
    finally:
        defaultStreamHandler.setStream(before or sys.stderr)


def _factory(store: str | None) -> type[cwltool.factory.Factory]:
    class Factory(cwltool.factory.Factory):
        """Stands where cwltool's stood, with a session of ours."""

        def __init__(
            self,
            executor: Any = None,
            loading_context: Any = None,
            runtime_context: Any = None,
        ) -> None:
            _watch.calls += 1
            super().__init__(executor, loading_context, runtime_context)
            if store is not None:
                session = _sessions.enter_context(_session(store))
                self.loading_context = session.loading_context(self.loading_context)
                self.runtime_context = session.runtime_context(self.runtime_context)
                if executor is None:
                    self.executor = session.serial_executor()

    return Factory


def _popen(store: str | None) -> type[subprocess.Popen[Any]]:
    class Popen(subprocess.Popen[Any]):
        """Starts the drop-in where ``python -m cwltool`` is asked for."""

        def __init__(self, args: Any, *others: Any, **named: Any) -> None:
            if isinstance(args, list) and args[:3] == [sys.executable, "-m", "cwltool"]:
                _watch.calls += 1
                if store is not None:
                    ours = ["--memo-store", store, "--memo-salt", _watch.module]
                    args = [sys.executable, "-c", _DROPIN, *ours, *args[3:]]
            super().__init__(args, *others, **named)

    return Popen


def _use_own_data() -> None:
    """Have the tests use the data beside them, and not those that came with the installed cwltool.

    One of them sets the modification time of its data.
    """
    tests = importlib.import_module("tests.util")
    place, installed = Path.cwd(), tests.get_data

    def get_data(name: str) -> str:
        own = place / name
        return str(own.resolve()) if own.is_file() else str(installed(name))

    tests.get_data = get_data  # type: ignore[attr-defined]


# pytest's hooks. -------------------------------------------------------------------------


def pytest_configure() -> None:
    """Put our entries where cwltool's are, before a test module imports them."""
    _told.update({name: os.environ.pop(name) for name in _VARIABLES if name in os.environ})
    store = _told.get(STORE)
    sys.addaudithook(_stay_here)
    cwltool.main.main = Entry(store)
    cwltool.factory.Factory = _factory(store)  # type: ignore[misc]
    subprocess.Popen = _popen(store)  # type: ignore[misc, assignment]
    _use_own_data()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that were not chosen; let those run that are meant for Docker."""
    if CHOSEN in _told:
        names = set(Path(_told[CHOSEN]).read_text(encoding="utf-8").splitlines())
        config.hook.pytest_deselected(items=[each for each in items if each.nodeid not in names])
        items[:] = [each for each in items if each.nodeid in names]

    for item in items:
        meant = [mark for mark in item.own_markers if _is_for_docker(mark)]
        item.stash[_HOSTED] = bool(meant)
        item.own_markers[:] = [mark for mark in item.own_markers if mark not in meant]


def _is_for_docker(mark: pytest.Mark) -> bool:
    return mark.name == "skipif" and _DOCKER in str(mark.kwargs.get("reason"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    """Fail a test that takes too long."""
    before = signal.signal(signal.SIGALRM, _time_is_over)
    signal.alarm(int(_told[SECONDS]))
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _time_is_over(_signum: int, _frame: object) -> None:
    _watch.overtime = True
    pytest.fail(f"takes longer than {_told[SECONDS]} s")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    """Begin to watch a test."""
    _watch.begin(item.nodeid, hosted=item.stash[_HOSTED])


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Watch it through its phases."""
    _watch.take(report)


def pytest_runtest_logfinish(nodeid: str) -> None:
    """Report on a test."""
    _sessions.close()
    _report(
        test=nodeid,
        outcome=_watch.outcome,
        detail=_watch.detail,
        calls=_watch.calls,
        offline=_watch.offline,
        hosted=_watch.hosted,
    )


def pytest_sessionfinish() -> None:
    """Report that all tests were run."""
    _report(end=True)


def pytest_unconfigure() -> None:
    """Leave at once where a test was given up: its threads never end."""
    if _watch.overtime:
        sys.stdout.flush()
        os._exit(pytest.ExitCode.TESTS_FAILED)


def _report(**fields: Any) -> None:
    with Path(_told[REPORT]).open("a", encoding="utf-8") as report:
        report.write(json.dumps(fields) + "\n")
