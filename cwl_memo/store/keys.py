"""The keys with which a user signs: one file each, which nobody else may read.

A machine that has no user, as in CI, is given its key in an environment variable.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from cwl_memo.core.signature import SigningKey
from cwl_memo.errors import FormatError, UsageError
from cwl_memo.store.failure import reading, writing
from cwl_memo.store.location import configuration_directory
from cwl_memo.store.regular import NotRegularError, open_regular, remove_file, write_all

__all__ = ["KEY_VARIABLE", "KeyFiles", "find_signing_key"]

KEY_VARIABLE: Final = "CWL_MEMO_SIGNING_KEY"
"""The environment variable that holds a private key itself: PEM, or base64 of its 32 bytes."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_SUFFIX: Final = ".pem"
_LIMIT: Final = 1 << 14
_SEED_BYTES: Final = 32


class KeyFiles:
    """The private keys of a user.

    :param directory: where they are; made with the first.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @classmethod
    def of_user(cls, environ: Mapping[str, str]) -> KeyFiles:
        """Return those of the user of this process.

        :raises UsageError: if no home directory is known.
        """
        folder = configuration_directory(environ)
        if folder is None:
            raise UsageError(
                f"no home directory is known, so there is no place for keys; set {KEY_VARIABLE}"
            )
        return cls(folder / "keys")

    def path(self, name: str) -> Path:
        """Return the file of a key.

        :raises UsageError: if that is no name of a key.
        """
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} is no name of a key; use up to 64 letters, digits, '.', '_', '@' "
                "and '-', a letter or a digit first"
            )
        return self.directory / f"{name}{_SUFFIX}"

    def create(self, name: str) -> SigningKey:
        """Make a key and write its file.

        :raises UsageError: if there is one of that name, which is never overwritten.
        """
        path = self.path(name)
        key = SigningKey.from_seed(secrets.token_bytes(_SEED_BYTES))
        with writing(f"write key {name!r}"):
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Made with mode 0600.
            descriptor, temporary = tempfile.mkstemp(prefix=".new-", dir=self.directory)
            try:
                write_all(descriptor, key.to_pem().encode())
                os.fsync(descriptor)
                # Unlike a renaming, a link replaces nothing.
                path.hardlink_to(temporary)
            except FileExistsError:
                raise UsageError(
                    f"there is a key {name!r}; remove it first, or give another name"
                ) from None
            finally:
                os.close(descriptor)
                Path(temporary).unlink(missing_ok=True)
        return key

    def read(self, name: str) -> SigningKey | None:
        """Return a key; None where there is none of that name.

        :raises UsageError: if it is no key, or others may read it, too.
        :raises StoreError: if it cannot be read.
        """
        path = self.path(name)
        with reading(f"read key {name!r}"):
            try:
                data = _read_private(path)
            except FileNotFoundError:
                return None
            except NotRegularError as error:
                raise UsageError(f"{path}: {error.strerror}; move it away") from None
        try:
            return SigningKey.parse(data.decode("ascii", "replace"))
        except FormatError as error:
            raise UsageError(f"{path}: {error}; move it away") from None

    def find(self) -> Iterator[str]:
        """Yield the names of all keys, in order."""
        with reading("list the keys"):
            try:
                files = sorted(os.listdir(self.directory))  # noqa: PTH208  (only the names)
            except (FileNotFoundError, NotADirectoryError):
                return
        for file in files:
            name = file.removesuffix(_SUFFIX)
            if file.endswith(_SUFFIX) and _NAME.fullmatch(name):
                yield name

    def remove(self, name: str) -> bool:
        """Remove a key; return whether there was one."""
        with writing(f"remove key {name!r}"):
            return remove_file(self.path(name))


def find_signing_key(name: str, environ: Mapping[str, str]) -> SigningKey | None:
    """Return the key to sign with; None where none is named.

    :param name: of a key of the user; empty for the one in :data:`KEY_VARIABLE`, if any.
    :raises UsageError: if it is not there, is no key, or others may read it, too.
    """
    if name:
        keys = KeyFiles.of_user(environ)
        key = keys.read(name)
        if key is None:
            raise UsageError(
                f"there is no key {name!r} in {keys.directory}; 'cwl-memo key new {name}' makes one"
            )
        return key
    text = environ.get(KEY_VARIABLE, "")
    if not text.strip():
        return None
    try:
        return SigningKey.parse(text)
    except FormatError as error:
        # Never what it is: it may be the key of something else.
        raise UsageError(f"${KEY_VARIABLE}: {error}") from None


def _read_private(path: Path) -> bytes:
    """Return the bytes of a file that only this user may read.

    :raises UsageError: if others may, too.
    """
    # A link is followed: users keep such files where they like.
    with open_regular(path, follow=True) as descriptor:
        found = os.fstat(descriptor)
        if found.st_uid not in (os.geteuid(), 0):
            raise UsageError(f"{path}: belongs to another user; make a key of your own")
        if stat.S_IMODE(found.st_mode) & 0o077:
            raise UsageError(
                f"{path}: others may read it, so it proves nothing; "
                f"make another key, or if nobody saw it: chmod 600 {path}"
            )
        return os.read(descriptor, _LIMIT)
