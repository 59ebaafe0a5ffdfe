"""Policy: what is refused, in which order, and by which settings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cwl_memo.core.facts import JobTraits
from cwl_memo.core.outcome import MissCause, Reason
from cwl_memo.core.policy import is_rechecked, may_lookup, may_record, refusal
from cwl_memo.core.settings import (
    Directories,
    Mode,
    Network,
    Settings,
    parse_rate,
    parse_size,
)
from cwl_memo.errors import UsageError

PLAIN = JobTraits(label="tool.cwl")


def reason(traits: JobTraits, settings: Settings | None = None) -> Reason | None:
    found = refusal(traits, settings or Settings())
    return None if found is None else found.reason


def test_a_plain_job_is_not_refused() -> None:
    assert reason(PLAIN) is None
    assert reason(replace(PLAIN, network=True)) is None


def test_each_trait_has_its_reason() -> None:
    assert reason(replace(PLAIN, work_reuse=False)) is Reason.WORK_REUSE_OFF
    assert reason(replace(PLAIN, inplace_update=True)) is Reason.INPLACE_UPDATE
    assert reason(replace(PLAIN, directory_inputs=("inputs.d",))) is Reason.DIRECTORY_INPUT
    assert reason(replace(PLAIN, directory_outputs=("outputs.d",))) is Reason.DIRECTORY_OUTPUT
    clock = replace(PLAIN, nondeterministic=("Math.random",))
    assert reason(clock) is Reason.NONDETERMINISTIC_EXPRESSION


def test_settings_decide_where_the_choice_is_the_users() -> None:
    content = Settings(directories=Directories.CONTENT)
    both = replace(PLAIN, directory_inputs=("inputs.d",), directory_outputs=("outputs.d",))
    assert reason(both, content) is None
    network = Settings(network=Network.REFUSE)
    assert reason(replace(PLAIN, network=True), network) is Reason.NETWORK_ACCESS
    assert reason(PLAIN, Settings(mode=Mode.OFF)) is Reason.TURNED_OFF


def test_the_documents_own_word_comes_first() -> None:
    traits = replace(PLAIN, work_reuse=False, directory_inputs=("inputs.d",), inplace_update=True)
    assert reason(traits) is Reason.WORK_REUSE_OFF


def test_the_detail_names_what_was_met() -> None:
    found = refusal(replace(PLAIN, directory_inputs=("inputs.a", "inputs.b[0]")), Settings())
    assert found is not None
    assert found.detail == "inputs.a, inputs.b[0]"


@pytest.mark.parametrize(
    ("mode", "lookup", "record"),
    [
        (Mode.READWRITE, True, True),
        (Mode.READONLY, True, False),
        (Mode.RECACHE, False, True),
        (Mode.OFF, False, False),
    ],
)
def test_modes_allow_what_their_names_say(mode: Mode, lookup: bool, record: bool) -> None:
    settings = Settings(mode=mode)
    assert (may_lookup(settings), may_record(settings)) == (lookup, record)


def test_every_reason_has_a_code_a_sentence_and_a_remedy() -> None:
    codes = [reason.code for reason in Reason]
    assert len(set(codes)) == len(codes)
    for found in Reason:
        assert found.code == found.code.lower()
        assert found.sentence.endswith(".")
        assert found.remedy.endswith(".")
        assert Reason.of(found.code) is found
    assert all(MissCause.of(cause.code) is cause for cause in MissCause)
    with pytest.raises(KeyError):
        Reason.of("none-such")
    with pytest.raises(KeyError):
        MissCause.of("none-such")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("4096", 4096),
        ("500MB", 500 * 10**6),
        ("20 GB", 20 * 10**9),
        ("1.5GiB", 3 * 2**29),
        ("1k", 1000),
        ("2tb", 2 * 10**12),
    ],
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "GB", "-1", "1 XB", "1e9", "ten"])
def test_what_is_no_size_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="20GB"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "rate"),
    [("0", 0), ("1", 1), ("5%", 0.05), ("0.05", 0.05), (" .5 ", 0.5), ("100 %", 1),
     ("2.5%", 0.025)],
)  # fmt: skip
def test_rates_are_read_as_people_write_them(text: str, rate: float) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "%", "-1", "2", "101%", "nan", "1e-2", "five", "5 percent"])
def test_what_is_no_rate_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="5%"):
        parse_rate(text)


def test_hits_are_drawn_one_by_one_and_always_in_the_same_way() -> None:
    drawn = [is_rechecked(0.2, "run", f"job_{i}", "key") for i in range(2000)]
    assert drawn == [is_rechecked(0.2, "run", f"job_{i}", "key") for i in range(2000)]
    assert 300 < sum(drawn) < 500
    assert drawn != [is_rechecked(0.2, "other", f"job_{i}", "key") for i in range(2000)]
    more = [is_rechecked(0.6, "run", f"job_{i}", "key") for i in range(2000)]
    assert all(high or not low for low, high in zip(drawn, more, strict=True))


def test_none_or_all_hits_are_drawn_at_the_ends() -> None:
    assert not any(is_rechecked(0.0, "run", f"job_{i}", "key") for i in range(99))
    assert all(is_rechecked(1.0, "run", f"job_{i}", "key") for i in range(99))
