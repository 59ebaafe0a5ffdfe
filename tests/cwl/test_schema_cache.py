"""What is kept of CWL's schemas is what cwltool reads itself."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.cwl.door import SCHEMA_CACHE, get_schema, salad_schema
from cwl_memo.cwl.schema_cache import SchemaFiles

DOCUMENT = "cwlVersion: v1.0"


@pytest.fixture
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    for version in list(SCHEMA_CACHE):
        monkeypatch.delitem(SCHEMA_CACHE, version)
    monkeypatch.setattr(salad_schema, "cached_metaschema", None)


def forget() -> None:
    SCHEMA_CACHE.clear()
    salad_schema.cached_metaschema = None


def parts(loader: Any) -> dict[str, Any]:
    """Return all that a loader was told."""
    names = [name for name, value in vars(type(loader)).items() if not callable(value)]
    own = {name: getattr(loader, name) for name in names if not name.startswith("__")}
    return {
        name: value
        for name, value in own.items()
        if isinstance(value, (dict, set, list, str, bool, type(None)))
    }


@pytest.mark.usefixtures("nothing_known")
def test_the_schema_of_schemas_is_kept_as_it_was_read(tmp_path: Path) -> None:
    names, document, loader = salad_schema.get_metaschema()
    forget()
    SchemaFiles(tmp_path).prime(DOCUMENT)
    forget()
    SchemaFiles(tmp_path).prime(DOCUMENT)
    known: Any = salad_schema.cached_metaschema
    assert known is not None
    assert known[1] == document
    assert known[0].names.keys() == names.names.keys()
    assert parts(known[2]) == parts(loader)
    assert "idx" in parts(loader)


@pytest.mark.usefixtures("nothing_known")
def test_schemas_read_by_what_was_kept_are_those_of_cwltool(tmp_path: Path) -> None:
    expected: Any = get_schema("v1.1")
    SchemaFiles(tmp_path).prime(DOCUMENT)
    forget()
    SchemaFiles(tmp_path).prime(DOCUMENT)
    made: Any = get_schema("v1.1")  # by what was kept alone
    assert made[1].names.keys() == expected[1].names.keys()
    assert parts(made[0]) == parts(expected[0])


@pytest.mark.usefixtures("nothing_known")
@pytest.mark.parametrize(
    "damage", [b"", b"not a pickle", pickle.dumps((1, 2)), pickle.dumps([0] * 6)]
)
def test_what_was_kept_and_is_damaged_is_read_anew(tmp_path: Path, damage: bytes) -> None:
    SchemaFiles(tmp_path).prime(DOCUMENT)
    for path in tmp_path.iterdir():
        path.write_bytes(damage)
    forget()
    SchemaFiles(tmp_path).prime(DOCUMENT)
    assert get_schema("v1.0")[1] is not None
    assert salad_schema.get_metaschema()[2].vocab
