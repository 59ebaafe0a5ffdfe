"""Trust: whose entries of a shared store count."""

from __future__ import annotations

from collections.abc import Callable

from cwl_memo.core.signature import TrustPolicy, entry_digest
from cwl_memo.errors import FormatError, StoreDamagedError
from cwl_memo.store.shared.bucket import Bucket
from cwl_memo.store.shared.envelope import SharedEntry
from cwl_memo.store.shared.layout import SETTINGS, entry_name
from cwl_memo.store.shared.store_settings import read_trust

__all__ = ["Trust"]


class Trust:
    """Whom a user trusts in one shared store.

    :param bucket: where its objects are.
    :param policy: whose entries count; and those of keys that the settings of the store list,
        if one of these signed them.
    :param warn: hears, by kind, of what cannot be used.
    """

    def __init__(
        self, bucket: Bucket, policy: TrustPolicy, warn: Callable[[str, str], None]
    ) -> None:
        self._bucket = bucket
        self._policy = policy
        self._warn = warn
        self._listed: TrustPolicy | None = None

    def signer(self, shared: SharedEntry) -> str | None:
        """Return the trusted key that signed an entry; None where it does not count.

        Empty where no trust is asked for.
        """
        if not self._policy.keys:
            return ""
        name = entry_name(shared.entry.key)
        try:
            signer = self._trusted().accepts(entry_digest(shared.entry), shared.signature)
        except FormatError as error:
            self._warn("damaged", f"object {name} is not used ({error})")
            return None
        if signer is None:
            why = "signed by no trusted key" if shared.signature else "not signed"
            self._warn("untrusted", f"entry {name} is not used ({why})")
        return signer

    def _trusted(self) -> TrustPolicy:
        """Return whose entries count here; what the store itself lists is read once."""
        trust = self._listed
        if trust is None:
            trust, problem = read_trust(self._bucket, self._policy)
            if problem is not None:
                self._warn("settings", f"the keys in {SETTINGS} do not count ({problem})")
            if problem is None or isinstance(problem, StoreDamagedError):
                # What failed for another reason may be read for the next entry.
                self._listed = trust
        return trust
