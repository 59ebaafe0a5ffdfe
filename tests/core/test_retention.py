"""Which entries give up their blobs."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from cwl_memo.core.digest import Digest, ReuseKey
from cwl_memo.core.retention import Candidate, choose_victims, take_victims

A, B, C = (Digest(letter * 64) for letter in "abc")
SIZES = {A: 10, B: 20, C: 40}


def candidate(
    number: int, *blobs: Digest, used: float = 0, held: bool = False
) -> Candidate[Digest]:
    return Candidate(ReuseKey(f"{number:064x}"), used, blobs, held)


def chosen(candidates: list[Candidate[Digest]], max_size: int) -> list[tuple[int, int]]:
    victims = choose_victims(candidates, SIZES, max_size)
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
    victims = choose_victims(entries, SIZES, max_size)
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
