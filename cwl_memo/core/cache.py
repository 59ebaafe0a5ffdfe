"""Run caches: named stores, and for which runs they keep entries.

After the run caches of AWS HealthOmics: a run names one, and its behaviour says whether the
entries of a run that ends well are kept. What is read from a registry is parsed as hostile.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Final, TypeVar

from cwl_memo.core.canonical import JSON
from cwl_memo.errors import FormatError, UsageError

__all__ = [
    "CACHE_FORMAT",
    "CacheBehavior",
    "CacheStatus",
    "RunCache",
    "check_description",
    "check_name",
    "check_tags",
    "is_cache_id",
    "parse_behavior",
]

CACHE_FORMAT: Final = 1
"""The format of a registered cache; one of another format is left alone."""

_ID: Final = re.compile(r"[0-9]{7,18}")
_NAME_LIMIT: Final = 128
_DESCRIPTION_LIMIT: Final = 256
_TAGS_LIMIT: Final = 50
_TAG_LIMIT: Final = 128
_VALUE_LIMIT: Final = 256
_PATH_LIMIT: Final = 4096

_E = TypeVar("_E", bound=Enum)


class CacheBehavior(str, Enum):
    """For which runs a cache keeps the entries that they made."""

    CACHE_ON_FAILURE = "CACHE_ON_FAILURE"
    """For runs that do not end well: what a run that ends well has made is taken back."""
    CACHE_ALWAYS = "CACHE_ALWAYS"


class CacheStatus(str, Enum):
    """What a cache is good for."""

    ACTIVE = "ACTIVE"
    DELETED = "DELETED"
    """No run may use it any more; its data may still be there."""
    FAILED = "FAILED"
    """Its location cannot be used."""


@dataclass(frozen=True)
class RunCache:
    """A named store.

    :param id: seven digits or more; never given to another cache.
    :param name: unique among the caches that are not deleted.
    :param location: the directory of its store, absolute.
    :param behavior: for which runs it keeps entries, where a run says nothing else.
    :param description: for people.
    :param tags: values by key, for people and programs.
    :param status: what it is good for.
    :param status_message: why it is ``FAILED``; empty otherwise.
    :param created: ISO 8601.
    :param updated: when it was changed last, ISO 8601.
    """

    id: str
    name: str
    location: str
    behavior: CacheBehavior = CacheBehavior.CACHE_ON_FAILURE
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    status: CacheStatus = CacheStatus.ACTIVE
    status_message: str = ""
    created: str = ""
    updated: str = ""

    @property
    def is_deleted(self) -> bool:
        """Whether it was deleted."""
        return self.status is CacheStatus.DELETED

    def failed(self, why: str) -> RunCache:
        """Return the cache as one whose location cannot be used."""
        return replace(self, status=CacheStatus.FAILED, status_message=why)

    def to_json(self) -> JSON:
        """Return the cache as JSON, each field present."""
        return {
            "id": self.id,
            "name": self.name,
            "location": self.location,
            "behavior": self.behavior.value,
            "description": self.description,
            "tags": dict(sorted(self.tags.items())),
            "status": self.status.value,
            "status_message": self.status_message,
            "created": self.created,
            "updated": self.updated,
        }

    @classmethod
    def from_json(cls, data: Any) -> RunCache:
        """Read a registered cache.

        :raises FormatError: if it is malformed.
        """
        cache_id, location = _text(data, "id"), _text(data, "location")
        if not is_cache_id(cache_id):
            raise FormatError("not the id of a cache", "id")
        if not location.startswith("/") or "\0" in location or len(location) > _PATH_LIMIT:
            raise FormatError("not an absolute path", "location")
        tags = data.get("tags")
        if not isinstance(tags, dict) or not all(isinstance(v, str) for v in tags.values()):
            raise FormatError("not texts by key", "tags")
        try:
            return cls(
                cache_id,
                check_name(_text(data, "name")),
                location,
                _member(data, "behavior", CacheBehavior),
                check_description(_text(data, "description")),
                check_tags(tags),
                _member(data, "status", CacheStatus),
                created=_text(data, "created"),
                updated=_text(data, "updated"),
            )
        except UsageError as error:
            raise FormatError(str(error)) from None


def is_cache_id(text: str) -> bool:
    """Tell whether a text has the form of a cache's id."""
    return _ID.fullmatch(text) is not None


def check_name(name: str) -> str:
    """Return a name as it is kept: composed as Unicode's NFC.

    :raises UsageError: if no cache can have it.
    """
    name = unicodedata.normalize("NFC", name)
    if not 1 <= len(name) <= _NAME_LIMIT or not _is_printable(name) or name != name.strip():
        raise UsageError(
            f"{name[:_NAME_LIMIT]!r} cannot be the name of a cache: give 1 to {_NAME_LIMIT} "
            "printable characters, without spaces around them"
        )
    if name.startswith("-") or is_cache_id(name):
        raise UsageError(
            f"{name!r} cannot be the name of a cache: it would be taken for "
            + ("an id" if is_cache_id(name) else "an option")
        )
    return name


def check_description(text: str) -> str:
    """Return a description.

    :raises UsageError: if it is too long, or not printable.
    """
    if len(text) > _DESCRIPTION_LIMIT or not _is_printable(text):
        raise UsageError(
            f"the description of a cache has at most {_DESCRIPTION_LIMIT} characters, all printable"
        )
    return text


def check_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of a cache.

    :raises UsageError: if there are too many, or one is too long or not printable.
    """
    if len(tags) > _TAGS_LIMIT:
        raise UsageError(f"a cache has at most {_TAGS_LIMIT} tags")
    for key, value in tags.items():
        if not 1 <= len(key) <= _TAG_LIMIT or len(value) > _VALUE_LIMIT:
            raise UsageError(
                f"tag {key[:_TAG_LIMIT]!r}: the key of a tag has 1 to {_TAG_LIMIT} characters, "
                f"its value at most {_VALUE_LIMIT}"
            )
        if not _is_printable(key + value) or "=" in key:
            raise UsageError(f"tag {key!r}: a key has no '=', and key and value are printable")
    return dict(tags)


def parse_behavior(text: str, origin: str) -> CacheBehavior:
    """Return a behaviour by its name.

    :param origin: the option or variable that named it, for the message.
    :raises UsageError: if there is no such behaviour.
    """
    try:
        return CacheBehavior(text)
    except ValueError:
        choices = ", ".join(behavior.value for behavior in CacheBehavior)
        raise UsageError(f"{origin}: {text!r} is none of {choices}") from None


def _is_printable(text: str) -> bool:
    # Letters, marks, numbers, punctuation, symbols and spaces, as HealthOmics has it, but no
    # separators of lines: a listing has a line for each cache.
    return all(
        unicodedata.category(letter)[0] in "LMNPS" or unicodedata.category(letter) == "Zs"
        for letter in text
    )


def _text(data: Any, name: str) -> str:
    value = data.get(name) if isinstance(data, dict) else None
    if not isinstance(value, str):
        raise FormatError("missing or not a text", name)
    return value


def _member(data: Any, name: str, kind: type[_E]) -> _E:
    try:
        return kind(_text(data, name))
    except ValueError:
        raise FormatError(f"none of {', '.join(str(m.value) for m in kind)}", name) from None
