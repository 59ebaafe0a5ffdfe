"""A shared store that misbehaves costs a run time, and nothing else."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.core.digest import digest_of_bytes
from tests.servers.fault import Call, Fault, Kind
from tests.servers.faulty import FaultyProxy, objects_of, overwrite, running_proxy
from tests.servers.s3 import S3Server, running_s3
from tests.stories.team import JOBS, Ended, Team, write_workflow

pytestmark = pytest.mark.slow

IS_LONG = bool(os.environ.get("CWL_MEMO_EVERY_FAULT"))
"""Whether every kind of fault is met by every story, which takes most of an hour."""


def kinds(*some: Kind) -> pytest.MarkDecorator:
    """Have a story for these kinds of faults; for all of them where there is time."""
    return pytest.mark.parametrize("kind", Kind if IS_LONG else some, ids=lambda kind: kind.value)


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with running_s3() as server:
        yield server


@pytest.fixture
def faulty(s3: S3Server) -> Iterator[FaultyProxy]:
    with running_proxy(s3.endpoint, partial(overwrite, s3)) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("documents")
    write_workflow(folder)
    return folder


@pytest.fixture(scope="module")
def plain(documents: Path) -> Ended:
    """What cwltool itself delivers."""
    ended = Team(documents).plain()
    assert (ended.delivered["code"], ended.executed) == (0, JOBS), ended.log
    (documents / "marks").unlink()
    shutil.rmtree(documents / "plain")
    return ended


@pytest.fixture
def team(documents: Path, plain: Ended, s3: S3Server, faulty: FaultyProxy) -> Iterator[Team]:
    """A team whose way to the server leads over the proxy."""
    variables = {**s3.environment(), "AWS_ENDPOINT_URL": faulty.endpoint}
    yield Team(documents, s3.url(secrets.token_hex(8)), **variables)
    (documents / "marks").unlink(missing_ok=True)
    for machine in ("anna", "ben", "carla", "dora"):
        shutil.rmtree(documents / machine, ignore_errors=True)


def fault(kind: Kind, rate: float = 1.0, **more: Any) -> Fault:
    return Fault((kind,), rate, seconds=-7200 if kind is Kind.CLOCK else 0.2, **more)


def is_right(ended: Ended, plain: Ended) -> None:
    assert ended.delivered == plain.delivered, ended.log
    assert "Traceback" not in ended.log, ended.log
    assert len(ended.warnings) <= 1, ended.log
    # Nothing that the server said of itself; that one of its tags is missing may be told.
    assert "<?xml" not in "".join(ended.warnings), ended.log
    assert "<html" not in "".join(ended.warnings), ended.log


def stores_are_sound(team: Team, s3: S3Server, *machines: str) -> None:
    """No bytes stand in a store under a digest that is not theirs."""
    for machine in machines:
        done = team.ask(machine, "cwl_memo", "verify", "--memo-store", str(team.store(machine)))
        assert done.returncode == 0, done.stdout + done.stderr
    prefix = team.shared.removeprefix("s3://memo/")
    for name, data in objects_of(s3, prefix).items():
        room, _, rest = name.partition("/")
        if room == "entries":
            envelope_is_sound(data)
        elif room == "blobs" and ".parts/" not in name:
            digest, _, suffix = rest.partition("/")[2].partition(".")
            assert digest_of_bytes(unpacked(data) if suffix else data).hex == digest


def envelope_is_sound(data: bytes) -> None:
    head, _, body = data.partition(b"\n")
    for blob in json.loads(head)["blobs"]:
        if blob["at"] == "inline":
            part, body = body[: blob["size"]], body[blob["size"] :]
            assert str(digest_of_bytes(part)) == blob["digest"]
    assert body == b""


def unpacked(data: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdDecompressor().decompressobj().decompress(data)


def nothing_is_left(team: Team, *machines: str) -> None:
    for machine in machines:
        assert team.left(machine) == []


def is_usable_afterwards(
    team: Team, s3: S3Server, faulty: FaultyProxy, plain: Ended, *more: str
) -> None:
    """With a server in good health again, what one machine makes is a hit on another."""
    faulty.inject()
    for machine in (*more, "carla"):
        is_right(team.run(machine), plain)
    last = team.run("dora")
    is_right(last, plain)
    assert last.executed == 0, last.log
    stores_are_sound(team, s3, "carla", "dora")
    done = team.ask("carla", "cwl_memo", "verify", "--memo-shared", team.shared)
    assert done.returncode == 0, done.stdout + done.stderr
    nothing_is_left(team, "anna", "ben", "carla", "dora")


@kinds(Kind.ERROR, Kind.TRUNCATED, Kind.CREATE_IGNORED)
@pytest.mark.parametrize("rate", [1.0, 0.3] if IS_LONG else [1.0])
def test_runs_are_right_with_a_server_that_misbehaves(
    team: Team, s3: S3Server, faulty: FaultyProxy, plain: Ended, kind: Kind, rate: float
) -> None:
    faulty.inject(fault(kind, rate))
    cold = team.run("anna")
    is_right(cold, plain)
    assert cold.executed == JOBS
    is_right(team.run("ben"), plain)
    if rate == 1 and fault(kind).possible(Call("PUT", "")):
        assert faulty.policy.count(kind)
    stores_are_sound(team, s3, "anna", "ben")
    is_usable_afterwards(team, s3, faulty, plain, "anna")


@kinds(Kind.SWAPPED, Kind.LOST, Kind.CUT)
def test_runs_are_right_with_a_filled_store_behind_a_server_that_misbehaves(
    team: Team, s3: S3Server, faulty: FaultyProxy, plain: Ended, kind: Kind
) -> None:
    assert team.run("anna").executed == JOBS
    faulty.inject(fault(kind))
    is_right(team.run("ben"), plain)
    if fault(kind).possible(Call("GET", "")):
        assert faulty.policy.count(kind)
    stores_are_sound(team, s3, "anna", "ben")
    is_usable_afterwards(team, s3, faulty, plain)


@kinds(Kind.FORBIDDEN)
@pytest.mark.parametrize("after", [6, 20] if IS_LONG else [20])
def test_runs_are_right_with_a_server_that_begins_to_misbehave(
    team: Team, s3: S3Server, faulty: FaultyProxy, plain: Ended, kind: Kind, after: int
) -> None:
    for machine in ("anna", "ben"):
        faulty.inject(fault(kind, after=after))
        is_right(team.run(machine), plain)
    stores_are_sound(team, s3, "anna", "ben")
    is_usable_afterwards(team, s3, faulty, plain)


def test_runs_are_right_with_a_server_of_all_faults(
    team: Team, s3: S3Server, faulty: FaultyProxy, plain: Ended
) -> None:
    for seed in range(5 if IS_LONG else 1):
        faulty.policy.seed = seed
        faulty.inject(Fault(tuple(Kind), 0.2, seconds=0.2))
        for machine in ("anna", "ben"):
            is_right(team.run(machine, "--parallel"), plain)
        stores_are_sound(team, s3, "anna", "ben")
        team.forget("anna")
        team.forget("ben")
    is_usable_afterwards(team, s3, faulty, plain)


def test_runs_are_right_with_a_server_that_is_not_there(
    team: Team, s3: S3Server, faulty: FaultyProxy, plain: Ended
) -> None:
    faulty.down()
    cold = team.run("anna")
    is_right(cold, plain)
    assert len(cold.warnings) == 1
    faulty.up()
    is_usable_afterwards(team, s3, faulty, plain)
