"""A signature is of one thing, by one key, written in one way."""

from __future__ import annotations

import base64
import sys
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from cwl_memo.core.digest import Digest, ReuseKey, digest_of_value
from cwl_memo.core.entry import BlobRef, Entry, Origin, OutputVariant
from cwl_memo.core.signature import (
    Signature,
    SigningKey,
    TrustPolicy,
    check_public_key,
    entry_digest,
)
from cwl_memo.errors import FormatError, UsageError

A, B, C = Digest("a" * 64), Digest("b" * 64), Digest("c" * 64)
MINE = SigningKey.from_seed(bytes(range(32)))
THEIRS = SigningKey.from_seed(b"\1" * 32)
TRUST = TrustPolicy(frozenset({MINE.public}))

PRIME = 2**255 - 19
D = -121665 * pow(121666, -1, PRIME) % PRIME


def made() -> Entry:
    return Entry(
        key=ReuseKey("d" * 64),
        fingerprint={"tool": {"baseCommand": ["sort"]}, "number": 1},
        variants=(OutputVariant(A, {"out": 1}, (BlobRef(A, 1),)),),
        exit_code=0,
        tree=B,
        stdout=None,
        stderr=None,
        blobs=(BlobRef(A, 1), BlobRef(B, 2)),
        origin=Origin("run", "job", "tool", "2026", 1.5),
        after=(C,),
    )


def written(y: int, sign: int = 0) -> str:
    data = (y | sign << 255).to_bytes(32, "little")
    return "ed25519:" + base64.b64encode(data).decode()


def add(p: tuple[int, int], q: tuple[int, int]) -> tuple[int, int]:
    (a, b), (c, d) = p, q
    product = D * a * b * c * d % PRIME
    return (
        (a * d + b * c) * pow(1 + product, -1, PRIME) % PRIME,
        (b * d + a * c) * pow(1 - product, -1, PRIME) % PRIME,
    )


