"""Digests and keys carry their algorithm and refuse what is neither."""

from __future__ import annotations

import pytest

from cwl_memo.core.digest import Digest, ReuseKey, digest_of_bytes
from cwl_memo.errors import FormatError


def test_digest_of_nothing_is_blake3s() -> None:
    # The test vector for the empty input of the BLAKE3 specification.
    expected = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
    assert str(digest_of_bytes(b"")) == f"blake3:{expected}"


def test_parse_reads_what_str_wrote() -> None:
    digest = digest_of_bytes(b"abc")
    assert Digest.parse(str(digest)) == digest


@pytest.mark.parametrize(
    "text",
    ["", "blake3:", "blake3:zz", "sha256:" + "0" * 64, "0" * 64, "blake3:" + "A" * 64, None, 3],
)
def test_parse_refuses_anything_else(text: object) -> None:
    with pytest.raises(FormatError, match=r"outputs\[0\]"):
        Digest.parse(text, "outputs[0]")


@pytest.mark.parametrize("text", ["", "../../etc/passwd", "0" * 63, "0" * 65, "G" * 64])
def test_a_key_is_nothing_but_hex(text: str) -> None:
    with pytest.raises(FormatError):
        ReuseKey(text)
