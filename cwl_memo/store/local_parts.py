"""The parts of a local store: each knows its own files, and whom it needs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cwl_memo.store.blob import BlobFiles
from cwl_memo.store.census import Census
from cwl_memo.store.claim import Claims
from cwl_memo.store.collect import Collector
from cwl_memo.store.entry_file import EntryFiles
from cwl_memo.store.index import Index
from cwl_memo.store.indexed_entry import IndexedEntries, is_current
from cwl_memo.store.layout import Layout, open_layout
from cwl_memo.store.lease import Leases
from cwl_memo.store.manifest_file import ManifestFiles
from cwl_memo.store.note_file import Pins, Tombstones
from cwl_memo.store.quarantine import Quarantine
from cwl_memo.store.run_file import RunFiles
from cwl_memo.store.sweep import Sweep
from cwl_memo.store.upkeep import Upkeep

__all__ = ["LocalParts"]


@dataclass(frozen=True)
class LocalParts:
    """What a local store is made of.

    :param writable: whether anything may be written.
    """

    layout: Layout
    writable: bool
    quarantine: Quarantine
    entries: EntryFiles
    index: Index
    blobs: BlobFiles
    claims: Claims
    leases: Leases
    runs: RunFiles
    sweep: Sweep
    tombstones: Tombstones
    pins: Pins
    manifests: ManifestFiles

    @classmethod
    def opened(cls, path: Path, *, readonly: bool, index_timeout: float) -> LocalParts:
        """Open the parts of the store in a directory, which is made if it does not exist.

        :param readonly: whether nothing may be written though it could be.
        :param index_timeout: seconds to wait for another process that writes to the index.
        :raises StoreUnavailableError: if the directory is not a store, or cannot be made.
        """
        layout, writable = open_layout(path, readonly=readonly)
        quarantine = Quarantine(layout.quarantine, writable=writable)
        entries = EntryFiles(layout, quarantine)
        index = Index(
            layout.index,
            quarantine,
            index_timeout,
            writable=writable,
            is_current=partial(is_current, entries),
        )
        return cls(
            layout=layout,
            writable=writable,
            quarantine=quarantine,
            entries=entries,
            index=index,
            blobs=BlobFiles(layout, index, quarantine),
            claims=Claims(layout.locks),
            leases=Leases(layout.locks),
            runs=RunFiles(layout.runs),
            sweep=Sweep(layout.locks),
            tombstones=Tombstones(layout),
            pins=Pins(layout),
            manifests=ManifestFiles(layout),
        )

    def indexed(self) -> IndexedEntries:
        """Return the entries as the index is told of them."""
        return IndexedEntries(self.layout, self.entries, self.index, self.sweep)

    def upkeep(self) -> Upkeep:
        """Return what is done to the store as a whole."""
        census = Census(self.layout, self.entries, self.index)
        collector = Collector(
            self.layout,
            self.entries,
            self.blobs,
            self.index,
            self.leases,
            census,
            self.sweep,
            self.tombstones,
            self.pins,
        )
        return Upkeep(
            self.layout,
            self.entries,
            self.blobs,
            self.index,
            self.leases,
            self.runs,
            self.quarantine,
            census,
            collector,
            self.pins,
        )
