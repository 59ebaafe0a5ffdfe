"""A full check of a shared store: every envelope, every signature, every blob."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cwl_memo.core.digest import ReuseKey
from cwl_memo.core.entry import BlobRef
from cwl_memo.core.signature import TrustPolicy, entry_digest
from cwl_memo.errors import FormatError, StoreDamagedError, StoreFullError, StoreUnreadableError
from cwl_memo.store.protocol import Progress, VerifyReport
from cwl_memo.store.shared.blobs import Blobs
from cwl_memo.store.shared.bucket import Bucket
from cwl_memo.store.shared.collect import QUARANTINE, needs_of
from cwl_memo.store.shared.envelope import ENVELOPE_LIMIT, SharedEntry, Stored
from cwl_memo.store.shared.layout import BLOBS, digest_of_name, entry_name
from cwl_memo.store.shared.ledger import Ledger, LedgerEntry, opened_ledger
from cwl_memo.store.shared.walk import (
    Condition,
    ahead,
    look_at,
    looks,
    read_tombstones,
)

__all__ = ["Verification", "signer_of"]

_SHOWN: Final = 1000
"""Names of each kind that are told; of more, only how many."""


def signer_of(shared: SharedEntry) -> str:
    """Return the public key that signed an entry, whoever trusts it; empty for none.

    :raises FormatError: if it bears a signature that is not one of it.
    """
    if shared.signature is None:
        return ""
    if not shared.signature.is_of(entry_digest(shared.entry)):
        raise FormatError("its signature is not one of it", "signature")
    return shared.signature.key


@dataclass
class Verification:
    """One check.

    :param bucket: the store.
    :param trust: whose signatures count; what others signed, or nobody, is counted.
    :param progress: told how many blobs were read, of how many.
    """

    bucket: Bucket
    trust: TrustPolicy
    progress: Progress | None = None
    _entries: int = 0
    _invalidated: int = 0
    _untrusted: int = 0
    _bad: list[str] = field(default_factory=list)

    def verify(self) -> VerifyReport:
        """Check everything; set damaged entries aside, and remove damaged blobs.

        :raises StoreError: if the place does not answer.
        """
        with opened_ledger() as ledger:
            for meta in self.bucket.list(BLOBS):
                digest = digest_of_name(meta.name)
                if digest is not None:
                    ledger.add_blob(digest, meta.size, meta.modified)
            self._read_entries(ledger)
            return self._read_blobs(ledger)

    def _read_entries(self, ledger: Ledger) -> None:
        tombstones = read_tombstones(self.bucket)
        for key, meta, look in looks(self.bucket):
            problem = look.problem
            if look.shared is not None:
                problem = self._problem(look.shared)
            if problem:
                self._set_aside(key, problem)
                continue
            if look.condition is Condition.NEWER:
                self._entries += 1
            if look.shared is None:
                continue
            self._entries += 1
            self._invalidated += tombstones.is_dead(look.shared.entry)
            line = LedgerEntry(key, meta.size, meta.modified, meta.tag, 0.0, "", None)
            ledger.add_entry(line, needs_of(look.shared))

    def _problem(self, shared: SharedEntry) -> str:
        """Return what is wrong with a signature; empty for nothing."""
        try:
            signer = signer_of(shared)
        except FormatError as error:
            return str(error)
        self._untrusted += bool(self.trust.keys) and signer not in self.trust.keys
        return ""

    def _set_aside(self, key: ReuseKey, problem: str) -> None:
        name = entry_name(key)
        self._bad.append(f"{name}: {problem}")
        # Once more: what came over the network damaged may be sound where it is.
        again = look_at(self.bucket, name, key)
        if again.condition is not Condition.DAMAGED and not (
            again.shared is not None and self._is_forged(again.shared)
        ):
            return
        try:
            data = self.bucket.get(name, ENVELOPE_LIMIT)
        except StoreUnreadableError:
            return
        except StoreDamagedError:
            data = None  # too large to be looked at by anybody
        if data is not None:
            self.bucket.put(f"{QUARANTINE}{name}", data)
        self.bucket.delete([name])

    def _is_forged(self, shared: SharedEntry) -> bool:
        try:
            signer_of(shared)
        except FormatError:
            return True
        return False

    def _read_blobs(self, ledger: Ledger) -> VerifyReport:
        bad, missing = [], []
        number = size = 0
        total = ledger.count_needed()
        blobs = Blobs(self.bucket)
        with tempfile.TemporaryDirectory(prefix="cwl-memo-verify-") as folder:

            def check(item: tuple[BlobRef, Stored, bool]) -> str:
                blob, stored, is_there = item
                if not is_there or not blobs.has(blob, stored):
                    return "missing"
                # One blob may be stored in two ways, and be looked at twice at once.
                target = Path(folder, f"{blob.digest.hex}-{stored.place.value}-{stored.size}")
                try:
                    blobs.fetch(blob, stored, target)
                except (StoreDamagedError, StoreFullError) as error:
                    return f"{blob.digest}: {error}"
                finally:
                    target.unlink(missing_ok=True)
                return ""

            for (blob, _, _), found in ahead(check, ledger.needed()):
                number += found != "missing"
                size += blob.size if not found else 0
                if found == "missing":
                    missing.append(str(blob.digest))
                elif found:
                    bad.append(found)
                if self.progress is not None:
                    self.progress(number + len(missing), total)
            orphans = ledger.count_orphans()
        return VerifyReport(
            entries=self._entries,
            blobs=number,
            blob_bytes=size,
            bad_entries=tuple(self._bad),
            bad_blobs=tuple(bad),
            missing_blobs=tuple(dict.fromkeys(missing)),
            orphan_blobs=orphans,
            invalidated=self._invalidated,
            untrusted=self._untrusted,
        )
