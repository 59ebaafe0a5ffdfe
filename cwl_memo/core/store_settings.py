"""The settings that a shared store keeps for all who use it, parsed as hostile input.

Whoever may write to the store may write them. So they choose only what whoever writes there
can do in any case, that is remove what is there; but for the list of trusted keys, which
counts only where somebody signed the settings whom the reader trusts already.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from cwl_memo.core.canonical import JSON
from cwl_memo.core.digest import Digest, digest_of_value
from cwl_memo.core.field import need
from cwl_memo.core.project import StoreProject, check_project_name
from cwl_memo.core.signature import Signature, SigningKey, TrustPolicy, check_public_key
from cwl_memo.errors import FormatError, UsageError

__all__ = ["STORE_SETTINGS_FORMAT", "StoreSettings"]

STORE_SETTINGS_FORMAT: Final = 1
"""The format of the settings; those of another format are not read."""

_MOST_KEYS: Final = 1000
_MOST_PROJECTS: Final = 1000


@dataclass(frozen=True)
class StoreSettings:
    """What holds of a shared store, whoever uses it.

    :param location: the URL of the store for which they were written.
    :param serial: grows with each change.
    :param max_size: bytes that upkeep leaves to the store; None where nobody said.
    :param max_age: seconds since its last use after which upkeep takes an entry; None where
        nobody said.
    :param projects: shared projects, by name, each once.
    :param trusted_keys: public keys whose entries those accept who trust the signer.
    :param signature: of all of it, if somebody signed it.
    """

    location: str
    serial: int = 0
    max_size: int | None = None
    max_age: float | None = None
    projects: tuple[StoreProject, ...] = ()
    trusted_keys: tuple[str, ...] = ()
    signature: Signature | None = None

    def digest(self) -> Digest:
        """Return the digest of all but the signature, by which they are signed."""
        return digest_of_value("store-settings", self._unsigned())

    def signed(self, key: SigningKey) -> StoreSettings:
        """Return the same settings with the signature of a key."""
        return replace(self, signature=key.sign(self.digest()))

    def changed(self, **changes: Any) -> StoreSettings:
        """Return the settings with changes: the next of them, which nobody has signed yet."""
        return replace(self, serial=self.serial + 1, signature=None, **changes)

    def with_keys(self, added: Iterable[str], removed: Iterable[str]) -> tuple[str, ...]:
        """Return the trusted keys with others.

        :raises UsageError: if one that is added is no public key, or one to go is not there.
        """
        for key in added:
            check_public_key(key)
        missing = [key for key in removed if key not in self.trusted_keys]
        if missing:
            raise UsageError(f"the store does not list the key {missing[0]!r}")
        kept = (key for key in (*self.trusted_keys, *added) if key not in set(removed))
        return tuple(dict.fromkeys(kept))

    def extend(self, trust: TrustPolicy, location: str) -> TrustPolicy:
        """Return whom a user trusts who trusts some keys already.

        The listed keys count where one of the user's own signed the settings, for the store
        that they are read from.
        """
        signer = trust.accepts(self.digest(), self.signature)
        if not signer or self.location != location:
            return trust
        return TrustPolicy(trust.keys | frozenset(self.trusted_keys))

    def _unsigned(self) -> dict[str, JSON]:
        retention: dict[str, JSON] = {}
        if self.max_size is not None:
            retention["max_size"] = self.max_size
        if self.max_age is not None:
            retention["max_age"] = self.max_age
        return {
            "format": STORE_SETTINGS_FORMAT,
            "location": self.location,
            "serial": self.serial,
            "retention": retention,
            "projects": [project.to_json() for project in self.projects],
            "trusted_keys": list(self.trusted_keys),
        }

    def to_json(self) -> dict[str, JSON]:
        """Return the settings as JSON."""
        signature = {} if self.signature is None else {"signature": self.signature.to_json()}
        return {**self._unsigned(), **signature}

    @classmethod
    def from_json(cls, data: Any) -> StoreSettings:
        """Read settings.

        :raises FormatError: if any part is malformed or of another format.
        """
        if need(data, "format", int, "") != STORE_SETTINGS_FORMAT:
            raise FormatError("settings of another format", "format")
        retention = need(data, "retention", dict, "")
        signature = data.get("signature")
        return cls(
            location=need(data, "location", str, ""),
            serial=_whole(data, "serial", ""),
            max_size=_whole(retention, "max_size", "retention")
            if "max_size" in retention
            else None,
            max_age=_age(retention),
            projects=_projects(need(data, "projects", list, "")),
            trusted_keys=_keys(need(data, "trusted_keys", list, "")),
            signature=None if signature is None else Signature.from_json(signature),
        )


def _whole(data: Any, name: str, path: str) -> int:
    value: int = need(data, name, int, path)
    if not 0 <= value < 2**63:
        raise FormatError("out of range", f"{path}.{name}" if path else name)
    return value


def _age(retention: dict[str, Any]) -> float | None:
    if "max_age" not in retention:
        return None
    value = need(retention, "max_age", (int, float), "retention")
    # Also no NaN, and nothing that is too large for a float.
    if not 0 <= value < 2**63:
        raise FormatError("out of range", "retention.max_age")
    return float(value)


def _projects(data: list[Any]) -> tuple[StoreProject, ...]:
    if len(data) > _MOST_PROJECTS:
        raise FormatError("too many", "projects")
    found: dict[str, StoreProject] = {}
    for i, each in enumerate(data):
        path = f"projects[{i}]"
        try:
            name = check_project_name(need(each, "name", str, path))
        except UsageError as error:
            raise FormatError(str(error), f"{path}.name") from None
        if name in found:
            raise FormatError("a project stands twice", f"{path}.name")
        found[name] = StoreProject.from_json(each, name)
    return tuple(found.values())


def _keys(data: list[Any]) -> tuple[str, ...]:
    if len(data) > _MOST_KEYS:
        raise FormatError("too many", "trusted_keys")
    for i, key in enumerate(data):
        path = f"trusted_keys[{i}]"
        if not isinstance(key, str):
            raise FormatError("not a public key", path)
        try:
            check_public_key(key)
        except UsageError as error:
            raise FormatError(str(error), path) from None
    return tuple(dict.fromkeys(data))
