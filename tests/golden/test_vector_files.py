"""The vectors as a whole: well formed, and about all that the page of the key says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.golden.independent import page
from tests.golden.vectors import ROOT, read, vectors

VECTORS = vectors()
SCHEMA = read(ROOT / "vectors.schema.json")
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXPECTED = [vector.data["expected"] for vector in VECTORS]
FINGERPRINTS = [expected["fingerprint"] for expected in EXPECTED]

# Options that only those who embed cwl-memo can give.
_OF_EMBEDDERS = {"docker_outdir", "docker_tmpdir", "docker_stagedir"}


def members(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object in a value."""
    if isinstance(value, dict):
        yield value
    if isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from members(item)


@pytest.mark.parametrize(
    "path",
    [ROOT / "canonical.json", ROOT / "digests.json", *(v.folder / "vector.json" for v in VECTORS)],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_files_of_vectors_follow_the_schema(path: Path) -> None:
    # By its kind at once: what is wrong is then told better than by all of them.
    kind = {"$ref": f"#/$defs/{read(path)['kind']}"}
    jsonschema.Draft202012Validator({"$defs": SCHEMA["$defs"], **kind}).validate(read(path))


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_folder_is_named_in_the_readme() -> None:
    families = {vector.folder.parent.name for vector in VECTORS}
    cells = re.findall(r"^\| (`[a-z]+`(?:, `[a-z]+`)*) \|", README, re.MULTILINE)
    assert {name for cell in cells for name in re.findall(r"`(\w+)`", cell)} == families
    assert len(VECTORS) > 100


def test_no_folder_is_without_a_vector() -> None:
    folders = {path for path in ROOT.glob("fingerprints/*/*") if path.is_dir()}
    assert folders == {vector.folder for vector in VECTORS}


def test_each_vector_is_about_something_of_its_own() -> None:
    told = [vector.data["about"] for vector in VECTORS]
    assert len(set(told)) == len(told)


def test_programs_and_images_by_content_come_with_the_vector() -> None:
    for vector in VECTORS:
        options, environment = vector.data["options"], vector.data.get("environment", {})
        if options["memo-host-tools"] == "content":
            # Else a program of this machine would be in the key.
            assert all(
                "{folder}" in folder or not folder.startswith("/")
                for folder in environment["PATH"].split(":")
            ), vector.name


# what the page says: each row of its tables is in some vector


@pytest.mark.parametrize("name", page.rows("tool"))
def test_members_of_the_tool_are_covered(name: str) -> None:
    assert any(name in found["tool"] for found in FINGERPRINTS)


@pytest.mark.parametrize("name", page.rows("outputs"))
def test_members_of_the_outputs_section_are_covered(name: str) -> None:
    assert any(expected["outputs"].get(name) for expected in EXPECTED)


@pytest.mark.parametrize("name", page.rows("inputs"))
def test_members_of_files_are_covered(name: str) -> None:
    files = [item for found in FINGERPRINTS for item in members(found["inputs"])]
    assert any(name in item for item in files if item.get("class") == "File")


@pytest.mark.parametrize("name", page.rows("requirements"))
def test_classes_of_requirements_are_covered(name: str) -> None:
    texts = [path.read_text(encoding="utf-8") for path in ROOT.rglob("*.cwl")]
    assert any(re.search(rf"(?<![\w:]){re.escape(name)}\b", text) for text in texts)


@pytest.mark.parametrize("name", page.kept_classes())
def test_classes_that_count_are_in_a_fingerprint(name: str) -> None:
    full = name.replace("cwltool:", "http://commonwl.org/cwltool#")
    if name != "SoftwareRequirement":  # needs a resolver of software, which no vector has
        assert any(full in found["requirements"] for found in FINGERPRINTS)


@pytest.mark.parametrize("row", page.rows("image"))
def test_forms_of_images_are_covered(row: str) -> None:
    names = re.findall(r'"(\w+)":', row)
    assert names
    if row.startswith("{"):
        assert any(found["image"] and set(names) == set(found["image"]) for found in FINGERPRINTS)


@pytest.mark.parametrize(
    "field", ["cwl_version", "runtime", "environment", "options", "host", "salt"]
)
def test_fields_are_covered_with_and_without_a_value(field: str) -> None:
    assert any(found[field] for found in FINGERPRINTS)
    assert any(not found[field] for found in FINGERPRINTS)


def test_resources_and_options_are_covered() -> None:
    resources = {name for found in FINGERPRINTS for name in found["runtime"]}
    assert resources == {"cores", "ram", "tmpdirSize", "outdirSize", "cudaDeviceCount"}
    options = {name for found in FINGERPRINTS for name in found["options"]}
    assert options | _OF_EMBEDDERS == page.options()


def test_a_vector_is_canonical() -> None:
    for vector in VECTORS:
        path = vector.folder / "vector.json"
        text = json.dumps(vector.data, indent=2, ensure_ascii=False)
        assert path.read_text(encoding="utf-8") == text + "\n", vector.name
