"""Keeps the manifest of a run that has ended well, so that it can be replayed."""

from __future__ import annotations

import argparse
import io
import logging
import sys
from typing import Any, TextIO

from cwl_memo.core.canonical import JSON
from cwl_memo.core.settings import Mode
from cwl_memo.cwl.arguments import Choice
from cwl_memo.cwl.door import get_default_args
from cwl_memo.cwl.session import Session
from cwl_memo.cwl.witness import NoManifestError, Witness, is_replayable
from cwl_memo.errors import StoreError
from cwl_memo.store.local import LocalStore
from cwl_memo.store.protocol import Store

__all__ = ["Keeper"]

_log = logging.getLogger("cwltool")


class Keeper:
    """Sees to the manifest of one run.

    :param session: the run.
    :param store: where the manifest goes.
    :param name: its name there.
    :param args: cwltool's arguments.
    :param report: where the user wanted a report.
    """

    def __init__(
        self, session: Session, store: LocalStore, name: str, args: dict[str, Any], report: str
    ) -> None:
        self._session = session
        self._store = store
        self._name = name
        self._args = args
        self._report = report
        self._witness = session.witness = Witness(session.memo)
        self._stdout = sys.stdout
        self._copy = sys.stdout = _Copy(sys.stdout)

    @classmethod
    def of(
        cls,
        session: Session,
        store: Store | None,
        choice: Choice,
        args: argparse.Namespace,
        asked: JSON,
    ) -> Keeper | None:
        """Return what keeps a run's manifest; None where it is to have none, or cannot."""
        if not choice.replay or not isinstance(store, LocalStore) or not store.writable:
            return None
        if choice.settings.mode is not Mode.READWRITE:
            return None
        if choice.settings.recheck:
            return None  # a replay would execute nothing again
        why = is_replayable(args, get_default_args())
        if not why and (sys.stdout is None or not _is_utf8(sys.stdout)):
            why = "standard output is not in UTF-8"
        if why:
            _log.debug("cwl-memo: the run will not be replayed: %s", why)
            return None
        try:
            name = store.name_of_run(asked)
        except StoreError as error:
            session.memo.warn(error)
            return None
        report = "" if choice.report is None else str(choice.report)
        return cls(session, store, name, dict(vars(args)), report)

    def keep(self) -> None:
        """Write the manifest, if the run can be replayed."""
        self._session.memo.shield(self._keep, None)

    def _keep(self) -> None:
        session = self._session
        try:
            text = self._copy.text()
            if session.memo.made:
                raise NoManifestError("entries that answer its jobs are not kept")
            if not text or session.has_secrets:
                raise NoManifestError("it has secrets, or printed no output object")
            images = session.seen_images()
            manifest = self._witness.manifest(
                session.record, self._args, self._store, images, text, self._report
            )
            self._store.manifests.write(self._name, manifest)
        except NoManifestError as error:
            self._store.manifests.drop(self._name)
            _log.debug("cwl-memo: the run will not be replayed: %s", error)
        except StoreError as error:
            session.memo.warn(error)
        except OSError as error:
            _log.debug("cwl-memo: the run will not be replayed: %s", error)

    def end(self) -> None:
        """Give standard output back."""
        sys.stdout = self._stdout


def _is_utf8(stream: TextIO) -> bool:
    return (getattr(stream, "encoding", "") or "").upper() in ("UTF-8", "UTF8")


class _Copy(io.TextIOBase):
    """Standard output, with a copy of what is written to it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._parts: list[str] = []

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream."""
        return self._stream.encoding

    def write(self, text: str) -> int:
        """Write a text."""
        self._parts.append(text)
        return self._stream.write(text)

    def flush(self) -> None:
        """Write what waits."""
        self._stream.flush()

    def fileno(self) -> int:
        """Return the file descriptor."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """Tell whether the stream is a terminal."""
        return self._stream.isatty()

    def text(self) -> str:
        """Return all that was written."""
        return "".join(self._parts)
