"""What cwl-memo uses of Toil is there, and is what it was."""

from __future__ import annotations

import inspect
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from tests.engines.toil.conftest import Runners

pytestmark = pytest.mark.toil


@pytest.fixture
def door(runners: Runners) -> Any:
    from cwl_memo.engines.toil import door

    return door


def names(function: Any) -> list[str]:
    return list(inspect.signature(function).parameters)


def test_the_installed_toil_is_one_that_was_tested(door: Any) -> None:
    assert door.is_tested()
    door.check_toil()


def test_a_toil_that_makes_its_tools_otherwise_is_refused(
    door: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cwl_memo.errors import UsageError

    monkeypatch.setattr(door.cwltoil, "main", lambda _args, _stdout: 0)
    with pytest.raises(UsageError, match="otherwise than those tested"):
        door.check_toil()


def test_an_unknown_series_is_looked_up_on_the_workers(
    door: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "toil_version", lambda: "9.61.0")
    assert not door.is_tested()


def test_what_the_early_lookup_replaces(door: Any) -> None:
    from cwl_memo.engines.toil import early

    toil = door.cwltoil
    expected = ["tool", "jobobj", "runtime_context", "parent_name", "conditional"]
    assert names(early._make_plain) == expected
    assert names(early._make_job) == expected
    assert names(early._scatter_plain) == ["self", "file_store"]
    assert names(toil.CWLJobWrapper.run) == ["self", "file_store"]
    assert names(toil.CWLJobWrapper.__init__)[1:] == [
        "tool",
        "cwljob",
        "runtime_context",
        "parent_name",
        "conditional",
    ]
    assert names(toil.fill_in_defaults) == ["inputs", "job", "fsaccess"]
    assert callable(toil.resolve_dict_w_promises)


def test_a_worker_tells_the_leader_by_the_logger_that_is_listened_to(door: Any) -> None:
    from toil.fileStores.abstractFileStore import AbstractFileStore
    from toil.statsAndLogging import logger

    assert logger.name == "toil.statsAndLogging"
    store = SimpleNamespace(logging_messages=[])
    AbstractFileStore.log_to_leader(store, "told", logging.CRITICAL)
    assert store.logging_messages == [{"text": "told", "level": logging.CRITICAL}]
