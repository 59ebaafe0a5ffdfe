"""What must miss: secrets that change; and where their values must not stand."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from .bench import Bench, Run
from .parted import assert_parted, bound

SECRETS: dict[str, Any] = {"http://commonwl.org/cwltool#Secrets": {"secrets": ["pw"]}}
ONE, TWO = "correct horse battery", "staple of my own 2"


def secret_tool(bench: Bench, **fields: Any) -> Path:
    """Write a tool that tells how long a secret is, which a variable holds."""
    return bench.tool(
        **{
            "body": "printf %s \"$PW\" | wc -c | tr -d ' '",
            "inputs": {"pw": "string"},
            "hints": SECRETS,
            "requirements": {"EnvVarRequirement": {"envDef": {"PW": "$(inputs.pw)"}}},
            **fields,
        }
    )


def with_file(bench: Bench) -> Path:
    """Write such a tool that has the secret in a file instead."""
    listing = [{"entryname": "conf", "entry": "password: $(inputs.pw)"}]
    return secret_tool(
        bench,
        body="cut -d ' ' -f 2- conf | tr -d '\\n' | wc -c | tr -d ' '",
        requirements={"InitialWorkDirRequirement": {"listing": listing}},
    )


def length(text: str) -> str:
    return f"{len(text)}\n"


def test_miss_when_a_secret_value_changes(bench: Bench) -> None:
    tool = secret_tool(bench)
    changed = assert_parted(
        lambda pw: bench.run(tool, {"pw": pw}, ext=True), ONE, TWO, (length(ONE), length(TWO))
    )
    assert changed.record.jobs[0].differs == ("inputs.pw",)


def test_miss_when_a_secret_in_a_generated_file_changes(bench: Bench) -> None:
    tool = with_file(bench)
    cold, changed = (bench.run(tool, {"pw": pw}, ext=True) for pw in (ONE, TWO))
    assert (cold.code, cold.executed, cold.text()) == (0, 1, length(ONE))
    assert (changed.code, changed.executed, changed.text()) == (0, 1, length(TWO))


def test_miss_when_a_secret_on_the_command_line_changes(bench: Bench) -> None:
    tool = secret_tool(
        bench,
        body="printf %s \"$1\" | wc -c | tr -d ' '",
        inputs={"pw": bound("string", prefix="--pw=", separate=False)},
        requirements={},
    )
    assert_parted(
        lambda pw: bench.run(tool, {"pw": pw}, ext=True),
        ONE,
        TWO,
        (length("--pw=" + ONE), length("--pw=" + TWO)),
    )


def test_miss_when_two_secrets_swap(bench: Bench) -> None:
    secrets = {"http://commonwl.org/cwltool#Secrets": {"secrets": ["pw", "other"]}}
    tool = secret_tool(bench, inputs={"pw": "string", "other": "string"}, hints=secrets)
    assert_parted(
        lambda pair: bench.run(tool, {"pw": pair[0], "other": pair[1]}, ext=True),
        (ONE, TWO),
        (TWO, ONE),
        (length(ONE), length(TWO)),
    )


def test_miss_when_a_secret_becomes_a_plain_value(bench: Bench) -> None:
    def run(secret: bool) -> Run:
        tool = secret_tool(bench, hints=SECRETS if secret else None)
        return bench.run(tool, {"pw": ONE}, ext=True)

    assert_parted(run, True, False, (length(ONE), length(ONE)))


def test_miss_when_the_key_for_secrets_is_another(bench: Bench) -> None:
    # The same secret in two stores has two hashes: neither tells of the other.
    tool = secret_tool(bench)
    stores = [bench.folder / "store1", bench.folder / "store2"]
    runs = [bench.run(tool, {"pw": ONE}, ext=True, store=store) for store in stores]
    keys = {run.record.jobs[0].key for run in runs}
    assert [run.executed for run in runs] == [1, 1]
    assert len(keys) == 2


@pytest.mark.parametrize("place", ["variable", "file"])
def test_value_of_a_secret_and_its_plain_hashes_stand_nowhere_in_the_store(
    bench: Bench, place: str
) -> None:
    tool = secret_tool(bench) if place == "variable" else with_file(bench)
    runs = [bench.run(tool, {"pw": ONE}, ext=True) for _ in range(2)]
    assert [run.code for run in runs] == [0, 0]
    if place == "variable":
        assert [run.executed for run in runs] == [1, 0]
    found = {path: path.read_bytes() for path in bench.store.rglob("*") if path.is_file()}
    assert found
    contents = (ONE.encode(), f"password: {ONE}".encode())
    hidden = [ONE.encode(), *(made for data in contents for made in _hashes(data))]
    assert not [path for path, data in found.items() for value in hidden if value in data]
    for run in runs:
        assert ONE not in run.log
        assert ONE not in repr(run.record)


@pytest.mark.parametrize("how", ["file", "log"])
def test_secret_that_a_tool_gives_away_is_not_recorded(bench: Bench, how: str) -> None:
    body = 'echo "$PW"' if how == "file" else 'echo "$PW" >&2; echo told'
    tool = secret_tool(bench, body=body)
    runs = [bench.run(tool, {"pw": ONE}, ext=True) for _ in range(2)]
    assert [(run.executed, run.not_recorded) for run in runs] == [(1, ["secret-output"])] * 2
    found = [path for path in bench.store.rglob("*") if path.is_file()]
    assert not [path for path in found if ONE.encode() in path.read_bytes()]


def _hashes(data: bytes) -> list[bytes]:
    names = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b", "blake2s")
    made = [hashlib.new(name, data) for name in names]
    found = [digest.hexdigest().encode() for digest in made] + [d.digest() for d in made]
    try:
        from blake3 import blake3
    except ImportError:
        return found
    return [*found, blake3(data).hexdigest().encode(), blake3(data).digest()]
