"""What is hashed and how: canonical JSON, digests, programs and secrets, as pinned."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.core.canonical import canonical_bytes, preimage
from cwl_memo.core.digest import KEY_VERSION, Digest, digest_of_bytes, digest_of_value
from cwl_memo.cwl.files import Secrets
from cwl_memo.errors import FormatError
from cwl_memo.store.hashing import hash_file
from tests.golden.vectors import ROOT, is_update, read, write

CANONICAL = read(ROOT / "canonical.json")
DIGESTS = read(ROOT / "digests.json")


def each(items: list[dict[str, Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("item", items, ids=lambda item: item["about"])


def pinned(item: dict[str, Any], **actual: Any) -> None:
    """Compare with the vector, or take what is found for it."""
    if is_update():
        item.update(actual)
    assert {name: item[name] for name in actual} == actual


@pytest.fixture(scope="module", autouse=True)
def update() -> Iterator[None]:
    yield
    if is_update():
        DIGESTS["key_version"] = KEY_VERSION
        write(ROOT / "canonical.json", CANONICAL)
        write(ROOT / "digests.json", DIGESTS)


@each(CANONICAL["valid"])
def test_canonical_bytes_are_as_pinned(item: dict[str, Any]) -> None:
    data = canonical_bytes(json.loads(item["json"]))
    pinned(item, hex=data.hex())
    try:
        pinned(item, canonical=data.decode())
    except UnicodeDecodeError:
        assert "canonical" not in item


@each(CANONICAL["valid"])
def test_canonical_bytes_are_read_as_the_same_value(item: dict[str, Any]) -> None:
    value = json.loads(item["json"])
    text = bytes.fromhex(item["hex"]).decode("utf-8", "surrogatepass")
    assert repr(json.loads(text)) == repr(json.loads(json.dumps(value, sort_keys=True)))


@each([item for item in CANONICAL["invalid"] if "json" in item])
def test_what_json_cannot_name_is_rejected(item: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_bytes(json.loads(item["json"]))


@each([item for item in CANONICAL["invalid"] if "name" in item])
def test_a_name_that_is_no_text_is_rejected(item: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        canonical_bytes({item["name"]: None})
    with pytest.raises(TypeError):
        canonical_bytes([{"a": {item["name"]: None}}])


def test_the_vectors_are_those_of_this_version() -> None:
    assert DIGESTS["key_version"] == KEY_VERSION


@each(DIGESTS["content"])
def test_content_digests_are_as_pinned(item: dict[str, Any], tmp_path: Path) -> None:
    data = bytes(i % 251 for i in range(item["pattern"])) if "pattern" in item else b""
    data = bytes.fromhex(item["hex"]) if "hex" in item else data
    pinned(item, digest=str(digest_of_bytes(data)))
    file = tmp_path / "file"
    file.write_bytes(data)
    found = hash_file(file)
    assert (str(found.digest), found.size) == (item["digest"], len(data))


@each(DIGESTS["text"])
def test_text_digests_are_as_pinned(item: dict[str, Any]) -> None:
    pinned(item, digest=str(digest_of_bytes(item["text"].encode())))


@each(DIGESTS["value"])
def test_value_digests_are_as_pinned(item: dict[str, Any]) -> None:
    value = json.loads(item["json"])
    text = preimage(item["domain"], KEY_VERSION, value).decode()
    pinned(item, preimage=text, digest=str(digest_of_value(item["domain"], value)))
    assert item["digest"] == str(digest_of_bytes(text.encode()))


@pytest.mark.parametrize("text", DIGESTS["strings"]["valid"])
def test_a_digest_is_read_as_it_is_written(text: str) -> None:
    assert str(Digest.parse(text)) == text


@pytest.mark.parametrize("text", DIGESTS["strings"]["invalid"])
def test_no_other_text_is_a_digest(text: str) -> None:
    with pytest.raises(FormatError):
        Digest.parse(text)


@each(DIGESTS["programs"])
def test_programs_are_known_by_their_first_bytes(item: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(bytes.fromhex(item["hex"]))
    assert hash_file(file).program is item["is_program"]


@each(DIGESTS["secrets"])
def test_secrets_are_hidden_as_pinned(item: dict[str, Any]) -> None:
    secrets = Secrets({"(secret-1)": item["secret"]}, bytes.fromhex(item["key"]))
    pinned(item, hidden=secrets.hide(item["text"].replace(item["secret"], "(secret-1)")))
