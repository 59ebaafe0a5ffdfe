"""A research object tells of a reused job as of any other, and which execution it is from."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

import pytest
from cwlprov.tool import main as cwlprov
from prov.model import ProvDocument

from cwl_memo.cwl.door import get_default_args
from cwl_memo.cwl.provenance import VOCABULARY, execution_uri
from cwl_memo.cwl.witness import is_replayable
from cwl_memo.errors import StoreDamagedError
from cwl_memo.memo import Memo

from .bench import Bench, Run

# Of what cwltool writes it with.
pytestmark = pytest.mark.filterwarnings("ignore")

SORT: dict[str, Any] = {
    "run": "sort.cwl", "scatter": "f", "in": {"f": "fs"}, "out": ["out"],
}  # fmt: skip


# Every name that a tool can see of a record and of the File in it.
NAMES = "$(Object.keys(inputs.r).concat(Object.keys(inputs.r.f)).join())"

STEPS = ["inner", "join", "sort", "sort"]


def workflow(bench: Bench) -> Path:
    """Write a workflow: scattered jobs, and a nested workflow after them."""
    bench.tool("sort.cwl", body="sort $1")
    bench.tool("join.cwl", body="cat $*", inputs={
        "fs": {"type": "File[]", "inputBinding": {"position": 1}},
    })  # fmt: skip
    bench.write("inner.cwl", {
        "cwlVersion": "v1.2", "class": "Workflow",
        "inputs": {"fs": "File[]"},
        "outputs": {"out": {"type": "File", "outputSource": "join/out"}},
        "steps": {"join": {"run": "join.cwl", "in": {"fs": "fs"}, "out": ["out"]}},
    })  # fmt: skip
    return bench.write("wf.cwl", {
        "cwlVersion": "v1.2", "class": "Workflow",
        "requirements": {"ScatterFeatureRequirement": {}, "SubworkflowFeatureRequirement": {}},
        "inputs": {"fs": "File[]"},
        "outputs": {"out": {"type": "File", "outputSource": "inner/out"}},
        "steps": {
            "sort": SORT,
            "inner": {"run": "inner.cwl", "in": {"fs": "sort/out"}, "out": ["out"]},
        },
    })  # fmt: skip


def job(bench: Bench) -> dict[str, Any]:
    texts = {"a.txt": "b\na\n", "b.txt": "d\nc\n"}
    files = [str(bench.write(name, text)) for name, text in texts.items()]
    return {"fs": [{"class": "File", "path": path} for path in files]}


def one(bench: Bench) -> dict[str, Any]:
    return {"f": {"class": "File", "path": str(bench.write("in.txt", "one"))}}


class Traced:
    """A run with a research object."""

    def __init__(self, bench: Bench, document: Path, order: Any, name: str, *options: str) -> None:
        self.folder = bench.folder / name
        self.run: Run = bench.run(document, order, "--provenance", str(self.folder), *options)
        assert self.run.code == 0

    @property
    def is_valid(self) -> bool:
        return bool(cwlprov(["--quiet", "--directory", str(self.folder), "validate"]) == 0)

    def documents(self) -> list[dict[str, Any]]:
        """Return what it says, as PROV-JSON: of the run, and of each nested workflow."""
        found = sorted((self.folder / "metadata" / "provenance").glob("*.cwlprov.json"))
        for path in found:
            # Nothing that only its own writer can read.
            ProvDocument.deserialize(path, format="json")
        return [json.loads(path.read_text()) for path in found]

    def records(self, kind: str) -> list[tuple[str, dict[str, Any]]]:
        """Return the name and the rest of all that it says of a kind."""
        return [
            (name, record)
            for document in self.documents()
            for name, told in document.get(kind, {}).items()
            for record in (told if isinstance(told, list) else [told])
        ]

    def steps(self) -> dict[str, str]:
        """Return the job or step of each activity that is one, without cwltool's number."""
        return {
            name: re.sub(r"(_\d+)+$", "", activity["prov:label"].partition("#main/")[2])
            for name, activity in self.records("activity")
            if "wfprov:ProcessRun" in str(activity)
        }

    def origins(self) -> dict[str, str]:
        """Return by which execution an activity was informed."""
        return {
            told["prov:informed"]: told["prov:informant"]
            for _, told in self.records("wasInformedBy")
        }

    def data(self) -> set[str]:
        return {path.name for path in (self.folder / "data").glob("*/*")}

    def outputs(self) -> Any:
        return json.loads((self.folder / "workflow" / "primary-output.json").read_text())


