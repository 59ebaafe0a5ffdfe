"""What the user chose."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from cwl_memo.errors import UsageError

__all__ = [
    "DEFAULT_MAX_SIZE",
    "Directories",
    "HostTools",
    "ImageIdentity",
    "IntermediateFiles",
    "Link",
    "Mode",
    "Network",
    "Retention",
    "Settings",
    "SharedChoice",
    "SharedMode",
    "parse_age",
    "parse_rate",
    "parse_size",
    "parse_tag",
]

DEFAULT_MAX_SIZE: Final = 20 * 10**9
"""Bytes that a local store may hold before the least recently used entries go."""

_RATE: Final = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(%?)\s*")
_AGE: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([smhdw])\s*", re.IGNORECASE)

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}

_SIZE: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgtp]?)(i?)b?\s*", re.IGNORECASE)


class Mode(str, Enum):
    """What a run does with the store."""

    READWRITE = "readwrite"
    READONLY = "readonly"
    """Reuse, but record nothing."""
    RECACHE = "recache"
    """Execute although a hit exists, and record."""
    OFF = "off"


class SharedMode(str, Enum):
    """What a run does with the shared store behind its own."""

    READ_WRITE = "readwrite"
    READONLY = "readonly"
    """Take entries from it, bring none."""
    WRITEONLY = "writeonly"
    """Bring entries to it, take none."""


@dataclass(frozen=True)
class SharedChoice:
    """Which shared store a run uses, and how.

    :param url: where it is.
    :param mode: what the run does with it.
    :param timeout: seconds for the answer to one request.
    :param trusted_keys: public keys whose entries count; all entries count if there are none.
    :param sign_with: the name of the user's key that signs what goes up; empty for that of the
        environment, if there is one.
    :param leases: whether machines agree on who executes a job.
    :param is_named: whether the command line named it.
    """

    url: str
    mode: SharedMode = SharedMode.READ_WRITE
    timeout: float = 20.0
    trusted_keys: tuple[str, ...] = ()
    sign_with: str = ""
    leases: bool = True
    is_named: bool = False


class Directories(str, Enum):
    """What becomes of a job with a Directory in its inputs or outputs."""

    REFUSE = "refuse"
    CONTENT = "content"
    """Key a Directory by the whole tree below it."""


class ImageIdentity(str, Enum):
    """What stands for a container image in the key."""

    DIGEST = "digest"
    NAME = "name"


class HostTools(str, Enum):
    """What stands for an executable of the host in the key."""

    CONTENT = "content"
    NAME = "name"


class Network(str, Enum):
    """What becomes of a job that may use the network."""

    ALLOW = "allow"
    REFUSE = "refuse"


class Link(str, Enum):
    """How files leave the store."""

    COPY = "copy"
    """Reflink where the file system can, else copy: nothing can write through it."""
    HARDLINK = "hardlink"
    """Hard link what only jobs read; what the user will own is still copied."""


class Retention(str, Enum):
    """For how long the intermediate files of a job stay."""

    LIMITED = "LIMITED"
    UNLIMITED = "UNLIMITED"
    """Until their entry goes."""


@dataclass(frozen=True)
class IntermediateFiles:
    """For how long the files of a workspace that are no outputs are kept; a project's choice.

    :param retention: whether they have a clock of their own.
    :param duration_hours: whole hours from 1 to 120; None exactly where that is UNLIMITED.
    """

    retention: Retention = Retention.UNLIMITED
    duration_hours: int | None = None


@dataclass(frozen=True)
class Settings:
    """The choices that bear on reuse, with their defaults."""

    mode: Mode = Mode.READWRITE
    salt: str = ""
    directories: Directories = Directories.REFUSE
    image: ImageIdentity = ImageIdentity.DIGEST
    host_tools: HostTools = HostTools.CONTENT
    network: Network = Network.ALLOW
    link: Link = Link.COPY
    max_size: int = DEFAULT_MAX_SIZE
    max_age: float | None = None
    """Seconds since its last use after which an entry is evicted; None for never."""
    intermediate_files: IntermediateFiles = IntermediateFiles()
    """Of the project; what is recorded from now on is stamped with it."""
    recheck: float = 0.0
    """The part of the hits, 0 to 1, whose jobs are executed again to see whether they vary."""


def parse_rate(text: str) -> float:
    """Return the part of a whole meant by ``5%``, ``0.05`` or ``1``: 0 to 1.

    :raises UsageError: if the text is not one.
    """
    match = _RATE.fullmatch(text)
    rate = float(match[1]) / (100 if match[2] else 1) if match else -1.0
    if not 0 <= rate <= 1:
        raise UsageError(
            f"not a rate: {text!r}; write it as 5% or 0.05, from 0 (none) to 1 or 100% (all)"
        )
    return rate


def parse_size(text: str) -> int:
    """Return the bytes meant by a size such as ``500MB``, ``20 GB``, ``1.5GiB`` or ``4096``.

    :raises UsageError: if the text is not a size.
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        raise UsageError(f"not a size: {text!r}; write it as 500MB, 20GB or 1.5GiB")
    number, prefix, binary = match.groups()
    base = 1024 if binary else 1000
    power = " kmgtp".index(prefix.lower()) if prefix else 0
    return int(float(number) * base**power)


def parse_age(text: str) -> float:
    """Return the seconds meant by an age such as ``90d``, ``12h``, ``30m`` or ``2w``.

    :raises UsageError: if the text is not an age.
    """
    match = _AGE.fullmatch(text)
    if match is None:
        raise UsageError(f"not an age: {text!r}; write it as 90d, 12h, 30m, 45s or 2w")
    number, unit = match.groups()
    return float(number) * _SECONDS[unit.lower()]


def parse_tag(text: str) -> tuple[str, str]:
    """Return the name and the value of a tag such as ``project=wheat``.

    :raises UsageError: if the text is not a tag.
    """
    name, equals, value = (part.strip() for part in text.partition("="))
    if not name or not equals:
        raise UsageError(f"not a tag: {text!r}; write it as name=value")
    return name, value
