"""Somebody who may write to a shared store, has no key, and means harm."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cwl_memo.core.digest import digest_of_bytes

__all__ = ["Envelope", "Forger"]

JSON = Any


class Envelope:
    """The envelope of an entry, opened to be changed.

    :param head: its JSON.
    :param bodies: the bytes of the inline blobs, by digest.
    """

    def __init__(self, data: bytes) -> None:
        first, _, body = data.partition(b"\n")
        self.head: JSON = json.loads(first)
        self.bodies: dict[str, bytes] = {}
        for blob in self.head["blobs"]:
            if blob["at"] == "inline":
                self.bodies[blob["digest"]] = body[: blob["size"]]
                body = body[blob["size"] :]

    @property
    def entry(self) -> JSON:
        return self.head["entry"]

    @property
    def output(self) -> JSON:
        """The output object."""
        return self.entry["variants"][0]["output"]

    def to_bytes(self) -> bytes:
        inline = [blob["digest"] for blob in self.head["blobs"] if blob["at"] == "inline"]
        return json.dumps(self.head).encode() + b"\n" + b"".join(self.bodies[d] for d in inline)

    def put(self, digest: str, data: bytes) -> None:
        """Have other bytes in the place of a blob, wherever it is named, all digests right."""
        new = str(digest_of_bytes(data))
        self.head = json.loads(json.dumps(self.head).replace(digest, new))
        lists = [self.head["blobs"], self.entry["blobs"]]
        lists += [variant["blobs"] for variant in self.entry["variants"]]
        for blob in (blob for blobs in lists for blob in blobs if blob["digest"] == new):
            blob["size"] = len(data)
            if "stored" in blob:
                blob |= {"stored": len(data), "at": "inline"}
        for file in self.output.values():
            if file.get("memo", {}).get("digest") == new:
                file["size"] = file["memo"]["size"] = len(data)
                file["memo"]["sha1"] = hashlib.sha1(data).hexdigest()  # noqa: S324  (as CWL has it)
                file["checksum"] = f"sha1${file['memo']['sha1']}"
        self.bodies[new] = data

    def put_tree(self, change: Callable[[list[JSON]], object]) -> None:
        """Have another tree of the workspace."""
        tree = json.loads(self.bodies[self.entry["tree"]])
        change(tree["nodes"])
        self.put(self.entry["tree"], json.dumps(tree).encode())


class Forger:
    """Writes into a shared store in a directory.

    :param root: the directory.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def entries(self) -> list[Path]:
        return sorted(path for path in self.root.glob("entries/*/*"))

    def change(self, change: Callable[[Envelope], object]) -> None:
        """Change each entry."""
        for path in self.entries:
            envelope = Envelope(path.read_bytes())
            change(envelope)
            path.write_bytes(envelope.to_bytes())

    def overwrite(self, data: bytes, pattern: str = "entries/*/*") -> None:
        """Have other bytes in objects."""
        for path in self.root.glob(pattern):
            path.write_bytes(data)
