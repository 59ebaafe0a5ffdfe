"""The fetcher through which cwltool reads documents: one that tells what it reads."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cwl_memo.cwl.door import DefaultFetcher, uri_file_path
from cwl_memo.cwl.long_lists import LongLists
from cwl_memo.cwl.witness import Witness
from cwl_memo.store.protocol import FileIdentity

__all__ = ["MemoFetcher"]


class MemoFetcher(DefaultFetcher):
    """cwltool's own fetcher, with a witness.

    :param witness: told what is read, if anyone is.
    :param long_lists: those of the input object, which are not handed over.
    """

    def __init__(
        self, cache: Any, session: Any, witness: Witness | None, long_lists: LongLists | None
    ) -> None:
        super().__init__(cache, session)
        self._witness = witness
        self._long_lists = long_lists

    def fetch_text(self, url: str, content_types: list[str] | None = None) -> str:
        """Return the text of a document."""
        if isinstance(self.cache.get(url), str):
            return super().fetch_text(url, content_types)  # a schema that cwltool brings along
        text = self._fetch(url, content_types)
        return text if self._long_lists is None else self._long_lists.empty(url, text)

    def _fetch(self, url: str, content_types: list[str] | None) -> str:
        witness = self._witness
        if witness is None:
            return super().fetch_text(url, content_types)
        if urlsplit(url).scheme != "file":
            witness.spoil(f"{url} was fetched")
            return super().fetch_text(url, content_types)
        path = Path(uri_file_path(url.partition("#")[0]))
        if path.exists() and not path.is_file():
            witness.spoil(f"{path} can be read but once")  # a pipe: what is read here is gone
            return super().fetch_text(url, content_types)
        before = _bytes_of(path)
        text = super().fetch_text(url, content_types)
        if before is not None:
            if _bytes_of(path) != before:
                witness.spoil(f"{path} changed while it was read")
            witness.note_document(url, *before)
        return text

    def check_exists(self, url: str) -> bool:
        """Tell whether a document is there."""
        there = super().check_exists(url)
        if self._witness is not None and url not in self.cache:
            if urlsplit(url).scheme == "file":
                path = uri_file_path(url.partition("#")[0])
                self._witness.note_presence(path, there=there)
            else:
                self._witness.spoil(f"{url} was looked for")
        return there


def _bytes_of(path: Path) -> tuple[bytes, FileIdentity] | None:
    with contextlib.suppress(OSError):
        identity = FileIdentity.of(path.stat())
        return path.read_bytes(), identity
    return None
