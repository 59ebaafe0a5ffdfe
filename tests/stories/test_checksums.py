"""The checksums of outputs are those that cwltool computes, wherever they come from."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, ClassVar

import pytest
from cwltool.context import RuntimeContext
from cwltool.factory import Factory
from cwltool.stdfsaccess import StdFsAccess

from cwl_memo.cwl.checksums import can_wait
from cwl_memo.cwl.session import Session
from cwl_memo.store.local import open_store

from .bench import Bench, Run
from .delivered import delivered

GLOB = {"outputBinding": {"glob": "out*"}}
JAVASCRIPT: dict[str, Any] = {"InlineJavascriptRequirement": {}}


def job(bench: Bench) -> dict[str, Any]:
    return {"f": {"class": "File", "path": str(bench.write("in.txt", "one\n"))}}


def checksum(text: str) -> str:
    return f"sha1${hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()}"


ENTRY = {"entryname": "out.txt", "entry": "$(inputs.f)"}
STAGED = {"InitialWorkDirRequirement": {"listing": [ENTRY]}}
LOADED = {"type": "File", "outputBinding": {"glob": "*", "loadContents": True}}
LISTED = {"type": "Any", "outputBinding": {"glob": "d", "loadListing": "deep_listing"}}
ALTERED = {"glob": "out*", "outputEval": "${self[0].x = 1; return self[0]}"}
WRITTEN = '{"out": {"class": "File", "location": "x"}}'


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"outputs": {"out": {"type": "File[]", **GLOB}}},
        {"outputs": {"out": {"type": ["null", "File"], "outputBinding": {"glob": "out.txt"}}}},
        {"outputs": {"out": {"type": {"type": "array", "items": "File"}, **GLOB}}},
        {"outputs": {"out": {"type": "stdout"}}, "stdout": "out.txt"},
        {"outputs": {"out": {"type": "File", "format": "http://x.org/f", **GLOB}}},
        {"outputs": {"out": {"type": "File", "secondaryFiles": [".none?"], **GLOB}}},
        {"outputs": {"out": LOADED}},
        {
            "requirements": JAVASCRIPT,
            "outputs": {
                "out": {
                    "type": "string?",
                    "outputBinding": {
                        "glob": "out*",
                        "outputEval": "${return self[0].checksum || null}",
                    },
                }
            },
        },
        {
            "requirements": JAVASCRIPT,
            "outputs": {"out": {"type": "File", "outputBinding": ALTERED}},
        },
        # The Files of a listing get size and checksum later, the other way round.
        {"body": "mkdir d; cat $1 > d/x", "stdout": None, "outputs": {"out": LISTED}},
        # An input that is an output too: a link, which is not recorded again.
        {"arguments": [], "baseCommand": "true", "stdout": None, "requirements": STAGED},
        {"body": "cat $1 > real.txt; ln -s real.txt out.txt", "stdout": None},
        {"body": "mkdir d; cat $1 > d/x; ln -s d e; ln -s e/x out.txt", "stdout": None},
        {
            "body": f"cat $1 > x; echo '{WRITTEN}' > cwl.output.json",
            "stdout": None,
        },
    ],
)
@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--no-compute-checksum",),
        ("--leave-outputs",),
        ("--memo-directories", "content"),
    ],
)
def test_a_checksum_is_that_of_cwltool(
    bench: Bench, fields: dict[str, Any], options: tuple[str, ...]
) -> None:
    tool = bench.tool(**fields)
    given = job(bench)
    options = ("--relax-path-checks", *options)
    plain, cold, warm = (
        told(bench.run(tool, given, *options, *more)) for more in (["--no-memo"], [], [])
    )
    assert plain["code"] == 0
    assert cold == plain
    assert warm == plain


def told(run: Run) -> Any:
    """Return what was delivered, where outputs are left in directories with random names."""
    found = delivered(run)

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            # The order of the fields counts.
            return [
                (name, Path(item).name if name == "location" else plain(item))
                for name, item in value.items()
                if name != "path"
            ]
        return [plain(item) for item in value] if isinstance(value, list) else value

    return {**found, "output": plain(found["output"])}


def test_the_files_of_another_file_access_are_left_to_it(bench: Bench) -> None:
    class Elsewhere(StdFsAccess):
        opened: ClassVar[list[str]] = []

        def open(self, fn: str, mode: str) -> Any:
            self.opened.append(Path(fn).name)
            return super().open(fn, mode)

    tool = bench.tool()
    with Session(open_store(bench.store)) as session:
        runtime = RuntimeContext(
            {"default_container": None, "use_container": False, "outdir": str(bench.folder)}
        )
        runtime.make_fs_access = Elsewhere
        factory = Factory(
            session.serial_executor(), session.loading_context(), session.runtime_context(runtime)
        )
        given = {"class": "File", "location": Path(job(bench)["f"]["path"]).as_uri()}
        done: Any = factory.make(str(tool))(f=given)
        assert session.record.jobs[0].result == "executed"
    assert done["out"]["checksum"] == checksum("one\n")
    assert "out.txt" in Elsewhere.opened


def test_a_job_that_is_not_recorded_has_checksums(bench: Bench) -> None:
    tool = bench.tool()
    done = bench.run(tool, job(bench), "--memo-max-size", "1")
    assert done.not_recorded == ["too-large"]
    assert done.output["out"]["checksum"] == checksum("one\n")
    assert list(done.output["out"])[-3:-1] == ["checksum", "size"]


def test_outputs_collected_anew_have_checksums_when_they_are_wanted(bench: Bench) -> None:
    given = job(bench)
    bench.run(bench.tool(), given, "--no-compute-checksum")
    edited = {"renamed": {"type": "File", "outputBinding": {"glob": "out.txt"}}}
    tool = bench.tool(outputs=edited)
    anew = bench.run(tool, given, "--no-compute-checksum")
    assert (anew.executed, anew.output["renamed"].get("checksum")) == (0, None)
    wanted = bench.run(tool, given)
    assert (wanted.executed, wanted.output["renamed"]["checksum"]) == (0, checksum("one\n"))


def test_a_later_step_sees_the_fields_of_a_file_in_cwltools_order(bench: Bench) -> None:
    bench.tool("make.cwl")
    bench.tool(
        "look.cwl",
        body='echo "$1"',
        requirements=JAVASCRIPT,
        inputs={
            "f": {
                "type": "File",
                "inputBinding": {"position": 1, "valueFrom": "$(Object.keys(self).join())"},
            }
        },
    )
    flow = bench.write(
        "flow.cwl",
        {
            "cwlVersion": "v1.2",
            "class": "Workflow",
            "inputs": {"f": "File"},
            "outputs": {"out": {"type": "File", "outputSource": "look/out"}},
            "steps": {
                "make": {"run": "make.cwl", "in": {"f": "f"}, "out": ["out"]},
                "look": {"run": "look.cwl", "in": {"f": "make/out"}, "out": ["out"]},
            },
        },
    )
    plain = bench.run(flow, job(bench), "--no-memo")
    cold = bench.run(flow, job(bench))
    assert "checksum,size" in plain.text()
    assert cold.text() == plain.text()


def test_outputs_are_kept_where_they_cannot_be_delivered(bench: Bench) -> None:
    place = bench.folder / "made"
    place.mkdir()
    tool = bench.tool(hints={"WorkReuse": {"enableReuse": False}})
    bench.write("outdir1", "a file")  # where the outputs are to go
    below = str(bench.folder / "outdir1" / "below")
    done = bench.run(tool, job(bench), "--tmp-outdir-prefix", f"{place}/", "--outdir", below)
    assert done.code == 1
    assert [path.read_text() for path in place.rglob("out.txt")] == ["one\n"]


@pytest.mark.parametrize(
    ("output", "waits"),
    [
        ({"type": "File"}, True),
        ({"type": "File", "outputBinding": {"glob": "x"}}, True),
        ({"type": ["null", {"type": "array", "items": "File"}]}, True),
        ({"type": "File", "outputBinding": {"glob": "x", "outputEval": "$(self)"}}, False),
        ({"type": "File", "outputBinding": {"glob": "x", "loadContents": True}}, False),
        ({"type": "File", "format": "x"}, False),
        ({"type": "File", "secondaryFiles": [{"pattern": ".x"}]}, False),
        ({"type": {"type": "record", "fields": []}}, False),
        ({"type": {"type": "array", "items": "File", "outputBinding": {"glob": "x"}}}, False),
    ],
)
def test_what_asks_for_a_checksum_is_known(output: dict[str, Any], waits: bool) -> None:
    assert can_wait([{"type": "int"}, output]) is waits