def test_a_reused_job_names_the_execution_that_it_derives_from(bench: Bench) -> None:
    document, order = workflow(bench), job(bench)
    cold = Traced(bench, document, order, "cold")
    warm = Traced(bench, document, order, "warm")
    assert (cold.run.results, warm.run.results) == (["executed"] * 3, ["reused"] * 3)
    assert cold.is_valid
    assert warm.is_valid
    assert sorted(warm.steps().values()) == sorted(cold.steps().values()) == STEPS
    assert cold.origins() == {}
    first = cold.run.record.run
    assert {(warm.steps()[activity], origin) for activity, origin in warm.origins().items()} == {
        (step, execution_uri(first, name).replace("urn:uuid:", "id:"))
        for step, name in (("sort", "sort"), ("sort", "sort_2"), ("join", "join"))
    }
    assert warm.data() == cold.data()
    told, before = warm.outputs()["out"], cold.outputs()["out"]
    for name in ("class", "location", "basename", "checksum", "size"):
        assert told[name] == before[name]


def test_the_original_execution_is_told_with_what_is_known_of_it(bench: Bench) -> None:
    tool, order = bench.tool(), one(bench)
    cold = bench.run(tool, order)
    quiet = Traced(bench, tool, order, "quiet")
    open_ = Traced(bench, tool, order, "open", "--enable-host-provenance")
    (document,) = open_.documents()
    assert document["prefix"]["memo"] == VOCABULARY
    (origin,) = open_.origins().values()
    told = document["activity"][origin]
    started = cold.record.jobs[0].started
    assert told["memo:run"] == cold.record.run
    assert told["memo:job"] == "tool.cwl"
    assert told["memo:runner"] == cold.record.runner
    assert told["memo:reuseKey"] == cold.record.jobs[0].key
    assert told["memo:host"]
    assert told["prov:startTime"][13:] == started[13:].partition("+")[0]
    # The same name wherever it is told of; the machine only for who asks for machines.
    assert set(quiet.origins().values()) == {origin}
    assert "memo:host" not in quiet.documents()[0]["activity"][origin]


def test_the_outputs_of_a_reused_job_derive_from_those_of_the_execution(bench: Bench) -> None:
    tool, order = bench.tool(), one(bench)
    bench.run(tool, order)
    warm = Traced(bench, tool, order, "warm")
    assert warm.run.results == ["reused"]
    assert warm.is_valid
    (document,) = warm.documents()
    ((run, origin),) = warm.origins().items()
    generated = {
        (told["prov:entity"], told["prov:activity"]) for told in document["wasGeneratedBy"].values()
    }
    (derived,) = document["wasDerivedFrom"].values()
    assert derived["prov:activity"] == run
    assert (derived["prov:generatedEntity"], run) in generated
    assert (derived["prov:usedEntity"], origin) in generated
    used = [told["prov:activity"] for told in document["used"].values()]
    assert set(used) == {run}


def test_jobs_are_reused_with_and_without_a_research_object(bench: Bench) -> None:
    document, order = workflow(bench), job(bench)
    Traced(bench, document, order, "cold")
    assert bench.run(document, order).results == ["reused"] * 3
    bench.store = bench.folder / "other"
    bench.run(document, order)
    warm = Traced(bench, document, order, "warm")
    assert warm.run.results == ["reused"] * 3
    assert warm.is_valid


def test_a_research_object_of_parallel_jobs_tells_of_those_that_were_reused(bench: Bench) -> None:
    document, order = workflow(bench), job(bench)
    cold = Traced(bench, document, order, "cold", "--parallel")
    warm = Traced(bench, document, order, "warm", "--parallel")
    assert (cold.run.results, warm.run.results) == (["executed"] * 3, ["reused"] * 3)
    assert cold.is_valid
    assert warm.is_valid
    assert sorted(warm.steps().values()) == STEPS
    assert len(warm.origins()) == 3


def test_a_tool_by_itself_with_parallel_is_executed(bench: Bench) -> None:
    # cwltool has no provenance of it.
    tool, order = bench.tool(), one(bench)
    bench.run(tool, order)
    traced = bench.run(tool, order, "--parallel", "--provenance", str(bench.folder / "ro"))
    assert (traced.code, traced.causes) == (0, ["provenance-unsupported"])


@pytest.mark.parametrize("is_traced", [False, True], ids=["plain", "traced"])
def test_no_mark_of_a_research_object_reaches_a_tool_or_the_store(
    is_traced: bool, bench: Bench
) -> None:
    fields = [{"name": "f", "type": "File"}, {"name": "n", "type": "int"}]
    record = {"type": "record", "name": "R", "fields": fields}
    bench.tool("make.cwl", body="echo one", inputs={}, outputs={
        "r": {"type": record, "outputBinding": {
            "glob": "out.txt", "outputEval": "${ return {f: self[0], n: 1}; }",
        }},
    }, requirements={"InlineJavascriptRequirement": {}})  # fmt: skip
    bench.tool(
        "tell.cwl", body='echo "$1"', inputs={"r": {"type": record}},
        arguments=[
            {"position": -2, "valueFrom": 'echo "$1"'}, {"position": -1, "valueFrom": "tool"},
            {"position": 1, "valueFrom": NAMES},
        ],
        requirements={"InlineJavascriptRequirement": {}},
    )  # fmt: skip
    document = bench.write("wf.cwl", {
        "cwlVersion": "v1.2", "class": "Workflow", "inputs": {},
        "outputs": {"out": {"type": "File", "outputSource": "tell/out"}},
        "steps": {
            "make": {"run": "make.cwl", "in": {}, "out": ["r"]},
            "tell": {"run": "tell.cwl", "in": {"r": "make/r"}, "out": ["out"]},
        },
    })  # fmt: skip
    run = Traced(bench, document, {}, "ro").run if is_traced else bench.run(document, {})
    assert run.results == ["executed"] * 2
    assert run.text().startswith("f,n,")
    assert "@id" not in run.text()
    entries = [path.read_text() for path in (bench.store / "entries").glob("*/*.json")]
    assert len(entries) == 2
    assert not any("urn:uuid:" in text for text in entries)
    # The other one can see where its input lies.
    assert bench.run(document, {}).results[0] == "reused"