def small_order() -> set[int]:
    """The y of all points that eight times give nothing, from the curve's own equation."""
    root = pow(2, (PRIME - 1) // 4, PRIME)
    found: set[int] = set()
    y = 2
    while len(found) < 5:
        # L times any point has an order that divides 8.
        x2 = (y * y - 1) * pow(D * y * y + 1, -1, PRIME) % PRIME
        x = pow(x2, (PRIME + 3) // 8, PRIME)
        x = x if x * x % PRIME == x2 else x * root % PRIME
        if x * x % PRIME == x2:
            point, order = (0, 1), 2**252 + 27742317777372353535851937790883648493
            power = (x, y)
            while order:
                point = add(point, power) if order & 1 else point
                power, order = add(power, power), order >> 1
            found.add(point[1])
        y += 1
    return found


def test_an_entry_is_accepted_by_the_key_that_signed_it() -> None:
    digest = entry_digest(made())
    assert TRUST.accepts(digest, MINE.sign(digest)) == MINE.public


def test_a_signature_is_the_same_once_it_is_written_and_read() -> None:
    signature = MINE.sign(A)
    assert Signature.from_json(signature.to_json()) == signature


def test_the_digest_of_an_entry_stays_from_release_to_release() -> None:
    # Were it another, no signature of before would be accepted.
    assert (
        entry_digest(made()).hex
        == "525de0ebdef8759ec098ba7df601db196c87df31b73df18afd636868a8a1a7ea"
    )


def test_the_digest_of_an_entry_is_the_same_after_a_journey() -> None:
    assert entry_digest(Entry.from_json(made().to_json())) == entry_digest(made())


def test_without_trusted_keys_everything_is_accepted_and_nobody_named() -> None:
    assert TrustPolicy().accepts(A, None) == ""
    assert TrustPolicy().accepts(A, MINE.sign(B)) == ""


def test_what_nobody_signed_is_not_accepted() -> None:
    assert TRUST.accepts(A, None) is None


def test_a_signature_by_another_key_is_not_accepted() -> None:
    assert TRUST.accepts(A, THEIRS.sign(A)) is None


def test_a_signature_under_the_name_of_a_trusted_key_is_not_accepted() -> None:
    assert TRUST.accepts(A, Signature(MINE.public, THEIRS.sign(A).value)) is None


def test_a_signature_of_one_key_does_not_become_one_of_another() -> None:
    both = TrustPolicy(frozenset({MINE.public, THEIRS.public}))
    assert both.accepts(A, Signature(THEIRS.public, MINE.sign(A).value)) is None


@pytest.mark.parametrize(
    "change",
    [
        {"key": ReuseKey("e" * 64)},
        {"fingerprint": {"tool": {"baseCommand": ["sort"]}, "number": 1.0}},
        {"fingerprint": {"tool": {"baseCommand": ["sort"]}, "number": True}},
        {"variants": ()},
        {"variants": (OutputVariant(A, {"out": 2}, (BlobRef(A, 1),)),)},
        {"exit_code": 1},
        {"tree": None},
        {"stdout": A},
        {"stderr": A},
        {"stdout_name": "out.txt"},
        {"stderr_name": "err.txt"},
        {"blobs": (BlobRef(A, 1), BlobRef(C, 2))},
        {"blobs": (BlobRef(A, 1), BlobRef(B, 3))},
        {"origin": Origin("run", "job", "tool", "2026", 2.5)},
        {"after": ()},
        {"after": (C, A)},
        {"keep_until": 1},
    ],
    ids=str,
)
def test_what_was_changed_after_it_was_signed_is_not_accepted(change: dict[str, Any]) -> None:
    signature = MINE.sign(entry_digest(made()))
    assert TRUST.accepts(entry_digest(replace(made(), **change)), signature) is None


def test_each_field_of_an_entry_is_signed() -> None:
    # A field that is added to entries has to be added above.
    tried = {
        "key", "fingerprint", "variants", "exit_code", "tree", "stdout", "stderr", "stdout_name",
        "stderr_name", "blobs", "origin", "after", "keep_until",
    }  # fmt: skip
    written = replace(made(), keep_until=1).to_json()
    assert set(written) == tried | {"format"}


def test_a_variant_that_was_added_after_it_was_signed_is_not_accepted() -> None:
    signature = MINE.sign(entry_digest(made()))
    more = made().with_variant(OutputVariant(C, {"out": "poison"}, (BlobRef(C, 9),)))
    assert TRUST.accepts(entry_digest(more), signature) is None


def test_a_signature_of_the_same_value_in_another_domain_is_not_accepted() -> None:
    settings = digest_of_value("store-settings", made().to_json())
    assert TRUST.accepts(entry_digest(made()), MINE.sign(settings)) is None


def test_a_bare_signature_of_the_digest_is_not_accepted() -> None:
    # What another program signs with the same key is no word about an entry.
    key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    for message in (str(A).encode(), A.hex.encode(), bytes.fromhex(A.hex)):
        value = base64.b64encode(key.sign(message)).decode()
        assert TRUST.accepts(A, Signature(MINE.public, value)) is None


def test_a_signature_written_with_other_spare_bits_is_refused() -> None:
    good = MINE.sign(A)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = letters[letters.index(good.value[85]) ^ 1]
    bad = good.value[:85] + other + good.value[86:]
    assert base64.b64decode(bad) == base64.b64decode(good.value)
    assert TRUST.accepts(A, Signature(good.key, bad)) is None
    with pytest.raises(FormatError):
        Signature.from_json({"key": good.key, "value": bad})


def test_a_signature_whose_number_is_too_large_is_not_accepted() -> None:
    # RFC 8032, 5.1.7: S is below the order of the group, so that no signature has a twin.
    good = base64.b64decode(MINE.sign(A).value)
    number = int.from_bytes(good[32:], "little") + 2**252 + 27742317777372353535851937790883648493
    twin = base64.b64encode(good[:32] + number.to_bytes(32, "little")).decode()
    assert TRUST.accepts(A, Signature(MINE.public, twin)) is None


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "ed25519:",
        {},
        {"key": MINE.public},
        {"key": None, "value": MINE.sign(A).value},
        {"key": MINE.public, "value": None},
        {"key": MINE.public, "value": ""},
        {"key": MINE.public, "value": MINE.sign(A).value + "\n"},
        {"key": MINE.public, "value": MINE.sign(A).value[:-4]},
        {"key": MINE.public, "value": "ä" * 88},
        {"key": MINE.public, "value": "\ud800" * 88},
        {"key": MINE.public[8:], "value": MINE.sign(A).value},
        {"key": MINE.public + "=", "value": MINE.sign(A).value},
        {"key": MINE.public.replace("ed25519", "rsa"), "value": MINE.sign(A).value},
        {"key": written(1), "value": MINE.sign(A).value},
    ],
    ids=str,
)
def test_what_is_no_signature_is_a_format_error(data: Any) -> None:
    with pytest.raises(FormatError):
        Signature.from_json(data)


