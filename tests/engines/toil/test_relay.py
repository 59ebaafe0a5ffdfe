"""Records of jobs on their way from the workers to the leader."""

from __future__ import annotations

import logging

import pytest

from cwl_memo.core.digest import ReuseKey
from cwl_memo.core.run import EXECUTED, JobRecord, SharedUse
from cwl_memo.engines.toil.relay import LEVEL, Relay, message, message_of_use

JOB = JobRecord(name="a", tool="a.cwl", result=EXECUTED, lookup="miss", differs=("tool",))
KEY = ReuseKey("a" * 64)
USED = SharedUse("file:///shared", uploaded=2)


def tell(text: str, level: int = LEVEL) -> None:
    """Log as Toil's leader does what a job sent."""
    log = logging.getLogger("toil.statsAndLogging")
    log.log(level, "Got message from job at time %s: %s", "12:00", text)


def test_the_leader_hears_of_a_job_and_does_not_show_the_message(
    caplog: pytest.LogCaptureFixture,
) -> None:
    heard: list[tuple[JobRecord, list[ReuseKey]]] = []
    used: list[SharedUse] = []
    with Relay(lambda job, made: heard.append((job, made)), used.append):
        tell(message(JOB, [KEY]))
        tell(message_of_use(USED))
        tell("another message", logging.WARNING)
    assert heard == [(JOB, [KEY])]
    assert used == [USED]
    assert caplog.messages == ["Got message from job at time 12:00: another message"]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"job": {}, "made": []}', '{"job": {'])
def test_what_is_no_record_is_a_message_as_any(text: str, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[JobRecord] = []
    with Relay(lambda job, _: heard.append(job), lambda _: None):
        tell(f"cwl-memo-job: {text}")
    assert heard == []
    assert len(caplog.messages) == 1
