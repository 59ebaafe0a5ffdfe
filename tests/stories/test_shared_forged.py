"""What somebody with the right to write to a shared store can do to those who read it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.stories.forger import Envelope, Forger

JSON = Any

pytestmark = pytest.mark.slow

MOST_MEMORY = 700 << 20
"""Bytes that a run may take at most; a run in peace takes about 150 MiB."""

SMALL = "in\ndone\n"
BIG = "".join(f"{i}\n" for i in range(1, 60_001))


@dataclass(frozen=True)
class Ended:
    """A run that has come to its end.

    :param memory: bytes that it took at most.
    """

    code: int
    output: JSON
    log: str
    memory: int

    def texts(self) -> list[str]:
        return [Path(self.output[name]["path"]).read_text() for name in ("big", "out")]


class Home:
    """A folder with a tool, a shared store, and machines that run the one with the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shared = folder / "shared"
        self._runs = 0
        (folder / "in.txt").write_text("in\n")
        (folder / "job.json").write_text(json.dumps({"f": {"class": "File", "path": "in.txt"}}))
        tool = {
            "cwlVersion": "v1.2",
            "class": "CommandLineTool",
            "baseCommand": [
                "sh",
                "-c",
                f"echo ran >> {folder}/marks; seq 60000 > big; cat $0; echo done",
            ],
            "inputs": {"f": {"type": "File", "inputBinding": {"position": 1}}},
            "outputs": {
                "out": "stdout",
                "big": {"type": "File", "outputBinding": {"glob": "big"}},
            },
            "stdout": "out.txt",
        }
        (folder / "tool.cwl").write_text(json.dumps(tool))

    def ask(self, machine: str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "cwl_memo", *words],
            env=self._variables(machine),
            capture_output=True,
            text=True,
            check=True,
        )

    def run(self, machine: str, *options: str) -> Ended:
        """Run the tool on a machine."""
        self._runs += 1
        outdir = self.folder / machine / f"out{self._runs}"
        words = ["run", "--memo-store", str(self.folder / machine / "store"), "--no-container"]
        words += ["--memo-shared", self.shared.as_uri(), "--outdir", str(outdir), *options]
        variables = self._variables(machine)
        stdout, stderr = (self.folder / machine / name for name in ("stdout", "stderr"))
        with stdout.open("wb") as out, stderr.open("wb") as err:
            process = subprocess.Popen(
                [sys.executable, "-m", "cwl_memo", *words, "tool.cwl", "job.json"],
                cwd=self.folder,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
            # It tells of the memory of this child, and of no other.
            end = threading.Timer(150, process.kill)
            end.start()
            _, status, usage = os.wait4(process.pid, 0)
            end.cancel()
            process.returncode = os.waitstatus_to_exitcode(status)
        unit = 1 if sys.platform == "darwin" else 1024
        text = stdout.read_text()
        return Ended(
            process.returncode,
            json.loads(text) if text.startswith("{") else None,
            stderr.read_text(),
            usage.ru_maxrss * unit,
        )

    def _variables(self, machine: str) -> dict[str, str]:
        home = self.folder / machine
        (home / "tmp").mkdir(parents=True, exist_ok=True)
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "PYTHONWARNINGS": "ignore",
            "HOME": str(home),
            "TMPDIR": str(home / "tmp"),
        }

    @property
    def executed(self) -> int:
        return len((self.folder / "marks").read_text().splitlines())


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A shared store in which one job is recorded."""
    home = Home(tmp_path)
    first = home.run("anna")
    assert (first.code, home.executed) == (0, 1), first.log
    return home


@pytest.fixture
def forger(home: Home) -> Forger:
    forger = Forger(home.shared)
    assert len(forger.entries) == 1
    assert list(home.shared.glob("blobs/*/*.zst"))
    return forger


def assert_unharmed(home: Home, *, executed: int = 2) -> Ended:
    """A machine that finds what was forged is as right as without it."""
    ended = home.run("ben")
    assert ended.code == 0, ended.log
    assert ended.texts() == [BIG, SMALL], ended.log
    assert "Traceback" not in ended.log, ended.log
    assert home.executed == executed, ended.log
    assert ended.memory < MOST_MEMORY
    assert not list(home.folder.rglob("*evil*"))
    assert list((home.folder / "ben" / "tmp").iterdir()) == []
    assert list((home.folder / "ben" / "store" / "tmp").glob("*")) == []
    return ended


def node(path: str, kind: str = "file", **more: JSON) -> Callable[[list[JSON]], object]:
    """Return what adds a node to a tree that looks like its first file."""
    return lambda nodes: nodes.append({**nodes[0], "path": path, "kind": kind, **more})


def rename(path: str) -> Callable[[list[JSON]], object]:
    return lambda nodes: nodes[0].update(path=path)


LINK = {"digest": None, "size": None}


@pytest.mark.parametrize(
    "change",
    [
        node("../evil"),
        node("a/../../../evil"),
        node("../../../../../../../../tmp/evil-of-a-forger"),
        node("/tmp/evil-of-a-forger"),
        node("evil\0"),
        node("x/" * 5000 + "evil"),
        rename("../evil"),
        lambda nodes: nodes.append({"path": "evil", "kind": "link", "target": "/etc/passwd"}),
        lambda nodes: nodes.append({"path": "evil", "kind": "symlink", "target": "../../.."}),
        lambda nodes: nodes.extend({**nodes[0], "path": f"n{i}", "size": 1 << 60} for i in "abc"),
        lambda nodes: nodes.append(17),
        lambda nodes: nodes.clear(),
    ],
    ids=[
        "parent", "deep-parent", "far-parent", "absolute", "zero", "long", "renamed",
        "absolute-link", "parent-link", "huge", "no-node", "empty",
    ],
)  # fmt: skip
def test_tree_that_leads_out_of_the_workspace(
    home: Home, forger: Forger, change: Callable[[list[JSON]], object]
) -> None:
    forger.change(lambda envelope: envelope.put_tree(change))
    ended = home.run("ben")
    assert (ended.code, ended.texts()) == (0, [BIG, SMALL]), ended.log
    # The outputs are those of the tool; whether it was executed is no matter of harm.
    assert "Traceback" not in ended.log, ended.log
    assert not list(home.folder.rglob("*evil*"))
    assert not Path("/tmp/evil-of-a-forger").exists()


def output(**fields: JSON) -> Callable[[Envelope], object]:
    """Return what changes fields of an output file."""
    return lambda envelope: envelope.output["out"].update(fields)


def memo(**fields: JSON) -> Callable[[Envelope], object]:
    return lambda envelope: envelope.output["out"]["memo"].update(fields)


def without_memo(**fields: JSON) -> Callable[[Envelope], object]:
    def change(envelope: Envelope) -> None:
        envelope.output["out"] = {"class": "File", "basename": "out.txt", **fields}

    return change


def under_link(envelope: Envelope) -> None:
    """Have a directory with a link that leads out, and a file below the link."""
    link = {"path": "x", "kind": "symlink", "target": "../../../../../.."}
    memo = {"workspace": ".", "tree": {"nodes": [link]}}
    envelope.output["a"] = {"class": "Directory", "basename": "a", "memo": memo}
    envelope.output["out"]["memo"]["workspace"] = "x/evil"


def size(envelope: Envelope) -> None:
    big = envelope.output["big"]["memo"]["digest"]
    for blob in (*envelope.head["blobs"], *envelope.entry["blobs"]):
        if blob["digest"] == big:
            blob["size"] = 1 << 60


@pytest.mark.parametrize(
    "change",
    [
        memo(workspace="../../evil"),
        memo(workspace="/etc/passwd"),
        memo(size=1 << 60),
        output(basename="../../evil"),
        output(basename="/tmp/evil"),
        without_memo(location="file:///etc/passwd"),
        without_memo(path="/etc/passwd"),
        without_memo(contents="x", basename="../../evil"),
        under_link,
        lambda envelope: envelope.entry.update(stdout_name="../../evil"),
        lambda envelope: envelope.entry.update(stderr_name="/tmp/evil"),
        lambda envelope: envelope.entry.update(exit_code="rm"),
        lambda envelope: envelope.entry.update(key="0" * 64),
        lambda envelope: envelope.entry["fingerprint"].update(salt="x"),
        lambda envelope: envelope.entry.update(origin=None),
        lambda envelope: envelope.head.update(blobs=[]),
        lambda envelope: envelope.head.update(signature={"key": 5, "value": []}),
        lambda envelope: envelope.head["blobs"][0].update(at="elsewhere"),
        size,
    ],
    ids=[
        "workspace-parent", "workspace-absolute", "memo-size", "basename-parent",
        "basename-absolute", "location", "path", "literal", "under-link", "stdout-name",
        "stderr-name", "exit-code", "another-key", "another-fingerprint", "no-origin",
        "no-blobs", "signature", "unknown-place", "huge-blob",
    ],
)  # fmt: skip
def test_entry_that_is_none(
    home: Home, forger: Forger, change: Callable[[Envelope], object]
) -> None:
    forger.change(change)
    ended = home.run("ben")
    assert (ended.code, "Traceback" in ended.log) == (0, False), ended.log
    assert ended.texts() == [BIG, SMALL], ended.log
    assert ended.memory < MOST_MEMORY
    assert not list(home.folder.rglob("*evil*"))


def sparse(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.truncate(size)


@pytest.mark.parametrize(
    "head",
    [
        b'{"format":1,"entry":' + b"[" * 4_000_000,
        b'{"format":1,"entry":' + b'{"a":' * 4_000_000 + b"\n",
        b'{"format":1,"entry":' + b"[" * 100_000 + b"]" * 100_000 + b',"blobs":[]}\n',
        b"\xff\xfe\x00\n" * 1000,
        b'{"format": 1, "format": "\xc3\x28"}\n',
        b'{"format": ' + b"9" * 1_000_000 + b"}\n",
        b'{"format": 1e999}\n',
        b"null\n",
        b"",
    ],
    ids=[
        "deep", "deep-objects", "deep-closed", "bytes", "utf-8", "digits", "huge", "null", "empty",
    ],
)  # fmt: skip
def test_head_that_is_no_head(home: Home, forger: Forger, head: bytes) -> None:
    forger.overwrite(head)
    assert_unharmed(home)


@pytest.mark.parametrize(
    "change",
    [
        lambda envelope: envelope.entry["origin"].update(seconds=1e9999),
        lambda envelope: envelope.entry["origin"].update(seconds=10**300),
        lambda envelope: envelope.output.update(out=["a", "b"]),
        lambda envelope: envelope.output.update(more="\ud800"),
        output(basename="x" * 300),
        output(basename="\ud800"),
        output(secondaryFiles=5),
        output(secondaryFiles=[{"class": "File", "basename": "x"}]),
        without_memo(),
        without_memo(contents=5),
    ],
    ids=range(10),
)
def test_entry_that_no_runner_could_deliver(
    home: Home, forger: Forger, change: Callable[[Envelope], object]
) -> None:
    forger.change(change)
    assert_unharmed(home)
    again = home.run("ben")  # nor does what was taken over harm a later run
    assert (again.code, again.texts()) == (0, [BIG, SMALL]), again.log


@pytest.mark.parametrize("name", ["entries/*/*", "blobs/*/*", "cwl-memo.json"])
def test_object_of_many_gibibytes(home: Home, forger: Forger, name: str) -> None:
    for path in home.shared.glob(name):
        sparse(path, 8 << 30)
    assert_unharmed(home)


def test_settings_that_are_hostile(home: Home, forger: Forger) -> None:
    settings = home.shared / "settings.json"
    for i, data in enumerate((b"[" * 4_000_000, b"\xff", b'{"format": 1, "trusted_keys": 5}')):
        settings.write_bytes(data)
        ended = home.run(f"ben{i}")
        assert (ended.code, ended.texts()) == (0, [BIG, SMALL]), ended.log
        assert "Traceback" not in ended.log, ended.log
    sparse(settings, 8 << 30)
    ended = home.run("carla")
    assert (ended.code, ended.texts()) == (0, [BIG, SMALL]), ended.log
    assert ended.memory < MOST_MEMORY


@pytest.mark.parametrize("window", [0, 27])
def test_blob_that_unpacks_to_gibibytes(home: Home, forger: Forger, window: int) -> None:
    zstandard = pytest.importorskip("zstandard")
    parameters = {"window_log": window, "enable_ldm": True} if window else {}
    made = zstandard.ZstdCompressionParameters.from_level(1, **parameters)
    packer = zstandard.ZstdCompressor(compression_params=made).compressobj()
    zeros = bytes(1 << 20)
    bomb = b"".join(packer.compress(zeros) for _ in range(2048)) + packer.flush()
    for path in home.shared.glob("blobs/*/*.zst"):
        path.write_bytes(bomb)
    assert_unharmed(home)


@pytest.mark.parametrize("kind", ["entries/*/*", "blobs/*/*", "cwl-memo.json"])
def test_pipe_that_nobody_writes_to(home: Home, forger: Forger, kind: str) -> None:
    for path in list(home.shared.glob(kind)):
        path.unlink()
        os.mkfifo(path)
    assert_unharmed(home)


def test_link_to_what_never_ends(home: Home, forger: Forger) -> None:
    for path in forger.entries:
        path.unlink()
        path.symlink_to("/dev/zero")
    assert_unharmed(home)


def test_flood_of_tombstones(home: Home, forger: Forger) -> None:
    folder = home.shared / "tombstones"
    folder.mkdir()
    for i in range(100_000):
        os.close(os.open(folder / f"{i:064x}.{i:064x}", os.O_CREAT | os.O_WRONLY))
    assert_unharmed(home, executed=1)


def test_tombstone_that_is_none(home: Home, forger: Forger) -> None:
    folder = home.shared / "tombstones"
    folder.mkdir()
    (key,) = (path.name for path in forger.entries)
    (folder / f"{key}.{'0' * 64}").write_bytes(b"[" * 4_000_000)
    (folder / f"{key}.{'1' * 64}").write_bytes(b"\xff")
    assert_unharmed(home)


# What no check of form can see ------------------------------------------------------------


def lie(envelope: Envelope) -> None:
    """Say that a job gave something else."""
    envelope.put(envelope.output["out"]["memo"]["digest"], b"forged\n")
    # Its tree names it, and so is another.
    envelope.put(
        envelope.entry["tree"],
        json.dumps({"nodes": []}).encode(),
    )


def consistent_lie(envelope: Envelope) -> None:
    """Say that a job gave something else, in every place where that stands."""
    old = envelope.output["out"]["memo"]["digest"]
    tree = envelope.bodies[envelope.entry["tree"]].decode()
    envelope.put(old, b"forged\n")
    new = envelope.output["out"]["memo"]["digest"]
    nodes = json.loads(tree.replace(old, new))
    for one in nodes["nodes"]:
        if one.get("digest") == new:
            one["size"] = len(b"forged\n")
    envelope.put(envelope.entry["tree"], json.dumps(nodes).encode())


def test_entry_that_contradicts_itself_is_not_used(home: Home, forger: Forger) -> None:
    forger.change(lie)
    ended = home.run("ben")
    assert (ended.code, "Traceback" in ended.log) == (0, False), ended.log


def test_lie_of_an_unsigned_store_is_believed(home: Home, forger: Forger) -> None:
    """Nobody can tell it from the truth: that is what signatures are for."""
    forger.change(consistent_lie)
    ended = home.run("ben")
    assert (ended.texts()[1], home.executed) == ("forged\n", 1), ended.log


def test_lie_is_not_believed_by_who_trusts_keys_only(home: Home, forger: Forger) -> None:
    key = home.ask("anna", "key", "new", "mine").stdout.split()[-1]
    home.run("anna", "--memo-sign-with", "mine", "--memo-mode", "recache")
    before = home.executed
    trusting = ("--memo-trusted-keys", key)
    # The truth is.
    ended = home.run("carla", *trusting)
    assert (ended.texts(), home.executed) == ([BIG, SMALL], before), ended.log
    # Under the old signature, and under one of the forger's own.
    forger.change(consistent_lie)
    ended = home.run("ben", *trusting, "--memo-shared-mode", "readonly")
    assert (ended.code, ended.texts(), home.executed) == (0, [BIG, SMALL], before + 1), ended.log
    forger.change(lambda envelope: envelope.head.pop("signature"))
    ended = home.run("dora", *trusting)
    assert (ended.code, ended.texts(), home.executed) == (0, [BIG, SMALL], before + 2), ended.log


OBEYED = "\x1b]0;evil\x07\n\u202e"


def of_evil_run(envelope: Envelope) -> None:
    envelope.entry["origin"]["run"] = OBEYED


def of_evil_name(envelope: Envelope) -> None:
    envelope.output[OBEYED] = {"class": "File"}


def of_evil_place(envelope: Envelope) -> None:
    envelope.output[OBEYED] = {**envelope.output["out"], "basename": f"../{OBEYED}"}


@pytest.mark.parametrize("change", [of_evil_run, of_evil_name, of_evil_place])
def test_terminal_obeys_nothing_of_an_entry(
    home: Home, forger: Forger, change: Callable[[Envelope], object]
) -> None:
    forger.change(change)
    ended = home.run("ben")
    assert (ended.code, ended.texts()) == (0, [BIG, SMALL]), ended.log
    lines = [line for line in ended.log.splitlines() if "evil" in line]
    assert lines
    assert not any(letter in ended.log for letter in "\x07\u202e"), lines
    assert not any("\x1b]" in line for line in lines)
