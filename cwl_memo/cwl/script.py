"""Finds the programs that run the scripts among a job's inputs."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

from cwl_memo.core.digest import Digest
from cwl_memo.core.outcome import Reason, Refusal
from cwl_memo.cwl.files import Sources, UnkeyableError
from cwl_memo.cwl.host import LINE, interpreter_of
from cwl_memo.errors import StoreError
from cwl_memo.memo import Memo

__all__ = ["Scripts"]


class Scripts:
    """Knows by which programs scripts are run, by the digests of the scripts.

    :param memo: has those that are not on disk yet.
    """

    def __init__(self, memo: Memo) -> None:
        self._memo = memo
        self._known: dict[Digest, str] = {}

    def interpreters(self, sources: Sources) -> list[str]:
        """Return the programs that the scripts among a job's inputs name.

        :raises UnkeyableError: if one is neither on disk nor in the store.
        """
        found = [self._of(path, sources.files[path].digest) for path in sorted(sources.scripts)]
        return list(dict.fromkeys(filter(None, found)))

    def _of(self, path: str, digest: Digest) -> str:
        if digest not in self._known:
            self._known[digest] = interpreter_of(self._start(path, digest))
        return self._known[digest]

    def _start(self, path: str, digest: Digest) -> bytes:
        with contextlib.suppress(OSError), open(path, "rb") as script:
            return script.read(LINE)
        try:
            with tempfile.TemporaryDirectory(prefix="cwl-memo-script-") as directory:
                copy = Path(directory, "script")
                self._memo.materialise(digest, copy)
                with copy.open("rb") as script:
                    return script.read(LINE)
        except (StoreError, OSError) as error:
            refusal = Refusal(Reason.INPUT_UNREADABLE, f"{path}: {error}")
            raise UnkeyableError(refusal) from error
