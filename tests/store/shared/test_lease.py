"""Leases: one of many executes a job, and a holder that died is taken over."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from cwl_memo.core.settings import SharedMode
from cwl_memo.store.protocol import Claim
from cwl_memo.store.shared.bucket import Bucket
from cwl_memo.store.shared.layout import lease_name
from cwl_memo.store.shared.lease import Granted, Leases
from cwl_memo.store.shared.store import SharedStore
from cwl_memo.store.workers import Workers
from tests.store.example import key
from tests.store.shared.faults import Fault, FaultyBucket

KEY = key(1)

Machine = Callable[..., Leases]


@pytest.fixture
def machine(bucket: Bucket) -> Iterator[Machine]:
    """Makes machines that share leases, and hurry."""
    pool = ThreadPoolExecutor(4)
    made = []

    def make(place: Bucket = bucket, **options: float) -> Leases:
        leases = Leases(place, pool, beat=0.05, **{"stale": 60.0, "look": 0.0, **options})
        made.append(leases)
        return leases

    yield make
    for leases in made:
        leases.close()
    pool.shutdown()


class Clock:
    """A clock that a test sets forward."""

    sleep = staticmethod(time.sleep)

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


def eventually(ask: Callable[[], object]) -> object:
    """Return what a call gives as soon as that is something."""
    end = time.monotonic() + 30
    while not (found := ask()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return found


def is_free(bucket: Bucket) -> bool:
    return bucket.head(lease_name(KEY)) is None


def test_of_many_who_ask_at_once_one_has_it(machine: Machine) -> None:
    machines = [machine() for _ in range(8)]
    barrier = threading.Barrier(8)

    def claim(leases: Leases) -> Claim | None:
        barrier.wait()
        return leases.claim(KEY)

    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(claim, machines))
    assert sum(claim is not None for claim in claims) == 1


def test_what_is_given_back_is_had_by_the_next(machine: Machine, bucket: Bucket) -> None:
    first, second = machine(), machine()
    claim = first.claim(KEY)
    assert claim is not None
    assert second.claim(KEY) is None
    claim.release()
    assert eventually(lambda: second.claim(KEY))
    assert not is_free(bucket)


def test_a_lease_is_gone_once_it_is_given_back(machine: Machine, bucket: Bucket) -> None:
    leases = machine()
    claim = leases.claim(KEY)
    assert claim is not None
    claim.release()
    eventually(lambda: is_free(bucket))
    time.sleep(0.2)
    assert is_free(bucket)


def test_a_machine_that_ends_gives_all_back(machine: Machine, bucket: Bucket) -> None:
    leases = machine()
    assert leases.claim(KEY) is not None
    leases.close()
    eventually(lambda: is_free(bucket))


def test_a_holder_that_lives_is_not_taken_over(machine: Machine) -> None:
    first, second = machine(stale=60), machine(stale=1.5)
    assert first.claim(KEY) is not None
    end = time.monotonic() + 3
    while time.monotonic() < end:
        assert second.claim(KEY) is None
        time.sleep(0.02)


def test_a_holder_that_died_is_taken_over(machine: Machine, bucket: Bucket) -> None:
    first, second = machine(), machine(stale=0.3)
    assert first.claim(KEY) is not None
    first._ended.set()  # it lives no more, and gave nothing back
    time.sleep(0.1)
    claim = eventually(lambda: second.claim(KEY))
    # Whoever was only asleep notices, and neither beats nor gives back what is not theirs.
    held = first._held[KEY]
    held.beaten -= 1000
    first._sign_of_life(held)
    assert KEY not in first._held
    held.beaten -= 1000
    first._give_back(held)
    assert not is_free(bucket)
    claim.release()  # type: ignore[attr-defined]
    eventually(lambda: is_free(bucket))


def test_a_process_that_died_is_waited_for_once(machine: Machine, bucket: Bucket) -> None:
    first, third, second = machine(), machine(), machine(stale=1.5)
    others = [key(number) for number in range(10, 15)]
    for one in (KEY, *others):
        assert first.claim(one) is not None
    first._ended.set()
    time.sleep(0.1)
    lives = key(20)
    assert third.claim(lives) is not None
    eventually(lambda: second.claim(KEY))
    assert all(second.claim(one) is not None for one in others)
    assert second.claim(lives) is None


@pytest.mark.parametrize("body", [b'{"holder": "x', b"", b"[]", b'{"holder": 1}'])
def test_nobody_waits_for_what_is_no_lease(memory: Bucket, machine: Machine, body: bytes) -> None:
    memory.put(lease_name(KEY), body)
    assert machine(memory).claim(KEY) is not None


def test_one_who_never_ends_is_waited_for_once(machine: Machine) -> None:
    there, here = machine(), machine(patience=0.3)
    assert all(there.claim(key(number)) for number in range(4))
    assert here.claim(key(0)) is None
    claim = eventually(lambda: here.claim(key(0)))
    assert isinstance(claim, Granted)
    claim.release()
    assert all(here.claim(key(number)) for number in range(1, 4))
    # It is theirs still.
    assert machine().claim(key(0)) is None


def test_of_those_who_never_end_no_third_one_is_waited_for(machine: Machine) -> None:
    here = machine(patience=0.3)
    for number in range(2):
        assert machine().claim(key(number))
        assert here.claim(key(number)) is None
        assert eventually(partial(here.claim, key(number)))
    assert machine().claim(key(2))
    assert here.claim(key(2))


def test_leases_that_come_alive_under_other_names_are_waited_for_no_longer(
    memory: Bucket, machine: Machine
) -> None:
    here = machine(memory, patience=0.3)

    def beats(number: int) -> object:
        memory.put(lease_name(key(number)), json.dumps({"holder": secrets.token_hex(4)}).encode())
        return here.claim(key(number))

    assert beats(0) is None
    assert eventually(lambda: beats(0))
    assert all(beats(number) for number in range(1, 20))


def test_who_is_waited_for_and_ends_is_waited_for_again(
    memory: Bucket, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr("cwl_memo.store.shared.lease.time", clock)
    there, here = machine(memory), machine(memory, stale=1e9, patience=100)
    for number in range(5):
        held = there.claim(key(number))
        assert held is not None
        assert here.claim(key(number)) is None
        clock.now += 60
        assert here.claim(key(number)) is None
        held.release()
        assert eventually(partial(here.claim, key(number)))
    assert there.claim(key(9))
    assert here.claim(key(9)) is None


def test_a_lease_of_somebody_else_is_looked_at_seldom(machine: Machine, bucket: Bucket) -> None:
    assert machine().claim(KEY) is not None
    watched = FaultyBucket(bucket)
    second = machine(watched, look=1000)
    for _ in range(20):
        assert second.claim(KEY) is None
    assert len([call for call, _ in watched.calls if call in {"get", "put"}]) == 2


@pytest.mark.parametrize(
    "fault",
    [Fault.UNREACHABLE, Fault.FORBIDDEN, Fault.FORBIDDEN_WRITES, Fault.FULL, Fault.CUT],
    ids=lambda fault: fault.value,
)
def test_where_no_lease_can_be_had_the_job_is_executed(
    machine: Machine, bucket: Bucket, fault: Fault
) -> None:
    leases = machine(FaultyBucket(bucket, fault))
    for _ in range(2):
        claim = leases.claim(KEY)
        assert claim is not None
        claim.release()


@pytest.mark.parametrize("has_create", [True, False])
@pytest.mark.parametrize("is_there", [True, False])
def test_where_what_is_written_cannot_be_read_the_job_is_executed(
    machine: Machine, memory: Bucket, has_create: bool, is_there: bool
) -> None:
    class Lossy(FaultyBucket):
        """Says that it has written, or that it is there, and has nothing."""

        def put(self, name: str, data: bytes, *, create: bool = False) -> bool:
            return not (create and is_there)

        def get(self, name: str, limit: int) -> bytes | None:
            return None

        def has_create(self) -> bool:
            return has_create

    leases = machine(Lossy(memory))
    claim = eventually(lambda: leases.claim(KEY))
    claim.release()  # type: ignore[attr-defined]


def test_where_creating_is_not_known_there_are_leases_all_the_same(
    machine: Machine, bucket: Bucket
) -> None:
    class Plain(FaultyBucket):
        def put(self, name: str, data: bytes, *, create: bool = False) -> bool:
            if create and self.head(name) is not None:
                return False
            return super().put(name, data)

        def has_create(self) -> bool:
            return False

    first, second = machine(Plain(bucket)), machine(Plain(bucket))
    claim = first.claim(KEY)
    assert claim is not None
    assert second.claim(KEY) is None
    claim.release()
    assert eventually(lambda: second.claim(KEY))


def test_one_who_may_not_write_takes_no_lease(memory: Bucket) -> None:
    store = SharedStore(memory, mode=SharedMode.READONLY)
    assert store.claim(KEY) is not None
    store.close()
    assert list(memory.list()) == []


def test_what_somebody_wrote_as_a_lease_is_waited_for_no_longer_than_any(
    machine: Machine, bucket: Bucket
) -> None:
    for body in (b"", b"[]", b'{"holder": 5}', b"\xff" * 100):
        bucket.put(lease_name(KEY), body)
        leases = machine(stale=0.2)
        claim = eventually(lambda leases=leases: leases.claim(KEY))  # type: ignore[misc]
        claim.release()  # type: ignore[attr-defined]
        eventually(lambda: is_free(bucket))


def test_a_lease_given_back_while_it_is_written_anew_is_gone(
    machine: Machine, memory: Bucket
) -> None:
    class Late(FaultyBucket):
        """The holder ends while a sign of life is under way."""

        def put(self, name: str, data: bytes, *, create: bool = False) -> bool:
            if not create:
                leases._held.clear()
            return super().put(name, data, create=create)

    late = Late(memory)
    leases = machine(late)
    assert leases.claim(KEY) is not None
    eventually(lambda: is_free(memory))
    assert machine(memory).claim(KEY) is not None


def test_a_fault_of_the_program_leaves_no_claim_behind(machine: Machine, memory: Bucket) -> None:
    class Broken(FaultyBucket):
        def put(self, name: str, data: bytes, *, create: bool = False) -> bool:
            raise RuntimeError("a defect")

    leases = machine(Broken(memory))
    for _ in range(2):
        with pytest.raises(RuntimeError):
            leases.claim(KEY)


def test_what_is_given_back_after_the_end_is_given_back(memory: Bucket) -> None:
    pool = ThreadPoolExecutor(1)
    leases = Leases(memory, pool)
    claim = leases.claim(KEY)
    assert claim is not None
    pool.shutdown()
    claim.release()
    assert is_free(memory)
    leases.close()
    leases.close()
    assert leases.claim(KEY) is not None
    assert is_free(memory)


def test_a_lease_whose_answer_was_lost_is_had_all_the_same(memory: Bucket) -> None:
    class Deaf(FaultyBucket):
        """The first request succeeds unheard, and is refused as it is sent again."""

        def put(self, name: str, data: bytes, *, create: bool = False) -> bool:
            return super().put(name, data, create=create) and not create

    pool = ThreadPoolExecutor(1)
    leases = Leases(Deaf(memory), pool)
    claim = leases.claim(KEY)
    assert claim is not None
    claim.release()
    leases.close()
    pool.shutdown()
    assert is_free(memory)


def test_a_lease_given_back_between_two_looks_is_had_at_the_third(memory: Bucket) -> None:
    class Vanishing(FaultyBucket):
        def get(self, name: str, limit: int) -> bytes | None:
            return None

    pool = ThreadPoolExecutor(1)
    first, second = Leases(memory, pool), Leases(Vanishing(memory), pool)
    claim = first.claim(KEY)
    assert claim is not None
    assert second.claim(KEY) is None
    claim.release()
    assert eventually(lambda: second.claim(KEY))
    for leases in (first, second):
        leases.close()
    pool.shutdown()


def test_where_no_thread_is_to_be_had_the_job_is_executed(
    memory: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    pool = Workers(1, "test")
    leases = Leases(memory, pool)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        claim = leases.claim(KEY)
        assert claim is not None
        claim.release()
        assert is_free(memory)
        leases.close()
    pool.shutdown()


def test_many_leases_are_kept_alive_side_by_side(memory: Bucket) -> None:
    together = threading.Barrier(8)

    class Slow(FaultyBucket):
        """No sign of life arrives before eight are under way."""

        def put(self, name: str, data: bytes, *, create: bool = False) -> bool:
            if not create:
                together.wait(30)
            return super().put(name, data, create=create)

    pool = Workers(8, "test")
    leases = Leases(Slow(memory), pool, beat=0.05)
    claims = [leases.claim(key(number)) for number in range(8)]
    assert all(claims)
    eventually(lambda: all(held.beat for held in leases._held.values()))
    together.abort()
    leases._ended.set()
    pool.shutdown()
