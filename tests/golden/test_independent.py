"""A second implementation, written from the page of the key alone, comes to the same keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.golden.independent.encoding import canonical, digest, digest_of_value
from tests.golden.independent.job import Given
from tests.golden.independent.key import fingerprint_of
from tests.golden.vectors import ROOT, Place, Vector, read, vectors

CANONICAL = read(ROOT / "canonical.json")
DIGESTS = read(ROOT / "digests.json")


def given(place: Place) -> Given:
    secret = bytes.fromhex(place.data.get("secret", ""))
    return Given(
        folder=place.folder,
        document=place.document,
        job=place.job,
        options=place.options,
        environment=place.environment,
        secret=secret,
        inspection=place.data.get("inspection"),
    )


@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: vector.name)
def test_the_page_leads_to_the_key(vector: Vector, tmp_path: Path) -> None:
    place = vector.lay_out(tmp_path)
    fields, outputs = map(place.fixed, fingerprint_of(given(place)))
    expected = vector.data["expected"]
    assert fields == expected["fingerprint"]
    assert outputs == expected["outputs"]
    assert canonical(fields).decode() == expected["canonical"]
    assert digest_of_value("reuse-key", fields) == f"blake3:{expected['key']}"
    assert digest_of_value("outputs-section", outputs) == expected["section"]


@pytest.mark.parametrize("item", CANONICAL["valid"], ids=lambda item: item["about"])
def test_the_page_leads_to_the_bytes(item: dict[str, Any]) -> None:
    assert canonical(json.loads(item["json"])).hex() == item["hex"]


@pytest.mark.parametrize("item", CANONICAL["invalid"], ids=lambda item: item["about"])
def test_the_page_rejects_what_is_not_json(item: dict[str, Any]) -> None:
    value = json.loads(item["json"]) if "json" in item else {item["name"]: 1}
    with pytest.raises((TypeError, ValueError)):
        canonical(value)


@pytest.mark.parametrize("item", DIGESTS["value"], ids=lambda item: item["about"])
def test_the_page_leads_to_the_digests(item: dict[str, Any]) -> None:
    assert digest_of_value(item["domain"], json.loads(item["json"])) == item["digest"]
    assert digest(item["preimage"]) == item["digest"]
