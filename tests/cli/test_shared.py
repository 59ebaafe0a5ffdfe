"""The verbs on a shared store: ``--shared``, and ``cwl-memo shared``."""

from __future__ import annotations

import io
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.main import main
from cwl_memo.core.digest import ReuseKey, digest_of_bytes, digest_of_value
from cwl_memo.core.entry import BlobRef, Entry, Origin, OutputVariant
from cwl_memo.core.signature import SigningKey
from cwl_memo.store.shared.layout import entry_name
from cwl_memo.store.shared.opening import open_shared
from tests.cli.stories import Shelf

Captured = pytest.CaptureFixture[str]
MINE = SigningKey.from_seed(bytes(range(32)))
THEIRS = SigningKey.from_seed(b"\1" * 32)
DAY = 24 * 3600.0


def entry_of(number: int, *contents: bytes, tool: str = "sort.cwl") -> Entry:
    blobs = tuple(BlobRef(digest_of_bytes(data), len(data)) for data in dict.fromkeys(contents))
    fingerprint = {"tool": {"baseCommand": ["sort"]}, "number": number}
    return Entry(
        key=ReuseKey(digest_of_value("reuse-key", fingerprint).hex),
        fingerprint=fingerprint,
        variants=(OutputVariant(digest_of_bytes(b"section"), {"out": number}, blobs),),
        exit_code=0,
        tree=None,
        stdout=blobs[0].digest if blobs else None,
        stderr=None,
        blobs=blobs,
        origin=Origin("run", f"job_{number}", tool, "2026-01-01T00:00:00+00:00", 5.0, "node7"),
    )


class Bucket:
    """A shared store in a directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = root.as_uri()

    def publish(self, entry: Entry, *contents: bytes, key: SigningKey | None = None) -> Entry:
        by_digest = {digest_of_bytes(data): data for data in contents}
        store = open_shared(self.url, sign_with=key)
        try:
            store.publish(entry, lambda digest: io.BytesIO(by_digest[digest]))
        finally:
            store.close()
        return entry

    def path(self, entry: Entry) -> Path:
        return self.root / entry_name(entry.key)

    def age(self, seconds: float) -> None:
        """Make everything in it older."""
        for path in self.root.rglob("*"):
            if path.is_file():
                then = path.stat().st_mtime - seconds
                os.utime(path, (then, then))

    def files(self) -> set[str]:
        found = (path for path in self.root.rglob("*") if path.is_file())
        return {str(path.relative_to(self.root)) for path in found}


@pytest.fixture
def bucket(home: Path) -> Bucket:
    """A shared store with three entries: mine, theirs, nobody's."""
    bucket = Bucket(home / "shared")
    big = os.urandom(50_000)
    bucket.publish(entry_of(1, b"one\n", big), b"one\n", big, key=MINE)
    bucket.publish(entry_of(2, b"two\n", tool="align.cwl"), b"two\n", key=THEIRS)
    bucket.publish(entry_of(3, big), big)
    return bucket


def answer(capsys: Captured, *words: str, code: int = 0) -> dict[str, Any]:
    assert main([*words, "--json"]) == code
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def complaint(capsys: Captured, *words: str, code: ExitCode) -> str:
    assert main(list(words)) == code.status
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


# ls, show, stats


