"""``cwl-memo runs show``, ``logs``, ``workspace`` and ``outputs``: a run, once it has ended."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.main import main
from cwl_memo.core.digest import Digest
from cwl_memo.core.entry import Entry, OutputVariant
from cwl_memo.core.run import EXECUTED, FAILED, REFUSED, REUSED, JobRecord
from cwl_memo.report.schema import report_schema
from tests.cli.stories import COLD, WARM, Shelf, cold_run, fingerprint

Text = pytest.CaptureFixture[str]
Bytes = pytest.CaptureFixture[bytes]


def executed(entry: Entry, name: str = "align") -> JobRecord:
    return JobRecord(
        name, "align.cwl", EXECUTED, "miss", key=entry.key.hex, cause="no-entry", seconds=723.0,
        size=entry.size, started=entry.origin.started, section=str(entry.variants[0].section),
    )  # fmt: skip


def reused(entry: Entry, name: str = "align") -> JobRecord:
    return JobRecord(
        name, "align.cwl", REUSED, "hit", key=entry.key.hex, origin_run=entry.origin.run,
        origin_job=entry.origin.job, seconds=723.0, size=entry.size,
        started="2026-11-21T10:15:00+00:00", section=str(entry.variants[0].section),
    )  # fmt: skip


REFUSAL = JobRecord(
    "index", "index.cwl", REFUSED, "refusal", cause="directory-input", detail="inputs.ref"
)
FAILURE = JobRecord(
    "sort[1]", "sort.cwl", FAILED, "miss", key="f" * 64, cause="no-entry", not_recorded="failed"
)


@pytest.fixture
def entry(shelf: Shelf) -> Entry:
    """What the job ``align`` of the cold run left, which the warm run reused."""
    entry = shelf.record(fingerprint(reads="1"), stderr_name="align.log")
    shelf.append(replace(cold_run(), jobs=[executed(entry), REFUSAL, FAILURE]))
    changed = replace(
        FAILURE, name="sort", result=EXECUTED, cause="changed", differs=("inputs.x", "image"),
        not_recorded="too-large", detail="9 GB",
    )  # fmt: skip
    shelf.append(replace(cold_run(), run=WARM, jobs=[reused(entry), changed]))
    return entry


# runs show


def test_a_run_is_shown_with_each_job(entry: Entry, capsys: Text) -> None:
    assert main(["runs", "show", "latest"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        f"run        {WARM}",
        "document   workflows/wf.cwl",
        "status     success",
        "started    2026-11-20 10:15",
    ]
    cells = [" ".join(line.split()) for line in lines]
    short = entry.key.hex[:12]
    assert (
        f"align reused run {COLD} 12 min 3 s {entry.size} bytes 2026-11-21 10:15 {short} align.cwl"
    ) in cells
    assert any(
        line.startswith(
            "sort executed changed: inputs.x, image; not recorded: too-large (9 GB) 0.0 s"
        )
        for line in cells
    )
    assert lines[-1].startswith("2 jobs: 1 reused, 1 executed")


@pytest.mark.usefixtures("entry")
def test_a_refused_and_a_failed_job_say_why(capsys: Text) -> None:
    assert main(["runs", "show", COLD]) == 0
    cells = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert any(line.startswith("index refused directory-input (inputs.ref) 0.0") for line in cells)
    assert any(line.startswith("sort[1] failed no-entry 0.0") for line in cells)


def test_a_run_is_one_document_in_the_schema_of_the_report(entry: Entry, capsys: Text) -> None:
    assert main(["runs", "show", "-1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator(report_schema()).validate(document)
    assert [job["result"] for job in document["jobs"]] == ["reused", "executed"]
    assert document["jobs"][0]["origin_job"] == "align"
    assert document["jobs"][0]["key"] == entry.key.hex


@pytest.mark.usefixtures("entry")
def test_jobs_of_a_run_are_chosen_by_name_and_result(capsys: Text) -> None:
    assert main(["runs", "show", COLD, "*", "--result", "failed", "--json"]) == 0
    assert [job["name"] for job in json.loads(capsys.readouterr().out)["jobs"]] == ["sort[1]"]
    assert main(["runs", "show", COLD, "sort[1]"]) == 0
    assert "index" not in capsys.readouterr().out
    assert main(["runs", "show", COLD, "--result", "reused"]) == 0
    assert "RESULT" not in capsys.readouterr().out
    assert main(["runs", "show", COLD, "none"]) == ExitCode.NOT_SO.status


@pytest.mark.usefixtures("entry")
def test_options_of_runs_may_stand_before_and_after_show(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, capsys: Text
) -> None:
    monkeypatch.setenv("HOME", "/nonexistent")
    for words in (["--store", str(shelf.path), "show", "-1"], ["show", "-1", "--store"]):
        more = [str(shelf.path)] if words[-1] == "--store" else []
        assert main(["runs", *words, *more]) == 0
    assert main(["runs", "--json", "--store", str(shelf.path), "show", "-1"]) == 0
    assert capsys.readouterr().out.endswith("}\n")


@pytest.mark.usefixtures("entry")
def test_run_show_is_runs_show_unless_there_is_such_a_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Text
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["run", "show", "latest"]) == 0
    assert capsys.readouterr().out.startswith(f"run        {WARM}")
    ran: list[list[str]] = []

    def run_workflow(words: list[str]) -> int:
        ran.append(words)
        return 7

    monkeypatch.setattr("cwl_memo.cli.main._run_workflow", run_workflow)
    (tmp_path / "show").write_text("a document")
    assert main(["run", "show", "latest"]) == 7
    assert ran == [["show", "latest"]]


@pytest.mark.usefixtures("entry")
def test_an_unknown_run_is_not_found(capsys: Text) -> None:
    assert main(["runs", "show", "1999"]) == ExitCode.NOT_SO.status
    assert "cwl-memo runs" in capsys.readouterr().err
    assert main(["runs", "show", "2026-11-2"]) == ExitCode.USAGE.status


# logs


@pytest.mark.usefixtures("entry")
def test_the_logs_of_a_reused_job_are_those_of_the_original(capfdbinary: Bytes) -> None:
    assert main(["logs", "latest", "align"]) == 0
    out, err = capfdbinary.readouterr()
    assert out == b"read 1 \xff\nwarned\n"
    marked = f"2026-11-20 10:15, copied from run {COLD}, job align"
    assert err.decode().splitlines() == [
        f"[job align] stdout, 9 bytes, of {marked}",
        f"[job align] stderr to align.log, 7 bytes, of {marked}",
    ]


@pytest.mark.usefixtures("entry")
def test_the_logs_of_an_executed_job_are_no_copies(capfdbinary: Bytes) -> None:
    assert main(["logs", COLD, "align", "--stderr"]) == 0
    out, err = capfdbinary.readouterr()
    assert out == b"warned\n"
    assert err == b"[job align] stderr to align.log, 7 bytes, of 2026-11-20 10:15\n"


def test_the_logs_are_one_document(entry: Entry, capsys: Text) -> None:
    assert main(["logs", "latest", "a*", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["run"] == WARM
    (job,) = document["jobs"]
    assert (job["job"], job["key"], job["is_copy"]) == ("align", entry.key.hex, True)
    assert (job["origin_run"], job["origin_job"]) == (COLD, "align")
    assert job["logs"]["stdout"]["text"] == "read 1 \ufffd\n"
    assert job["logs"]["stderr"]["name"] == "align.log"
    assert job["logs"]["stderr"]["size"] == 7


def test_an_entry_that_was_recorded_anew_since_is_said_to_be(
    entry: Entry, shelf: Shelf, capfdbinary: Bytes
) -> None:
    with shelf.opened() as store:
        store.publish(replace(entry, origin=replace(entry.origin, run="2026-11-22-x", job="b")))
    assert main(["logs", "latest", "align", "--stdout"]) == 0
    assert b"recorded anew since by run 2026-11-22-x, job b" in capfdbinary.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sort[[]1]"], "job sort[1]: it was not recorded: failed"),
        (["index"], "job index: it was not recorded: directory-input"),
    ],
)
@pytest.mark.usefixtures("entry")
def test_a_job_that_was_not_recorded_has_no_logs(words: list[str], said: str, capsys: Text) -> None:
    assert main(["logs", COLD, *words]) == ExitCode.NOT_SO.status
    assert said in capsys.readouterr().err


@pytest.mark.usefixtures("entry")
def test_jobs_without_logs_do_not_hide_those_of_others(capsys: Text) -> None:
    assert main(["logs", COLD, "*", "--stderr"]) == ExitCode.NOT_SO.status
    captured = capsys.readouterr()
    assert captured.out == "warned\n"
    assert "job index: it was not recorded: directory-input\n" in captured.err


def test_logs_that_are_gone_are_said_to_be(entry: Entry, shelf: Shelf, capsys: Text) -> None:
    with shelf.opened() as store:
        store.gc(0)
    assert main(["logs", "latest", "align", "--stdout"]) == ExitCode.NOT_SO.status
    assert "job align: its stdout is no longer kept" in capsys.readouterr().err
    with shelf.opened() as store:
        store.drop_entry(entry.key)
    assert main(["logs", "latest", "align"]) == ExitCode.NOT_SO.status
    assert "job align: its entry is no longer in the store" in capsys.readouterr().err


def test_a_job_without_a_log_says_so(shelf: Shelf, capsys: Text) -> None:
    entry = shelf.record(fingerprint(reads="1"))
    silent = replace(entry, stdout=None, stderr_name="gone.log", stderr=None)
    with shelf.opened() as store:
        store.publish(silent)
    shelf.append(replace(cold_run(), jobs=[executed(silent)]))
    assert main(["logs", "latest", "align"]) == ExitCode.NOT_SO.status
    assert "job align: no stdout and no stderr was recorded" in capsys.readouterr().err


# workspace


@pytest.mark.usefixtures("entry")
def test_the_workspace_of_a_reused_job_is_put_into_a_directory(
    tmp_path: Path, capsys: Text
) -> None:
    place = tmp_path / "w"
    assert main(["workspace", "latest", "align", str(place)]) == 0
    assert sorted(path.name for path in place.iterdir()) == ["align.log", "out.bam"]
    assert (place / "align.log").read_bytes() == b"warned\n"
    assert capsys.readouterr().out == (
        f"{place}: 2 files, 15 bytes, copied from run {COLD}, job align\n"
    )


def test_the_workspace_is_told_as_a_document(
    entry: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Text
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["workspace", COLD, "align", "w", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "run": COLD,
        "job": "align",
        "key": entry.key.hex,
        "origin_run": COLD,
        "origin_job": "align",
        "directory": str(tmp_path / "w"),
        "files": 2,
        "size": 15,
        "partial": False,
        "lost_inputs": [],
    }


@pytest.mark.usefixtures("entry")
def test_a_directory_that_is_not_empty_is_not_touched(tmp_path: Path, capsys: Text) -> None:
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "mine").write_text("mine")
    for verb in ("workspace", "outputs"):
        words = [verb, "latest", "align", str(tmp_path / "w")]
        assert main(words) == ExitCode.USAGE.status
        assert "is not empty" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "w").iterdir()] == ["mine"]


@pytest.mark.usefixtures("entry")
def test_a_name_for_several_jobs_is_no_workspace(tmp_path: Path, capsys: Text) -> None:
    words = ["workspace", COLD, "*", str(tmp_path / "w")]
    assert main(words) == ExitCode.USAGE.status
    assert "3 jobs have such a name; name one: align, index, sort[1]" in capsys.readouterr().err


@pytest.mark.usefixtures("entry")
def test_a_workspace_that_was_evicted_is_not_kept(
    shelf: Shelf, tmp_path: Path, capsys: Text
) -> None:
    with shelf.opened() as store:
        store.gc(0)
    for verb in ("workspace", "outputs"):
        words = [verb, "latest", "align", str(tmp_path / "w")]
        assert main(words) == ExitCode.NOT_SO.status
        assert "evicted" in capsys.readouterr().err
    assert not (tmp_path / "w").exists()


def test_what_a_workspace_lacks_is_said(
    shelf: Shelf, tmp_path: Path, capsys: Text, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = shelf.record(fingerprint(reads="1"))
    nodes: list[Any] = [
        {"path": "reads.fq", "kind": "input", "digest": f"blake3:{'1' * 64}", "size": 5}
    ]
    with shelf.opened() as store:
        data = json.dumps({"nodes": nodes, "partial": True}).encode()
        tree = store.ingest_bytes(data)
        blobs = (*entry.blobs, type(entry.blobs[0])(tree, len(data)))
        store.publish(replace(entry, tree=tree, blobs=blobs))
    shelf.append(replace(cold_run(), jobs=[executed(entry)]))
    monkeypatch.chdir(tmp_path)
    assert main(["workspace", "latest", "align", "w"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "w: 0 files, 0 bytes\n"
    assert captured.err.splitlines() == [
        "left out: reads.fq, an input of the job, whose bytes are not in the store",
        "left out: what cannot be recorded, such as links to other places, pipes, secrets",
    ]


# outputs


def test_the_output_object_is_listed_with_digests(entry: Entry, capsys: Text) -> None:
    assert main(["outputs", "latest", "align"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {
        "bam": {
            "class": "File",
            "basename": "out.bam",
            "path": "out.bam",
            "size": 8,
            "digest": str(entry.blobs[0].digest),
            "checksum": "sha1$9933781b42bac107e3dc7b1690d00b542afbcd37",
        }
    }
    assert captured.err == f"[job align] copied from run {COLD}, job align\n"


@pytest.mark.usefixtures("entry")
def test_the_output_object_says_where_its_files_were_put(tmp_path: Path, capsys: Text) -> None:
    place = tmp_path / "o o"
    assert main(["outputs", COLD, "align", str(place)]) == 0
    captured = capsys.readouterr()
    out = json.loads(captured.out)["bam"]
    assert out["path"] == str(place / "out.bam")
    assert out["location"] == f"file://{tmp_path}/o%20o/out.bam"
    assert Path(out["path"]).read_bytes() == b"aligned\n"
    assert captured.err == ""
    assert [path.name for path in place.iterdir()] == ["out.bam"]


@pytest.mark.usefixtures("entry")
def test_the_outputs_of_an_evicted_job_are_still_listed(shelf: Shelf, capsys: Text) -> None:
    with shelf.opened() as store:
        store.gc(0)
    assert main(["outputs", "latest", "align", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["outputs"]["bam"]["path"] == "out.bam"
    assert (document["job"], document["origin_run"], document["lost_inputs"]) == (
        "align",
        COLD,
        [],
    )


def test_the_outputs_are_those_of_the_jobs_own_outputs_section(shelf: Shelf, capsys: Text) -> None:
    entry = shelf.record(fingerprint(reads="1"))
    other = OutputVariant(Digest("e" * 64), {"count": 3}, ())
    with shelf.opened() as store:
        store.publish(entry.with_variant(other))
    jobs = [
        executed(entry, "first"),
        replace(executed(entry, "second"), section=str(other.section)),
        replace(executed(entry, "old"), section=""),
    ]
    shelf.append(replace(cold_run(), jobs=jobs))
    answers = []
    for name in ("first", "second", "old"):
        assert main(["outputs", "latest", name]) == 0
        answers.append(list(json.loads(capsys.readouterr().out)))
    assert answers == [["bam"], ["count"], ["count"]]


def test_an_output_that_is_an_unknown_input_has_no_location(
    shelf: Shelf, tmp_path: Path, capsys: Text
) -> None:
    entry = shelf.record(fingerprint(reads="1"))
    passed = {"class": "File", "basename": "r.fq", "memo": {"input": ["reads"]}}
    variant = replace(entry.variants[0], output={"out": [passed]})
    with shelf.opened() as store:
        store.publish(entry.with_variant(variant))
    shelf.append(replace(cold_run(), jobs=[executed(entry)]))
    assert main(["outputs", "latest", "align", str(tmp_path / "o")]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {
        "out": [
            {
                "class": "File",
                "basename": "r.fq",
                "input": ["reads"],
                "size": 0,
                "digest": f"blake3:{'1' * 64}",
            }
        ]
    }
    assert captured.err == (
        "left out: inputs/1/r.fq, an input of the job, whose bytes are not in the store\n"
    )


def test_hostile_outputs_are_damage(shelf: Shelf, tmp_path: Path, capsys: Text) -> None:
    entry = shelf.record(fingerprint(reads="1"))
    memo = {"workspace": "../../x", "digest": str(entry.blobs[0].digest), "size": 8}
    variant = replace(entry.variants[0], output={"out": {"class": "File", "memo": memo}})
    with shelf.opened() as store:
        store.publish(entry.with_variant(variant))
    shelf.append(replace(cold_run(), jobs=[executed(entry)]))
    assert main(["outputs", "latest", "align", str(tmp_path / "o")]) == ExitCode.STORE.status
    assert "path leaves the workspace" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


def test_an_entry_without_outputs_has_none(shelf: Shelf, capsys: Text) -> None:
    entry = shelf.record(fingerprint(reads="1"))
    with shelf.opened() as store:
        store.publish(replace(entry, variants=()))
    bad = replace(executed(entry, "bad"), key="no key")
    gone = replace(REFUSAL, name="gone", key="0" * 64)
    shelf.append(replace(cold_run(), jobs=[executed(entry), bad, gone]))
    for name, code, said in (
        ("align", ExitCode.NOT_SO, "no longer in the store"),
        ("bad", ExitCode.STORE, "record of the job is damaged"),
        ("gone", ExitCode.NOT_SO, "was not recorded: directory-input"),
    ):
        assert main(["outputs", "latest", name]) == code.status
        assert said in capsys.readouterr().err


def test_without_a_run_there_is_no_job(shelf: Shelf, capsys: Text) -> None:
    shelf.record(fingerprint(reads="1"))
    assert main(["logs", "latest", "align"]) == ExitCode.NOT_SO.status
    assert "only 0 runs are recorded" in capsys.readouterr().err
