"""The key: unchanged by what no tool sees, changed by every field that matters."""

from __future__ import annotations

import json
import os
import random
import shutil
import tempfile
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cwl_memo.core.facts import JobFacts, JobTraits
from cwl_memo.core.fingerprint import fingerprint
from tests.golden.keying import fingerprint_of
from tests.golden.vectors import ROOT, read

SOURCE = ROOT / "fingerprints" / "whole" / "plain"
PINNED = read(SOURCE / "vector.json")["expected"]["key"]

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=3), children, max_size=3)
    ),
    max_leaves=6,
)
facts = st.builds(
    JobFacts,
    traits=st.builds(JobTraits, label=st.text(max_size=5)),
    tool=values,
    outputs=values,
    requirements=values,
    inputs=values,
    cwl_version=st.none() | st.sampled_from(["v1.0", "v1.2"]),
    image=values,
    host=values,
    runtime=values,
    environment=values,
    options=values,
)
KEYED = sorted({field.name for field in fields(JobFacts)} - {"traits", "outputs"})


@given(facts, st.sampled_from(KEYED), values)
def test_every_field_of_the_facts_is_in_the_key(known: JobFacts, name: str, value: Any) -> None:
    other = replace(known, **{name: value})
    same = repr(getattr(known, name)) == repr(value)
    if same:
        assert fingerprint(other).key == fingerprint(known).key
    elif getattr(known, name) != value or json.dumps(getattr(known, name)) != json.dumps(value):
        assert fingerprint(other).key != fingerprint(known).key


@given(facts, values)
def test_the_outputs_section_is_apart_from_the_key(known: JobFacts, value: Any) -> None:
    other = replace(known, outputs=value)
    assert fingerprint(other).key == fingerprint(known).key
    if json.dumps(value) != json.dumps(known.outputs):
        assert fingerprint(other).section != fingerprint(known).section


@given(facts, st.text(min_size=1, max_size=4))
def test_salt_parts_keys(known: JobFacts, salt: str) -> None:
    assert fingerprint(known, salt).key != fingerprint(known).key


def test_the_label_is_not_in_the_key() -> None:
    known = JobFacts(traits=JobTraits("a"), tool={}, outputs={})
    assert fingerprint(replace(known, traits=JobTraits("b"))).key == fingerprint(known).key


def _shuffled(value: Any, dice: random.Random) -> Any:
    """Return the value with the names of every map in another order."""
    if isinstance(value, dict):
        items = [(name, _shuffled(item, dice)) for name, item in value.items()]
        dice.shuffle(items)
        return dict(items)
    return [_shuffled(item, dice) for item in value] if isinstance(value, list) else value


def _document() -> dict[str, Any]:
    """Return the tool of the vector as JSON."""
    from ruamel.yaml import YAML

    loaded: dict[str, Any] = json.loads(json.dumps(YAML(typ="safe").load(SOURCE / "tool.cwl")))
    return loaded


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("documents")


@given(st.integers(min_value=0), st.text("abc \n", max_size=8))
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_prose_order_place_and_time_are_not_in_the_key(folder: Path, seed: int, prose: str) -> None:
    """Order of names, label, doc, intent, extension metadata; where files lie and when."""
    dice = random.Random(seed)
    place = Path(tempfile.mkdtemp(dir=folder))
    shutil.copytree(SOURCE, place, dirs_exist_ok=True)
    document = _shuffled(_document(), dice)
    document.update(label=prose, doc=[prose, "more"], intent=["http://example.org/" + str(seed)])
    document["$namespaces"] = {"s": "http://schema.org/"}
    document["s:author"] = prose
    document["inputs"]["level"].update(doc=prose, label=prose)
    (place / "tool.cwl").write_text(json.dumps(document))
    then = dice.randrange(10**9)
    os.utime(place / "a.txt", (then, then))
    job = _shuffled(json.loads((SOURCE / "job.json").read_text()), dice)
    assert str(fingerprint_of(place / "tool.cwl", job, folder / "store").key) == PINNED


EDITS: dict[str, Any] = {
    "baseCommand": ["align"],
    "arguments": ["--threads=$(runtime.cores)"],
    "stdin": "$(inputs.reads[0].path)",
    "stdout": "log.txt",
    "stderr": "errors.txt",
    "successCodes": [0],
    "temporaryFailCodes": [7],
    "permanentFailCodes": [9],
}


@pytest.mark.parametrize("name", EDITS)
def test_every_part_of_the_tool_is_in_the_key(folder: Path, name: str) -> None:
    place = folder / f"edit-{name}"
    shutil.copytree(SOURCE, place)
    (place / "tool.cwl").write_text(json.dumps({**_document(), name: EDITS[name]}))
    job = json.loads((SOURCE / "job.json").read_text())
    assert str(fingerprint_of(place / "tool.cwl", job, folder / "store").key) != PINNED
