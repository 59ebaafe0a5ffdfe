"""Fingerprints: the ordered, named, readable fields that decide a job's result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cwl_memo.core.canonical import JSON, canonical_bytes, canonical_with
from cwl_memo.core.digest import Digest, ReuseKey, digest_of_canonical, digest_of_value
from cwl_memo.core.facts import JobFacts

__all__ = ["Fingerprint", "fingerprint"]


@dataclass(frozen=True)
class Fingerprint:
    """A job's fingerprint, its reuse key, and the digest of its outputs section.

    :param fields: the fields in their order, as JSON.
    :param key: the reuse key, the digest of their canonical bytes.
    :param section: digest of the outputs section, which is not part of the key.
    """

    fields: dict[str, JSON]
    key: ReuseKey
    section: Digest


def fingerprint(facts: JobFacts, salt: str = "") -> Fingerprint:
    """Return the fingerprint of a job.

    :param salt: the user's own text, to part or disown entries.
    """
    fields: dict[str, JSON] = {
        "tool": facts.tool,
        "cwl_version": facts.cwl_version,
        "requirements": facts.requirements,
        "inputs": facts.inputs,
        "image": facts.image,
        "host": facts.host,
        "runtime": facts.runtime,
        "environment": facts.environment,
        "options": facts.options,
        "salt": salt,
    }
    others = {name: value for name, value in fields.items() if name != "tool"}
    canonical = canonical_with(others, "tool", _tool.canonical(facts.tool))
    return Fingerprint(
        fields=fields,
        key=ReuseKey(digest_of_canonical("reuse-key", canonical).hex),
        section=_sections.digest(facts.outputs),
    )


class _Latest:
    """What was made of the latest value, for as long as the very same is asked for.

    The jobs of a scatter share the description of their tool, which nobody changes.
    """

    def __init__(self) -> None:
        self._canonical: tuple[JSON, bytes] | None = None
        self._digest: tuple[JSON, Digest] | None = None

    def canonical(self, value: JSON) -> bytes:
        """Return the canonical bytes of a value."""
        latest = self._canonical
        if latest is None or latest[0] is not value:
            self._canonical = latest = value, canonical_bytes(value)
        return latest[1]

    def digest(self, value: JSON) -> Digest:
        """Return the digest of an outputs section."""
        latest = self._digest
        if latest is None or latest[0] is not value:
            self._digest = latest = value, digest_of_value("outputs-section", value)
        return latest[1]


_tool: Final = _Latest()
_sections: Final = _Latest()
