"""Memoization of CWL jobs for cwltool.

A program that runs CWL through cwltool's Python interface embeds it like this::

    from cwl_memo import Session, Settings, open_store

    with Session(open_store("store"), Settings()) as session:
        factory = cwltool.factory.Factory(
            executor=session.serial_executor(),
            loading_context=session.loading_context(),
            runtime_context=session.runtime_context(),
        )
        outputs = factory.make("workflow.cwl")(reads=...)
        print(session.record.summary())

A session is one run. ``examples/embed.py`` shows this and ``cwltool.main``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cwl_memo.core.cache import CacheBehavior, CacheStatus, RunCache
    from cwl_memo.core.event import Event, EventKind
    from cwl_memo.core.outcome import Hit, Miss, MissCause, Outcome, Reason, Refusal
    from cwl_memo.core.run import JobRecord, RunRecord, SharedUse
    from cwl_memo.core.settings import (
        Directories,
        HostTools,
        ImageIdentity,
        IntermediateFiles,
        Link,
        Mode,
        Network,
        Retention,
        Settings,
        SharedMode,
    )
    from cwl_memo.cwl.session import Session
    from cwl_memo.errors import (
        CwlMemoError,
        FormatError,
        NotKeptError,
        SettingsFileError,
        StoreError,
        UnknownCacheError,
        UsageError,
    )
    from cwl_memo.memo import Memo
    from cwl_memo.settings.load import LoadedSettings, load_settings
    from cwl_memo.store.bundle_read import import_bundle
    from cwl_memo.store.bundle_write import export_run
    from cwl_memo.store.caches import RunCaches
    from cwl_memo.store.lay_out import LaidOut, materialise_workspace
    from cwl_memo.store.local import open_store
    from cwl_memo.store.memory import MemoryStore
    from cwl_memo.store.protocol import Store
    from cwl_memo.store.recorded import (
        Log,
        entry_of_job,
        materialise_outputs,
        read_log,
        read_run_record,
    )
    from cwl_memo.store.sharing import open_tiered

__version__ = "0.1.0"

__all__ = [
    "CacheBehavior",
    "CacheStatus",
    "CwlMemoError",
    "Directories",
    "Event",
    "EventKind",
    "FormatError",
    "Hit",
    "HostTools",
    "ImageIdentity",
    "IntermediateFiles",
    "JobRecord",
    "LaidOut",
    "Link",
    "LoadedSettings",
    "Log",
    "Memo",
    "MemoryStore",
    "Miss",
    "MissCause",
    "Mode",
    "Network",
    "NotKeptError",
    "Outcome",
    "Reason",
    "Refusal",
    "Retention",
    "RunCache",
    "RunCaches",
    "RunRecord",
    "Session",
    "Settings",
    "SettingsFileError",
    "SharedMode",
    "SharedUse",
    "Store",
    "StoreError",
    "UnknownCacheError",
    "UsageError",
    "__version__",
    "entry_of_job",
    "export_run",
    "import_bundle",
    "load_settings",
    "materialise_outputs",
    "materialise_workspace",
    "open_store",
    "open_tiered",
    "read_log",
    "read_run_record",
]

_PLACES: Final = {
    **dict.fromkeys(("Hit", "Miss", "MissCause", "Outcome", "Reason", "Refusal"), "core.outcome"),
    **dict.fromkeys(("JobRecord", "RunRecord", "SharedUse"), "core.run"),
    **dict.fromkeys(
        (
            "Directories",
            "HostTools",
            "ImageIdentity",
            "IntermediateFiles",
            "Link",
            "Mode",
            "Network",
            "Retention",
            "Settings",
            "SharedMode",
        ),
        "core.settings",
    ),
    **dict.fromkeys(("CacheBehavior", "CacheStatus", "RunCache"), "core.cache"),
    **dict.fromkeys(
        (
            "CwlMemoError",
            "FormatError",
            "NotKeptError",
            "SettingsFileError",
            "StoreError",
            "UnknownCacheError",
            "UsageError",
        ),
        "errors",
    ),
    **dict.fromkeys(("LoadedSettings", "load_settings"), "settings.load"),
    **dict.fromkeys(("Event", "EventKind"), "core.event"),
    **dict.fromkeys(("LaidOut", "materialise_workspace"), "store.lay_out"),
    **dict.fromkeys(
        ("Log", "entry_of_job", "materialise_outputs", "read_log", "read_run_record"),
        "store.recorded",
    ),
    "Memo": "memo",
    "MemoryStore": "store.memory",
    "RunCaches": "store.caches",
    "Session": "cwl.session",
    "Store": "store.protocol",
    "export_run": "store.bundle_write",
    "import_bundle": "store.bundle_read",
    "open_store": "store.local",
    "open_tiered": "store.sharing",
}
"""Where each name is. cwltool takes a while to import: only who asks for it waits."""


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
