"""Fingerprints: the ordered, named, readable fields that decide a job's result."""

from __future__ import annotations

from dataclasses import dataclass

from cwl_memo.core.canonical import JSON
from cwl_memo.core.digest import Digest, ReuseKey, digest_of_value
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
    return Fingerprint(
        fields=fields,
        key=ReuseKey(digest_of_value("reuse-key", fields).hex),
        section=digest_of_value("outputs-section", facts.outputs),
    )
