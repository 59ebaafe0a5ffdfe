"""Signatures: who vouches for an entry, or for the settings of a shared store.

Ed25519 (RFC 8032). What is signed is a digest, and every digest is made in a domain of its
own: a signature of one kind of thing, or of one entry, is none of another. An entry's digest
covers the whole entry, with its key, its output objects, the tombstones that it names and
the digests of all its blobs.

Keys and signatures are written in one way only: what decodes to the same bytes and is
written otherwise is refused.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from cwl_memo.core.canonical import JSON, canonical_bytes, preimage
from cwl_memo.core.digest import KEY_VERSION, Digest, digest_of_value
from cwl_memo.core.entry import Entry
from cwl_memo.core.field import need
from cwl_memo.errors import FormatError, UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = [
    "Signature",
    "SigningKey",
    "TrustPolicy",
    "check_public_key",
    "entry_digest",
    "written_digest",
]

_SCHEME: Final = "ed25519:"
_KEY_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 64

_PRIME: Final = 2**255 - 19
_SMALL_ORDER: Final = frozenset(
    {
        0,
        1,
        _PRIME - 1,
        0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
        0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
    }
)
"""The y of the points whose order divides 8: a signature by such a key fits many messages."""


@dataclass(frozen=True)
class Signature:
    """What somebody signed with a key.

    :param key: the public key, as ``ed25519:`` and base64.
    :param value: base64 of the signature's 64 bytes.
    """

    key: str
    value: str

    def to_json(self) -> JSON:
        """Return the signature as JSON."""
        return {"key": self.key, "value": self.value}

    @classmethod
    def from_json(cls, data: Any, path: str = "signature") -> Signature:
        """Read a signature; that it is one of anything is not known then.

        :raises FormatError: if it is malformed.
        """
        key = need(data, "key", str, path)
        value = need(data, "value", str, path)
        try:
            check_public_key(key)
        except UsageError as error:
            raise FormatError(str(error), f"{path}.key") from None
        if _decode(value, _SIGNATURE_BYTES) is None:
            raise FormatError("not a signature", f"{path}.value")
        return cls(key, value)

    def is_of(self, digest: Digest) -> bool:
        """Tell whether the key that it names signed a digest.

        :raises UsageError: if ``cryptography`` is not installed.
        """
        invalid, public_keys, _ = _library()
        value = _decode(self.value, _SIGNATURE_BYTES)
        try:
            key = check_public_key(self.key)
        except UsageError:
            return False
        if value is None:
            return False
        try:
            public_keys.from_public_bytes(key).verify(value, _message(digest, self.key))
        except (invalid, ValueError):
            return False
        return True


@dataclass(frozen=True)
class SigningKey:
    """A private key; it is in no text that is made of it.

    :param public: the public key, by which others name it.
    """

    public: str
    _private: Ed25519PrivateKey = field(repr=False, compare=False)

    @classmethod
    def from_seed(cls, seed: bytes) -> SigningKey:
        """Return the key that 32 secret bytes are.

        :raises FormatError: if they are not 32.
        :raises UsageError: if ``cryptography`` is not installed.
        """
        _, _, private_keys = _library()
        if len(seed) != _KEY_BYTES:
            raise FormatError("not a private key")
        return cls._of(private_keys.from_private_bytes(seed))

    @classmethod
    def parse(cls, text: str) -> SigningKey:
        """Read a private key: PEM (PKCS #8, not encrypted), or base64 of its 32 bytes.

        :raises FormatError: if it is anything else; what it is stands in no message.
        :raises UsageError: if ``cryptography`` is not installed.
        """
        _, _, private_keys = _library()
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        # A variable of a CI service may hold its lines joined.
        text = text.replace("\\n", "\n").strip()
        seed = _decode(text, _KEY_BYTES)
        if seed is not None:
            return cls.from_seed(seed)
        private: object = None
        with contextlib.suppress(ValueError, TypeError, UnsupportedAlgorithm):
            private = load_pem_private_key(text.encode(), None)
        if not isinstance(private, private_keys):
            raise FormatError("not a private key of Ed25519, in PEM and without a password")
        return cls._of(private)

    @classmethod
    def _of(cls, private: Ed25519PrivateKey) -> SigningKey:
        return cls(_SCHEME + _encode(private.public_key().public_bytes_raw()), private)

    def to_pem(self) -> str:
        """Return the private key as PEM; whoever sees it can sign as its owner."""
        from cryptography.hazmat.primitives import serialization

        return self._private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()

    def sign(self, digest: Digest) -> Signature:
        """Sign a digest."""
        return Signature(self.public, _encode(self._private.sign(_message(digest, self.public))))


@dataclass(frozen=True)
class TrustPolicy:
    """Whose signatures count.

    :param keys: public keys; with none, nobody has to sign anything.
    :raises UsageError: if one of them is no public key, or signatures are asked for and
        ``cryptography`` is not installed.
    """

    keys: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for key in self.keys:
            check_public_key(key)
        if self.keys:
            _library()

    def accepts(self, digest: Digest, signature: Signature | None) -> str | None:
        """Return by whose key something is accepted.

        :param digest: of what is signed, as :func:`entry_digest` gives it.
        :returns: the public key; empty where no trust is asked for; None for what is not
            accepted.
        """
        if not self.keys:
            return ""
        # Nothing is computed with a key that nobody trusts.
        if signature is None or signature.key not in self.keys or not signature.is_of(digest):
            return None
        return signature.key


def entry_digest(entry: Entry) -> Digest:
    """Return the digest of everything that an entry says, by which it is signed.

    :raises FormatError: if the entry holds what JSON cannot name, or nests too deeply.
    """
    try:
        return digest_of_value("signed-entry", entry.to_json())
    except (ValueError, TypeError, RecursionError):
        raise FormatError("an entry that cannot be written") from None


def written_digest(entry: Entry) -> Digest:
    """Return the digest that an entry has once it was written and read again.

    A number that was whole may be a float then.

    :raises FormatError: if the entry cannot be written.
    """
    try:
        written = canonical_bytes(entry.to_json())
    except (ValueError, TypeError, RecursionError):
        raise FormatError("an entry that cannot be written") from None
    return entry_digest(Entry.from_json(json.loads(written)))


def check_public_key(text: str) -> bytes:
    """Return the 32 bytes of a public key, written ``ed25519:`` and base64.

    :raises UsageError: if it is anything else, or a key under which one signature would fit
        many messages.
    """
    key = None
    if text.startswith(_SCHEME):
        key = _decode(text[len(_SCHEME) :], _KEY_BYTES)
    if key is None:
        raise UsageError(
            f"not a public key: {text[:80]!r}; it is written ed25519:BASE64, as "
            "'cwl-memo key show NAME' prints it"
        )
    # Without the bit that is the sign of x.
    y = int.from_bytes(key, "little") & ((1 << 255) - 1)
    if y >= _PRIME or y in _SMALL_ORDER:
        raise UsageError(f"{text!r} is a public key with which anybody can sign; do not use it")
    return key


def _message(digest: Digest, public: str) -> bytes:
    """Return the bytes that are signed."""
    return preimage("signature", KEY_VERSION, {"digest": str(digest), "key": public})


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decode(text: str, size: int) -> bytes | None:
    """Return the bytes of base64 that is written as :func:`_encode` writes it, or None."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    # Unused bits of the last digit could be anything.
    return data if len(data) == size and _encode(data) == text else None


def _library() -> tuple[Any, Any, Any]:
    """Return the error of a wrong signature, and the classes of public and private keys.

    :raises UsageError: if ``cryptography`` is not installed.
    """
    # Only where signatures are asked for: it is an extra, and takes a while to import.
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError:
        raise UsageError(
            "signatures need a package that is not installed: pip install 'cwl-memo[shared]'"
        ) from None
    return InvalidSignature, ed25519.Ed25519PublicKey, ed25519.Ed25519PrivateKey
