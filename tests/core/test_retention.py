"""Which entries give up their blobs."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from cwl_memo.core.digest import Digest, ReuseKey
from cwl_memo.core.retention import (
    Candidate,
    Clock,
    Limits,
    choose_victims,
    density,
    take_victims,
    worth,
)

A, B, C = (Digest(letter * 64) for letter in "abc")
SIZES = {A: 10, B: 20, C: 40}
NOW = 100.0


def candidate(
    number: int, *blobs: Digest, used: float = 0, held: bool = False, seconds: float = 0
) -> Candidate[Digest]:
    return Candidate(ReuseKey(f"{number:064x}"), used, blobs, held, seconds)


def chosen(candidates: list[Candidate[Digest]], max_size: int) -> list[tuple[int, int]]:
    victims = choose_victims(candidates, SIZES, Limits(max_size, NOW))
    return [(int(victim.candidate.key.hex, 16), victim.freed) for victim in victims]


def test_nothing_goes_while_all_fits() -> None:
    assert chosen([candidate(1, A), candidate(2, B)], 30) == []


def test_the_least_recently_used_goes_first() -> None:
    entries = [candidate(1, A, used=3), candidate(2, B, used=1), candidate(3, C, used=2)]
    assert chosen(entries, 69) == [(2, 20)]
    assert chosen(entries, 49) == [(2, 20), (3, 40)]
    assert chosen(entries, 0) == [(2, 20), (3, 40), (1, 10)]


def test_what_a_run_holds_stays_though_it_does_not_fit() -> None:
    entries = [candidate(1, C, held=True), candidate(2, A, used=9)]
    assert chosen(entries, 5) == [(2, 10)]


def test_a_shared_blob_is_freed_by_the_last_who_needs_it() -> None:
    entries = [candidate(1, A, C), candidate(2, C, used=1)]
    assert chosen(entries, 0) == [(1, 10), (2, 40)]


def test_an_entry_whose_blobs_others_keep_is_spared() -> None:
    entries = [candidate(1, C), candidate(2, A, used=1), candidate(3, C, used=2, held=True)]
    assert chosen(entries, 40) == [(2, 10)]


def test_an_entry_without_blobs_is_no_victim() -> None:
    assert chosen([candidate(1), candidate(2, A)], 0) == [(2, 10)]


candidates = st.lists(
    st.tuples(st.lists(st.sampled_from([A, B, C]), unique=True), st.integers(0, 3), st.booleans()),
    max_size=6,
).map(lambda rows: [candidate(n, *b, used=u, held=h) for n, (b, u, h) in enumerate(rows)])


@given(candidates, st.integers(0, 100))
def test_what_is_kept_fits_or_is_held(entries: list[Candidate[Digest]], max_size: int) -> None:
    victims = choose_victims(entries, SIZES, Limits(max_size, NOW))
    going = {victim.candidate.key for victim in victims}
    kept = {blob for entry in entries if entry.key not in going for blob in entry.blobs}
    everything = {blob for entry in entries for blob in entry.blobs}
    held = {blob for entry in entries if entry.held for blob in entry.blobs}
    assert not any(victim.candidate.held for victim in victims)
    assert sum(SIZES[blob] for blob in kept) <= max_size or kept == held
    assert sum(victim.freed for victim in victims) == sum(SIZES[blob] for blob in everything - kept)


@given(candidates, st.integers(0, 100))
def test_who_stays_is_counted_as_needing_its_blobs(
    entries: list[Candidate[Digest]], excess: int
) -> None:
    users = Counter(blob for entry in entries for blob in entry.blobs)
    going = {victim.candidate.key for victim in take_victims(entries, users, SIZES, excess)}
    staying = Counter(blob for e in entries if e.key not in going for blob in e.blobs)
    assert +users == staying


def test_no_more_candidates_are_asked_for_than_are_needed() -> None:
    asked = iter([candidate(1, A), candidate(2, B), candidate(3, C)])
    users = Counter([A, B, C])
    assert [v.freed for v in take_victims(asked, users, SIZES, 15)] == [10, 20]
    assert next(asked).blobs == (C,)
    assert take_victims(asked, users, SIZES, 0) == []


# what an entry is worth

PAGE = 4096


@given(st.floats(0, 1e9), st.floats(0, 1e9), st.integers(0, 10**12), st.floats(-1e9, 1e9))
def test_of_two_used_at_the_same_time_the_one_with_more_seconds_per_byte_stays(
    one: float, other: float, size: int, used: float
) -> None:
    entries = [candidate(1, A, used=used, seconds=one), candidate(2, B, used=used, seconds=other)]
    sizes = {A: size, B: size}
    victims = choose_victims(entries, sizes, Limits(size, NOW))
    assert len(victims) == (1 if size else 0)
    for victim in victims:
        stays = {1, 2} - {int(victim.candidate.key.hex, 16)}
        assert density(max(one, other), size) == density([one, other][stays.pop() - 1], size)


@given(st.floats(0, 1e6), st.integers(0, 10**9), st.floats(0, 1e6), st.floats(0, 1e6))
def test_an_entry_is_worth_less_the_longer_it_is_idle_and_the_more_it_takes(
    seconds: float, size: int, idle: float, longer: float
) -> None:
    dense = density(seconds, size)
    assert worth(dense, idle) >= worth(dense, idle + longer)
    assert density(seconds, size + 1) <= dense <= density(seconds + 1, size)


def test_a_large_cheap_result_of_today_goes_before_a_small_dear_one_of_last_year() -> None:
    day = 86_400.0
    sizes = {A: 10**10, B: 10**7}
    entries = [
        candidate(1, A, used=400 * day, seconds=10),
        candidate(2, B, used=35 * day, seconds=3600),
    ]
    victims = choose_victims(entries, sizes, Limits(10**10, 400 * day + 3600))
    assert [victim.candidate.key.hex[-1] for victim in victims] == ["1"]


def test_a_blob_that_others_need_too_counts_by_its_share() -> None:
    sizes = {A: 90 * PAGE, B: 30 * PAGE, C: 60 * PAGE}
    # The three that share A need 60 pages each with their own; the fourth needs as many.
    entries = [candidate(n, A, Digest(f"{n}" * 64), used=0, seconds=9) for n in (1, 2, 3)]
    sizes |= {entry.blobs[1]: 30 * PAGE for entry in entries}
    entries.append(candidate(4, C, used=0, seconds=8))
    victims = choose_victims(entries, sizes, Limits(180 * PAGE, NOW))
    assert [victim.candidate.key.hex[-1] for victim in victims] == ["4"]


def test_what_is_past_its_time_goes_though_everything_fits() -> None:
    entries = [candidate(1, A, B), candidate(2, B), candidate(3, C)]
    overdue = [
        Candidate(entries[0].key, 0, (A,), clock=Clock.INTERMEDIATE, workspace_only=True),
        Candidate(entries[1].key, 0, (B,), clock=Clock.AGE),
        Candidate(entries[2].key, 0, (C,), held=True, clock=Clock.AGE),
    ]
    victims = choose_victims(entries, SIZES, Limits(1000, NOW), overdue)
    # B is needed by another, so its eviction would free nothing.
    assert [(v.candidate.key, v.candidate.clock, v.freed) for v in victims] == [
        (entries[0].key, Clock.INTERMEDIATE, 10)
    ]


def test_an_entry_that_loses_its_workspace_and_then_the_rest_goes_once() -> None:
    entry = candidate(1, A, B)
    overdue = [Candidate(entry.key, 0, (A,), clock=Clock.INTERMEDIATE, workspace_only=True)]
    (victim,) = choose_victims([entry], SIZES, Limits(0, NOW), overdue)
    assert (victim.freed, set(victim.candidate.blobs)) == (30, {A, B})
    assert (victim.candidate.clock, victim.candidate.workspace_only) == (Clock.SIZE, False)


def test_every_clock_has_a_sentence() -> None:
    assert all(clock.sentence for clock in Clock)
