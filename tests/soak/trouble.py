"""What goes wrong meanwhile: objects are damaged, and the server is killed or hangs."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from tests.servers.s3 import S3Server, running_s3

__all__ = ["FolderPlace", "Place", "S3Place", "damage", "place_of", "trouble"]

_Change = Callable[[bytes, random.Random], bytes]


def _flip(content: bytes, chance: random.Random) -> bytes:
    if not content:
        return b"!"
    at = chance.randrange(len(content))
    return content[:at] + bytes([content[at] ^ 1 << chance.randrange(8)]) + content[at + 1 :]


_CHANGES: Final[Mapping[str, _Change]] = {
    "flipped": _flip,
    "cut": lambda content, chance: content[: chance.randrange(len(content) + 1)],
    "emptied": lambda *_: b"",
    "longer": lambda content, chance: content + chance.randbytes(20),
    "garbled": lambda content, chance: chance.randbytes(len(content)),
}


class Place(Protocol):
    """Where a shared store is, as one who can do anything to it sees it."""

    url: str
    environment: Mapping[str, str]

    def names(self) -> list[str]: ...
    def get(self, name: str) -> bytes: ...
    def put(self, name: str, content: bytes) -> None: ...
    def delete(self, name: str) -> None: ...
    def kill(self) -> None: ...
    def hang(self) -> None: ...
    def mend(self) -> None: ...


class FolderPlace:
    """A folder that all machines see."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "shared"
        self._aside = folder / "unmounted"
        self._folder.mkdir()
        self.url = self._folder.as_uri()
        self.environment: Mapping[str, str] = {}

    def names(self) -> list[str]:
        """Return the names of all objects."""
        files = (path for path in self._folder.rglob("*") if path.is_file())
        return sorted(path.relative_to(self._folder).as_posix() for path in files)

    def get(self, name: str) -> bytes:
        """Return what an object holds."""
        return (self._folder / name).read_bytes()

    def put(self, name: str, content: bytes) -> None:
        """Write over an object."""
        (self._folder / name).write_bytes(content)

    def delete(self, name: str) -> None:
        """Remove an object."""
        (self._folder / name).unlink()

    def kill(self) -> None:
        """Have the folder gone, as an unmounted file system."""
        if not self._aside.exists():
            self._folder.rename(self._aside)

    hang = kill

    def mend(self) -> None:
        """Have it back; what somebody wrote meanwhile into a new one is lost."""
        if self._aside.exists():
            if self._folder.exists():
                self._folder.rename(self._folder.with_name(f"lost-{id(object())}"))
            self._aside.rename(self._folder)


class S3Place:
    """A bucket of a real server."""

    def __init__(self, server: S3Server) -> None:
        self._server = server
        self._is_up = True
        self.url = server.url("soak")
        self.environment: Mapping[str, str] = server.environment()

    def _bucket(self) -> Any:
        from obstore.store import S3Store

        parts = urlsplit(self.url)
        return S3Store(
            parts.netloc,
            prefix=parts.path.strip("/"),
            endpoint=self.environment["AWS_ENDPOINT_URL"],
            access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
            region=self.environment["AWS_REGION"],
            client_options={"allow_http": True, "timeout": "5s"},
            retry_config={"max_retries": 0},
        )

    def names(self) -> list[str]:
        """Return the names of all objects."""
        return sorted(meta["path"] for page in self._bucket().list() for meta in page)

    def get(self, name: str) -> bytes:
        """Return what an object holds."""
        return bytes(self._bucket().get(name).bytes())

    def put(self, name: str, content: bytes) -> None:
        """Write over an object."""
        self._bucket().put(name, content)

    def delete(self, name: str) -> None:
        """Remove an object."""
        self._bucket().delete(name)

    def kill(self) -> None:
        """End the server as a loss of power would."""
        self._is_up = False
        self._server.kill()

    def hang(self) -> None:
        """Have the server answer nobody."""
        self._server.freeze()

    def mend(self) -> None:
        """Have the server up again."""
        self._server.thaw()
        if not self._is_up:
            self._server.start()
            self._is_up = True


@contextmanager
def place_of(kind: str, folder: Path) -> Iterator[Place]:
    """Have a place for a shared store.

    :param kind: ``s3`` or ``file``.
    """
    if kind == "file":
        yield FolderPlace(folder)
        return
    with running_s3() as server:
        yield S3Place(server)


_MARKER: Final = "cwl-memo.json"
"""What makes a store of it: whoever damages it, somebody has to put it back."""


def damage(place: Place, chance: random.Random, counts: Counter[str]) -> None:
    """Do something to one object."""
    names = [name for name in place.names() if name != _MARKER]
    if not names:
        return
    name = chance.choice(names)
    kind = chance.choice((*_CHANGES, "removed", "swapped"))
    if kind == "removed":
        place.delete(name)
    elif kind == "swapped":
        # What belongs to another name of its kind, sound in itself.
        alike = [other for other in names if other.split("/")[0] == name.split("/")[0]]
        place.put(name, place.get(chance.choice(alike)))
    else:
        place.put(name, _CHANGES[kind](place.get(name), chance))
    counts[f"objects {kind}"] += 1


def _outage(
    place: Place, chance: random.Random, ending: threading.Event, counts: Counter[str]
) -> None:
    """Have the whole store unusable for a while."""
    seconds = chance.uniform(1, 10)
    kind = chance.choice(("server killed", "server hung", "marker damaged"))
    counts[kind] += 1
    if kind == "marker damaged":
        content = place.get(_MARKER)
        place.put(_MARKER, b"{")
        ending.wait(seconds)
        place.put(_MARKER, content)
        return
    if kind == "server killed":
        place.kill()
    else:
        place.hang()
    ending.wait(seconds)
    place.mend()


def trouble(place: Place, ending: threading.Event, seed: int, counts: Counter[str]) -> None:
    """Damage objects, kill the server and bring it back, until told to end."""
    chance = random.Random(f"trouble {seed}")
    while not ending.wait(chance.uniform(0.5, 3)):
        try:
            if chance.random() < 0.06:
                _outage(place, chance, ending, counts)
            else:
                damage(place, chance, counts)
        except Exception:  # noqa: BLE001  (an object went meanwhile, or the server is slow)
            counts["damage that failed"] += 1
    place.mend()