@pytest.mark.parametrize("key", ["", "x", "ed25519:", "ed25519:\ud800", written(1)])
@pytest.mark.parametrize("value", ["", "x", "\ud800", MINE.sign(A).value])
def test_what_is_no_signature_is_of_nothing(key: str, value: str) -> None:
    assert not Signature(key, value).is_of(A)


def test_a_value_that_is_no_signature_is_of_nothing() -> None:
    assert not Signature(MINE.public, "x").is_of(A)


def test_keys_with_which_anybody_can_sign_are_refused() -> None:
    for y in small_order():
        for sign in (0, 1):
            for number in {y, y + PRIME if y + PRIME < 2**255 else y}:
                with pytest.raises(UsageError, match="anybody"):
                    check_public_key(written(number, sign))
    assert len(small_order()) == 5


def test_a_key_of_small_order_would_let_anybody_sign() -> None:
    # Why they are refused: this signature was made without a private key.
    forged = written(1)[8:]
    public = ed25519.Ed25519PublicKey.from_public_bytes(base64.b64decode(forged))
    value = base64.b64decode(forged) + bytes(32)
    public.verify(value, b"any message")
    public.verify(value, b"and another")


@pytest.mark.parametrize(
    "key", ["", "x", MINE.public[8:], MINE.public + " ", MINE.public[:-1], written(PRIME + 5)]
)
def test_a_list_of_trusted_keys_with_something_else_in_it_is_a_usage_error(key: str) -> None:
    with pytest.raises(UsageError, match="public key"):
        TrustPolicy(frozenset({MINE.public, key}))


def test_an_entry_that_cannot_be_written_is_a_format_error() -> None:
    deep: Any = {}
    for _ in range(200_000):
        deep = {"a": deep}
    for fingerprint in ({"n": float("nan")}, {1: 2}, deep):
        with pytest.raises(FormatError):
            entry_digest(replace(made(), fingerprint=fingerprint))
    while deep:  # or to let go of it would nest as deeply
        deep = deep["a"]


def test_a_private_key_is_read_back_in_each_of_its_forms() -> None:
    pem = MINE.to_pem()
    seed = base64.b64encode(bytes(range(32))).decode()
    for text in (pem, f"\n{pem}\n", pem.replace("\n", "\\n"), seed, f"{seed}\n"):
        assert SigningKey.parse(text) == MINE


def test_a_private_key_does_not_show() -> None:
    assert repr(MINE) == f"SigningKey(public={MINE.public!r})"


def other_kinds() -> list[str]:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    none = serialization.NoEncryption()
    curve = ec.generate_private_key(ec.SECP256R1()).private_bytes(encoding, form, none)
    locked = ed25519.Ed25519PrivateKey.generate().private_bytes(
        encoding, form, serialization.BestAvailableEncryption(b"password")
    )
    return [curve.decode(), locked.decode(), MINE.public, "secret", "", "ä", MINE.to_pem()[:80]]


@pytest.mark.parametrize("text", other_kinds(), ids=range(7))
def test_what_is_no_private_key_is_a_format_error_that_does_not_tell_it(text: str) -> None:
    with pytest.raises(FormatError, match="not a private key") as caught:
        SigningKey.parse(text)
    assert not text or text not in str(caught.value)


def test_a_seed_of_another_length_is_a_format_error() -> None:
    with pytest.raises(FormatError):
        SigningKey.from_seed(b"short")


def test_without_the_library_only_those_who_ask_for_signatures_hear_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    assert TrustPolicy().accepts(A, None) == ""
    for ask in (lambda: TrustPolicy(TRUST.keys), lambda: SigningKey.parse("x")):
        with pytest.raises(UsageError, match=r"pip install 'cwl-memo\[shared\]'"):
            ask()