def test_the_entries_of_a_shared_store_are_listed(bucket: Bucket, capsys: Captured) -> None:
    told = answer(capsys, "ls", "--memo-shared", bucket.url, "--sort", "job")
    assert told["store"] == bucket.url
    assert [entry["job"] for entry in told["entries"]] == ["job_1", "job_2", "job_3"]
    assert {entry["state"] for entry in told["entries"]} == {"kept"}
    assert main(["ls", "--shared", bucket.url, "--tool", "align*"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_looking_changes_nothing(bucket: Bucket, capsys: Captured) -> None:
    before = bucket.files()
    bucket.path(entry_of(1)).write_bytes(b"damaged")
    assert len(answer(capsys, "ls", "--shared", bucket.url)["entries"]) == 2
    answer(capsys, "stats", "--shared", bucket.url)
    assert main(["show", "--shared", bucket.url, entry_of(3).key.hex]) == 0
    assert bucket.files() == before


def test_an_entry_is_shown_with_who_signed_it(bucket: Bucket, capsys: Captured) -> None:
    for number, signer in ((1, MINE.public), (2, THEIRS.public), (3, "")):
        told = answer(capsys, "show", entry_of(number).key.hex[:12], "--shared", bucket.url)
        assert (told["variants"][0]["output"], told["signer"]) == ({"out": number}, signer)
    assert main(["show", entry_of(3).key.hex[:12], "--shared", bucket.url]) == 0
    assert "signed     by nobody\n" in capsys.readouterr().out


def test_a_log_is_printed_inline_or_not(bucket: Bucket, capfdbinary: Any) -> None:
    assert main(["show", entry_of(1).key.hex, "--shared", bucket.url, "--log", "stdout"]) == 0
    assert capfdbinary.readouterr().out == b"one\n"
    assert main(["show", entry_of(3).key.hex, "--shared", bucket.url, "--log", "stdout"]) == 0
    assert len(capfdbinary.readouterr().out) == 50_000


def test_a_shared_store_is_counted(bucket: Bucket, capsys: Captured) -> None:
    (bucket.root / "notes.txt").write_text("mine")
    told = answer(capsys, "stats", "--shared", bucket.url)
    assert told["store"] == bucket.url
    counts = ("entries", "blobs", "blob_bytes", "tombstones", "quarantined", "others")
    assert [told[name] for name in counts] == [3, 1, 50_000, 0, 0, 1]
    assert main(["stats", "--shared", bucket.url]) == 0
    assert "1 objects, 50.0 kB\n" in capsys.readouterr().out


# verify


def test_a_sound_shared_store_is_told_so(bucket: Bucket, capsys: Captured) -> None:
    told = answer(capsys, "verify", "--shared", bucket.url)
    assert (told["sound"], told["entries"], told["blobs"]) == (True, 3, 1)


def test_damage_of_a_shared_store_is_an_exit_code(bucket: Bucket, capsys: Captured) -> None:
    path = bucket.path(entry_of(2))
    path.write_bytes(path.read_bytes()[:-1])
    assert main(["verify", "--shared", bucket.url]) == ExitCode.NOT_SO.status
    assert "damaged entry  entries/" in capsys.readouterr().out
    assert not path.exists()
    assert main(["verify", "--shared", bucket.url]) == 0


# invalidate


def test_what_is_taken_back_is_dead_for_all(bucket: Bucket, capsys: Captured) -> None:
    words = ["invalidate", "--shared", bucket.url, "--tool", "align*", "--reason", "wrong genome"]
    assert "nobody is here to ask" in complaint(capsys, *words, code=ExitCode.USAGE)
    assert len(answer(capsys, *words, "--dry-run")["invalidated"]) == 1
    assert answer(capsys, "stats", "--shared", bucket.url)["tombstones"] == 0
    assert main([*words, "--yes"]) == 0
    capsys.readouterr()
    told = answer(capsys, "show", entry_of(2).key.hex, "--shared", bucket.url)
    assert (told["state"], told["invalidated"]["reason"]) == ("invalidated", "wrong genome")
    store = open_shared(bucket.url)
    try:
        assert store.find(entry_of(2).key) is None
        assert store.find(entry_of(1).key) is not None
    finally:
        store.close()
    assert answer(capsys, *words, "--yes")["before"] == 1


def test_all_that_a_stolen_key_signed_is_taken_back(bucket: Bucket, capsys: Captured) -> None:
    words = ["invalidate", "--shared", bucket.url, "--reason", "stolen key", "--yes"]
    told = answer(capsys, *words, "--signed-by", THEIRS.public)
    assert [entry["job"] for entry in told["invalidated"]] == ["job_2"]


def test_entries_of_a_local_store_have_no_signer(filled: Shelf, capsys: Captured) -> None:
    words = ("invalidate", "--reason", "x", "--yes", "--signed-by", MINE.public)
    assert "shared store" in complaint(capsys, *words, code=ExitCode.USAGE)


# gc


def test_a_shared_store_is_emptied_by_its_own_limits(bucket: Bucket, capsys: Captured) -> None:
    assert main(["shared", "set", bucket.url, "--max-age", "10d"]) == 0
    capsys.readouterr()
    bucket.age(20 * DAY)
    young = bucket.publish(entry_of(4))
    dry = answer(capsys, "gc", "--shared", bucket.url, "--dry-run")
    told = answer(capsys, "gc", "--shared", bucket.url)
    assert dry == {**told, "dry_run": True}
    assert (len(told["evicted"]), told["blobs_removed"], told["max_age"]) == (3, 1, 10 * DAY)
    assert {each["why"] for each in told["evicted"]} == {"age"}
    assert bucket.path(young).exists()
    assert not bucket.path(entry_of(1)).exists()
    assert not (bucket.root / "blobs").exists() or not any((bucket.root / "blobs").rglob("*.*"))


def test_the_limits_of_this_machine_mean_nothing_to_a_shared_store(
    bucket: Bucket, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CWL_MEMO_MAX_SIZE", "0")
    monkeypatch.setenv("CWL_MEMO_MAX_AGE", "1s")
    bucket.age(20 * DAY)
    told = answer(capsys, "gc", "--shared", bucket.url)
    assert (told["max_size"], told["max_age"], told["evicted"]) == (None, None, [])


def test_limits_of_the_command_line_win(bucket: Bucket, capsys: Captured) -> None:
    main(["shared", "set", bucket.url, "--max-age", "1d"])
    bucket.age(20 * DAY)
    capsys.readouterr()
    assert main(["gc", "--shared", bucket.url, "--max-age", "30d"]) == 0
    assert "0 entries evicted" in capsys.readouterr().out
    assert main(["gc", "--shared", bucket.url, "--max-size", "0"]) == 0
    told = capsys.readouterr()
    assert "3 entries evicted" in told.out
    assert "1 objects of blobs removed, 50.0 kB\n0 bytes stay\n" in told.out
    assert told.err == ""


def test_it_is_told_what_stays_above_the_limit(bucket: Bucket, capsys: Captured) -> None:
    assert main(["gc", "--shared", bucket.url, "--max-size", "0"]) == 0
    assert "not an hour old" in capsys.readouterr().err


# settings


def test_settings_are_set_and_shown(bucket: Bucket, capsys: Captured) -> None:
    told = answer(capsys, "shared", "set", bucket.url, "--max-size", "2TB", "--max-age", "180d")
    assert told["retention"] == {"max_size": 2 * 10**12, "max_age": 180 * DAY}
    assert told == answer(capsys, "shared", "show", bucket.url)
    assert answer(capsys, "shared", "set", bucket.url, "--max-age", "none")["retention"] == {
        "max_size": 2 * 10**12
    }
    assert main(["shared", "show", bucket.url]) == 0
    assert capsys.readouterr().out == (
        "max size     2.0 TB\nmax age      no limit\nsigned       by nobody\n"
    )


def test_trusted_keys_are_signed_or_not_listed(bucket: Bucket, capsys: Captured) -> None:
    lead = answer(capsys, "key", "new", "lead")["public"]
    words = ("shared", "set", bucket.url, "--trust", MINE.public)
    assert "--sign-with" in complaint(capsys, *words, code=ExitCode.USAGE)
    told = answer(capsys, *words, "--sign-with", "lead")
    assert (told["trusted_keys"], told["signed_by"]) == ([MINE.public], lead)
    # A limit alone cannot be changed by who cannot sign: trust would be gone.
    assert "--sign-with" in complaint(
        capsys, "shared", "set", bucket.url, "--max-age", "1d", code=ExitCode.USAGE
    )
    words = ("shared", "set", bucket.url, "--distrust", MINE.public)
    assert answer(capsys, *words)["trusted_keys"] == []


def test_keys_that_nobody_signed_are_not_signed_along(bucket: Bucket, capsys: Captured) -> None:
    lead = answer(capsys, "key", "new", "lead")["public"]
    answer(capsys, "shared", "set", bucket.url, "--trust", MINE.public, "--sign-with", "lead")
    path = bucket.root / "settings.json"
    # Somebody who may write to the store puts a key of their own there.
    path.write_text(path.read_text().replace(MINE.public, THEIRS.public))
    limit = ("shared", "set", bucket.url, "--max-age", "1d", "--sign-with", "lead")
    said = complaint(capsys, *limit, code=ExitCode.USAGE)
    assert THEIRS.public in said
    assert THEIRS.public in path.read_text()
    told = answer(capsys, *limit, "--distrust", THEIRS.public, "--trust", MINE.public)
    assert (told["trusted_keys"], told["signed_by"]) == ([MINE.public], lead)
    assert answer(capsys, *limit)["trusted_keys"] == [MINE.public]


def test_keys_of_another_store_are_not_signed_along(bucket: Bucket, capsys: Captured) -> None:
    answer(capsys, "key", "new", "lead")
    answer(capsys, "shared", "set", bucket.url, "--trust", THEIRS.public, "--sign-with", "lead")
    other = bucket.root.parent / "other"
    shutil.copytree(bucket.root, other)
    words = ("shared", "set", other.as_uri(), "--max-age", "1d", "--sign-with", "lead")
    assert THEIRS.public in complaint(capsys, *words, code=ExitCode.USAGE)


def test_settings_that_were_changed_since_are_told_so(bucket: Bucket, capsys: Captured) -> None:
    answer(capsys, "key", "new", "lead")
    answer(capsys, "shared", "set", bucket.url, "--trust", MINE.public, "--sign-with", "lead")
    path = bucket.root / "settings.json"
    path.write_text(path.read_text().replace(MINE.public, THEIRS.public))
    assert answer(capsys, "shared", "show", bucket.url)["signed_by"] is None
    assert main(["shared", "show", bucket.url]) == 0
    assert "do not count" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ("set", "URL"),
        ("set", "URL", "--max-size", "big"),
        ("set", "URL", "--max-age", "old"),
        ("set", "URL", "--trust", "me", "--sign-with", "lead"),
        ("set", "URL", "--max-age", "1d", "--sign-with", "nobody"),
        ("set", "URL", "--distrust", MINE.public),
        ("set",),
        (),
    ],
    ids=str,
)
def test_settings_that_make_no_sense_are_a_usage_error(
    bucket: Bucket, capsys: Captured, words: tuple[str, ...]
) -> None:
    main(["key", "new", "lead"])
    words = tuple(bucket.url if word == "URL" else word for word in words)
    assert main(["shared", *words]) == ExitCode.USAGE.status
    assert not (bucket.root / "settings.json").exists()


# what is none


@pytest.mark.parametrize("verb", ["ls", "stats", "verify", "gc"])
def test_a_shared_store_that_is_not_there_is_none(home: Path, capsys: Captured, verb: str) -> None:
    (home / "empty").mkdir()
    for name in ("empty", "nowhere"):
        url = (home / name).as_uri()
        assert "there is no shared store" in complaint(
            capsys, verb, "--shared", url, code=ExitCode.STORE
        )
    assert sorted(path.name for path in (home / "empty").iterdir()) == []


@pytest.mark.parametrize("verb", ["ls", "stats", "verify", "gc"])
@pytest.mark.parametrize("other", ["--store", "--cache"])
def test_two_stores_cannot_be_meant(
    bucket: Bucket, capsys: Captured, verb: str, other: str
) -> None:
    words = (verb, "--shared", bucket.url, other, "x")
    assert "give one" in complaint(capsys, *words, code=ExitCode.USAGE)


def test_what_is_no_url_is_a_usage_error(home: Path, capsys: Captured) -> None:
    assert "not the URL" in complaint(capsys, "ls", "--shared", "lab", code=ExitCode.USAGE)


def test_a_store_of_a_newer_format_is_left_alone(bucket: Bucket, capsys: Captured) -> None:
    (bucket.root / "cwl-memo.json").write_text('{"format": 99}')
    bucket.age(100 * DAY)
    before = bucket.files()
    for verb in ("ls", "verify", "gc"):
        complaint(capsys, verb, "--shared", bucket.url, code=ExitCode.STORE)
    assert bucket.files() == before


def test_local_verbs_are_as_they_were(filled: Shelf, capsys: Captured) -> None:
    assert len(answer(capsys, "ls")["entries"]) == 4
    assert answer(capsys, "verify")["untrusted"] == 0
    assert answer(capsys, "show", answer(capsys, "ls")["entries"][0]["key"])["signer"] is None
