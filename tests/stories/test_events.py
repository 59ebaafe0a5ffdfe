"""Events: told as things happen, one line each, in one schema with the report."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cwl_memo.report.schema import report_schema

from .bench import Bench, Run
from .test_replay import Again, answer_only
from .workflows import chain, scatter

JSON = dict[str, Any]
OFF = {"WorkReuse": {"enableReuse": False}}


def job(bench: Bench, text: str = "one\n") -> JSON:
    bench.write("in.txt", text)
    return {"f": {"class": "File", "path": "in.txt"}}


def events(bench: Bench, name: str = "events.jsonl") -> list[JSON]:
    """Return the events so far, each held against the schema."""
    data = (bench.folder / name).read_bytes()
    assert not data or data.endswith(b"\n")
    found = [json.loads(line) for line in data.splitlines()]
    schema = report_schema()
    validator = jsonschema.Draft202012Validator({"$ref": "#/$defs/event", "$defs": schema["$defs"]})
    for event in found:
        validator.validate(event)
    return found


def run(bench: Bench, document: Path, given: Any, *options: str) -> tuple[Run, list[JSON]]:
    """Run with events; return the run and what it told."""
    path = bench.folder / "events.jsonl"
    path.unlink(missing_ok=True)
    done = bench.run(document, given, "--memo-events", str(path), *options)
    return done, events(bench)


def short(found: list[JSON]) -> list[tuple[str, str, str]]:
    return [(event["event"], event["job"], event["cause"]) for event in found]


def test_a_cold_run_tells_misses_and_new_entries_and_a_warm_one_hits(bench: Bench) -> None:
    document, given = chain(bench, "cat $1", "wc -c < $1"), job(bench)
    cold, told = run(bench, document, given)
    assert short(told) == [
        ("CACHE_MISS", "s1", "no-entry"),
        ("CACHE_ENTRY_CREATED", "s1", ""),
        ("CACHE_MISS", "s2", "no-entry"),
        ("CACHE_ENTRY_CREATED", "s2", ""),
    ]
    by_name = {record.name: record for record in cold.record.jobs}
    for event in told:
        record = by_name[event["job"]]
        assert (event["run"], event["tool"], event["key"]) == (
            cold.record.run,
            record.tool,
            record.key,
        )
    assert told[1]["seconds"] == by_name["s1"].seconds
    assert told[1]["size"] == by_name["s1"].size
    warm, told = run(bench, document, given)
    assert short(told) == [("CACHE_HIT", "s1", ""), ("CACHE_HIT", "s2", "")]
    assert {event["run"] for event in told} == {warm.record.run}
    assert {event["origin_run"] for event in told} == {cold.record.run}
    assert [event["origin_job"] for event in told] == ["s1", "s2"]


def test_a_miss_tells_what_differs(bench: Bench) -> None:
    document = bench.tool()
    run(bench, document, job(bench))
    _, told = run(bench, document, job(bench, "another\n"))
    assert short(told)[0] == ("CACHE_MISS", "tool.cwl", "changed")
    assert "inputs.f.digest" in told[0]["differs"]
    assert told[0]["nearest"] not in ("", told[0]["key"])


def test_a_refused_job_is_skipped(bench: Bench) -> None:
    _, told = run(bench, bench.tool(requirements=OFF), job(bench))
    assert short(told) == [("CACHE_SKIPPED", "tool.cwl", "work-reuse-off")]


def test_what_a_refusal_met_is_told(bench: Bench) -> None:
    bench.write("d/in.txt", "one\n")
    tool = bench.tool(
        body="cat $1/in.txt", inputs={"d": {"type": "Directory", "inputBinding": {"position": 1}}}
    )
    _, told = run(bench, tool, {"d": {"class": "Directory", "path": "d"}})
    assert short(told) == [("CACHE_SKIPPED", "tool.cwl", "directory-input")]
    assert told[0]["detail"] == "inputs.d"


def test_a_failed_job_is_skipped_after_its_miss(bench: Bench) -> None:
    done, told = run(bench, bench.tool(body="exit 3"), job(bench))
    assert done.code == 1
    assert short(told) == [
        ("CACHE_MISS", "tool.cwl", "no-entry"),
        ("CACHE_SKIPPED", "tool.cwl", "failed"),
    ]


def test_what_a_run_may_not_record_is_skipped(bench: Bench) -> None:
    bench.run(bench.tool(), job(bench))
    _, told = run(bench, bench.tool(), job(bench, "two\n"), "--memo-mode", "readonly")
    assert short(told) == [
        ("CACHE_MISS", "tool.cwl", "changed"),
        ("CACHE_SKIPPED", "tool.cwl", "store-read-only"),
    ]


def test_jobs_beside_one_another_tell_whole_lines(bench: Bench) -> None:
    files = [bench.write(f"in{i}.txt", f"{i}\n").name for i in range(6)]
    given = {"f": [{"class": "File", "path": name} for name in files]}
    document = scatter(bench, bench.tool())
    _, told = run(bench, document, given, "--parallel")
    kinds = [event["event"] for event in told]
    assert sorted(kinds) == ["CACHE_ENTRY_CREATED"] * 6 + ["CACHE_MISS"] * 6
    assert len({event["key"] for event in told}) == 6


def test_events_of_several_runs_stand_in_one_file(bench: Bench) -> None:
    document, given = bench.tool(), job(bench)
    for _ in range(2):
        bench.run(document, given, env={"CWL_MEMO_EVENTS": "events.jsonl"})
    assert [e["event"] for e in events(bench)] == ["CACHE_MISS", "CACHE_ENTRY_CREATED", "CACHE_HIT"]


def test_events_go_to_standard_error(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    done = bench.run(bench.tool(), job(bench), "--memo-events", "-")
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
    assert [json.loads(line)["event"] for line in lines] == ["CACHE_MISS", "CACHE_ENTRY_CREATED"]
    assert done.text() == "one\n"


def test_events_of_an_edited_outputs_section_are_hits(bench: Bench) -> None:
    given = job(bench)
    run(bench, bench.tool(), given)
    more = {"out": {"type": "File", "outputBinding": {"glob": "*.txt"}}}
    _, told = run(bench, bench.tool(outputs=more), given)
    assert short(told) == [("CACHE_HIT", "tool.cwl", "")]


# files that cannot be written


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has it")  # noqa: PTH110
def test_events_that_cannot_be_written_cost_one_warning(bench: Bench) -> None:
    document, given = chain(bench, "cat $1", "cat $1"), job(bench)
    done = bench.run(document, given, "--memo-events", "/dev/full")
    assert done.code == 0
    assert done.log.count("--memo-events: /dev/full: no more events are written") == 1
    assert bench.run(document, given).results == ["reused", "reused"]


@pytest.mark.parametrize("name", ["", ".", "none/events", "pipe"])
def test_a_file_that_cannot_be_written_is_a_usage_error(
    name: str, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(bench.folder / "pipe")
    done = bench.run(bench.tool(), job(bench), "--memo-events", name)
    assert (done.code, done.executed) == (2, 0)
    assert "--memo-events" in capsys.readouterr().err
    assert not bench.store.exists()


def test_without_memoization_there_are_no_events(bench: Bench) -> None:
    assert bench.run(bench.tool(), job(bench), "--no-memo", "--memo-events", "e").code == 0
    assert not (bench.folder / "e").exists()


# replay


def replayable(bench: Bench, monkeypatch: pytest.MonkeyPatch, *options: str) -> Again:
    bench.write("job.json", job(bench))
    document = chain(bench, "cat $1", "wc -c < $1")
    words = ["--memo-store", "store", "--outdir", "o", "--no-container", *options]
    return Again(bench, monkeypatch, [*words, document.name, "job.json"])


def told_again(found: list[JSON]) -> list[JSON]:
    return [{**event, "time": "", "run": ""} for event in found]


def test_a_replay_tells_what_a_warm_run_tells(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = replayable(bench, monkeypatch, "--memo-events", "e")
    assert runs.run()[0] is False
    cold = len(events(bench, "e"))
    assert runs.run()[0] is True
    replayed = events(bench, "e")[cold:]
    runs.words = ["--no-memo-replay", *runs.words]
    assert runs.run()[0] is False
    warm = events(bench, "e")[cold + len(replayed) :]
    assert told_again(replayed) == told_again(warm)
    assert [event["event"] for event in warm] == ["CACHE_HIT", "CACHE_HIT"]
    assert {event["run"] for event in replayed}.isdisjoint(event["run"] for event in warm)


def test_a_run_with_other_events_is_replayed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = replayable(bench, monkeypatch)
    runs.run()
    assert runs.run(env={"CWL_MEMO_EVENTS": "e"})[0] is True
    runs.words = ["--memo-events=f", *runs.words]
    assert runs.run(env={"CWL_MEMO_EVENTS": "e"})[0] is True
    runs.words = runs.words[1:]
    runs.words[2:2] = ["--memo-events", "-"]
    assert runs.run()[0] is True
    assert [line[:9] for line in runs.said.splitlines()[:2]] == ['{"time": '] * 2
    assert len(events(bench, "e")) == len(events(bench, "f")) == 2


def test_no_replay_where_only_the_parser_knows_what_is_meant(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = replayable(bench, monkeypatch, "--skip-schemas", "--memo-events", "e")
    runs.run()
    assert runs.run()[0] is False
    assert len(events(bench, "e")) == 6
    # Without them the same words are replayed.
    runs = replayable(bench, monkeypatch, "--skip-schemas")
    runs.run()
    assert runs.run()[0] is True


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has it")  # noqa: PTH110
def test_events_of_a_replay_that_cannot_be_written_cost_one_warning(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = replayable(bench, monkeypatch)
    runs.run()
    assert runs.run(env={"CWL_MEMO_EVENTS": "/dev/full"})[0] is True
    assert runs.said.count("no more events are written") == 1


def test_no_replay_with_events_that_cannot_be_opened(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = replayable(bench, monkeypatch)
    runs.run()
    runs.words = ["--memo-events", ".", *runs.words]
    assert answer_only(runs) is None
