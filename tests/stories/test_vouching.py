"""Whose signature is under what: a machine that signs does so under what it executed, alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cwl_memo.cli.main import main
from cwl_memo.core.digest import ReuseKey
from cwl_memo.core.signature import SigningKey
from cwl_memo.store.keys import KEY_VARIABLE
from cwl_memo.store.shared.envelope import open_envelope
from cwl_memo.store.shared.verify import signer_of

from .bench import Bench, Run
from .workflows import chain

MINE, OTHER = (SigningKey.from_seed(bytes([n]) * 32) for n in (1, 2))
BODY = "cat $1; echo two > two.txt"


@pytest.fixture
def signing(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Says who signs in the runs that follow."""

    def sign(key: SigningKey | None) -> None:
        monkeypatch.setenv(KEY_VARIABLE, "" if key is None else key.to_pem())

    return sign


def tool(bench: Bench, glob: str = "out.txt", body: str = BODY) -> Path:
    outputs = {"out": {"type": "File", "outputBinding": {"glob": glob}}}
    return bench.tool(outputs=outputs, body=body)


def run_in(bench: Bench, home: str, document: Path, *options: str, text: str = "one\n") -> Run:
    given = {"f": {"class": "File", "path": str(bench.write("in.txt", text))}}
    store = bench.folder / "homes" / home
    return bench.run(document, given, "--memo-shared", url(bench), *options, store=store)


def url(bench: Bench) -> str:
    return (bench.folder / "bucket").as_uri()


def signers(bench: Bench) -> list[str]:
    """Who signed the entries of the bucket, in the order of their keys; empty for nobody."""
    found = []
    for path in sorted((bench.folder / "bucket" / "entries").rglob("*")):
        if path.is_file():
            envelope = open_envelope(path.read_bytes(), ReuseKey(path.name))
            assert envelope is not None
            found.append(signer_of(envelope))
    return found


def push(bench: Bench, home: str, *words: str) -> int:
    store = str(bench.folder / "homes" / home)
    return main(["push", "--shared", url(bench), "--memo-store", store, *words])


def trusting(key: SigningKey) -> tuple[str, str]:
    return "--memo-trusted-keys", key.public


def test_what_a_run_executes_it_signs(bench: Bench, signing: Any) -> None:
    signing(MINE)
    assert run_in(bench, "a", tool(bench)).executed == 1
    assert signers(bench) == [MINE.public]


def test_a_new_output_of_what_others_executed_gets_no_signature(bench: Bench, signing: Any) -> None:
    run_in(bench, "stranger", tool(bench))
    assert signers(bench) == [""]
    signing(MINE)
    grown = run_in(bench, "b", tool(bench, "two.txt"))
    assert grown.executed == 0
    assert signers(bench) == [""]


def test_what_others_executed_gets_no_signature_when_all_goes_up(
    bench: Bench, signing: Any
) -> None:
    run_in(bench, "stranger", tool(bench))
    run_in(bench, "b", tool(bench))
    (bench.folder / "bucket").rename(bench.folder / "old")
    signing(MINE)
    assert push(bench, "b", "--all") == 0
    assert signers(bench) == [""]


def test_an_unsigned_entry_takes_the_place_of_no_signed_one(bench: Bench, signing: Any) -> None:
    run_in(bench, "b", tool(bench))
    (bench.folder / "bucket").rename(bench.folder / "old")
    signing(OTHER)
    run_in(bench, "a", tool(bench))
    signing(MINE)
    # It has one of its own in front, made by nobody that it knows.
    run_in(bench, "b", tool(bench, "two.txt"))
    push(bench, "b", "--all")
    assert signers(bench) == [OTHER.public]


def test_a_new_output_of_what_a_trusted_key_signed_is_signed(bench: Bench, signing: Any) -> None:
    signing(OTHER)
    run_in(bench, "a", tool(bench))
    signing(MINE)
    grown = run_in(bench, "b", tool(bench, "two.txt"), *trusting(OTHER))
    assert grown.executed == 0
    assert signers(bench) == [MINE.public]


def test_a_new_output_of_an_earlier_run_leaves_what_was_signed(bench: Bench, signing: Any) -> None:
    signing(MINE)
    run_in(bench, "a", tool(bench))
    run_in(bench, "a", tool(bench, "two.txt"))
    # The second run knows of no execution.
    assert signers(bench) == [MINE.public]


def test_who_vouches_signs(bench: Bench, signing: Any) -> None:
    run_in(bench, "stranger", tool(bench))
    run_in(bench, "b", tool(bench))
    signing(MINE)
    key = next((bench.folder / "bucket" / "entries").rglob("?" * 64)).name
    assert push(bench, "b", key) == 0
    assert signers(bench) == [""]
    assert push(bench, "b", key, "--vouch") == 0
    assert signers(bench) == [MINE.public]


def test_who_vouches_names_what_for_and_has_a_key(
    bench: Bench, signing: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    run_in(bench, "b", tool(bench))
    assert push(bench, "b", "--vouch", "--all") == 2
    assert "sign_with" in capsys.readouterr().err
    signing(MINE)
    assert push(bench, "b", "--vouch") == 2
    assert "--all" in capsys.readouterr().err


def test_what_a_failed_run_keeps_is_signed(bench: Bench, signing: Any) -> None:
    signing(MINE)
    behavior = ("--memo-cache-behavior", "CACHE_ON_FAILURE")
    run = run_in(bench, "a", chain(bench, "cat $1; echo a", "false"), *behavior)
    assert run.code == 1
    assert signers(bench) == [MINE.public]