def directories(bench: Bench) -> Path:
    bench.tool("make.cwl", body="mkdir d d/e; cp $1 d/e/f", outputs={
        "d": {"type": "Directory", "outputBinding": {"glob": "d"}},
    }, stdout=None)  # fmt: skip
    bench.tool("look.cwl", body="printenv LISTED", inputs={"d": "Directory"}, requirements={
        "InlineJavascriptRequirement": {},
        "EnvVarRequirement": {"envDef": {"LISTED": "$(inputs.d.listing ? 'yes' : 'no')"}},
    })  # fmt: skip
    return bench.write("wf.cwl", {
        "cwlVersion": "v1.2", "class": "Workflow", "inputs": {"f": "File"},
        "outputs": {
            "out": {"type": "File", "outputSource": "look/out"},
            "d": {"type": "Directory", "outputSource": "make/d"},
        },
        "steps": {
            "make": {"run": "make.cwl", "in": {"f": "f"}, "out": ["d"]},
            "look": {"run": "look.cwl", "in": {"d": "make/d"}, "out": ["out"]},
        },
    })  # fmt: skip


def test_a_directory_is_described_and_no_tool_sees_it(bench: Bench) -> None:
    document, order = directories(bench), one(bench)
    words = ("--memo-directories", "content")
    cold = Traced(bench, document, order, "cold", *words)
    assert cold.run.text() == "no\n"
    warm = Traced(bench, document, order, "warm", *words)
    plain = bench.run(document, order, *words)
    assert (warm.run.results, plain.results) == (["reused"] * 2, ["reused"] * 2)
    assert warm.is_valid
    assert warm.data() == cold.data()
    assert (warm.run.outdir / "d" / "e" / "f").read_text() == "one"
    assert warm.run.text() == plain.text() == "no\n"


@pytest.mark.parametrize("link", ["copy", "hardlink"])
def test_nothing_in_a_research_object_is_an_input_or_a_blob_itself(link: str, bench: Bench) -> None:
    document, order = workflow(bench), job(bench)
    for name in ("cold", "warm"):
        traced = Traced(bench, document, order, name, "--memo-link", link)
        assert traced.run.not_recorded == [""] * 3
    found = [path for name in ("cold", "warm") for path in (bench.folder / name).rglob("data/*/*")]
    outputs = [path for path in bench.folder.glob("outdir*/*") if path.is_file()]
    blobs = list((bench.store / "blobs").glob("*/*"))
    inputs = [Path(item["path"]) for item in order["fs"]]
    assert all((len(found), len(outputs), len(blobs)))
    assert {path.stat().st_nlink for path in (*found, *outputs, *blobs, *inputs)} == {1}


def test_a_job_whose_provenance_cannot_be_written_is_executed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    document, order = workflow(bench), job(bench)
    bench.run(document, order)

    def fail(*_: Any) -> None:
        raise ValueError("no words for it")

    monkeypatch.setattr("cwl_memo.cwl.tool.tell_reuse", fail)
    traced = Traced(bench, document, order, "ro")
    assert traced.run.causes == ["provenance-unsupported"] * 3
    assert traced.is_valid
    assert sorted(traced.steps().values()) == STEPS


def test_a_file_that_is_lost_after_its_hit_is_made_again_for_the_research_object(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool, order = bench.tool(), one(bench)
    bench.run(tool, order)

    def lose(*_: Any, **__: Any) -> None:
        raise StoreDamagedError("lost")

    monkeypatch.setattr(Memo, "materialise", lose)
    traced = Traced(bench, tool, order, "ro")
    assert traced.is_valid
    assert traced.run.text() == "one"


def test_a_run_with_a_research_object_is_not_replayed(bench: Bench) -> None:
    defaults = get_default_args()
    given = argparse.Namespace(**{**defaults, "workflow": "tool.cwl", "provenance": "ro"})
    assert is_replayable(given, defaults) == "option provenance"
