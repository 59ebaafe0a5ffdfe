"""Hits whose jobs are executed again: what is the same stays, what differs is set aside."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.core.settings import parse_rate
from cwl_memo.store.local import open_store
from cwl_memo.store.protocol import SMALL

from .bench import Bench, Run, fields
from .delivered import delivered
from .workflows import chain, scatter, step, wrap

ALL = ("--memo-recheck", "1")
JSON = Any


def mood(bench: Bench, text: str = "") -> str:
    """Change what tools read though no input names it; return its path, quoted by nobody."""
    return str(bench.write("mood", text))


def file(bench: Bench, content: str = "one\n", name: str = "in.txt") -> dict[str, JSON]:
    return {"class": "File", "path": str(bench.write(name, content))}


def job(bench: Bench) -> dict[str, JSON]:
    return {"f": file(bench)}


def rechecks(run: Run) -> list[str]:
    return [record.recheck for record in sorted(run.record.jobs, key=lambda job: job.name)]


def differing(run: Run) -> dict[str, tuple[str, str]]:
    """Return how each output differed, and what is known to vary."""
    return {d.output: (d.what, d.varies) for job in run.record.jobs for d in job.differences}


def quarantined(bench: Bench) -> int:
    return open_store(bench.store).stats().quarantined


def two(bench: Bench, tool: Path, *options: str, change: str = "other") -> tuple[Run, Run]:
    """Run a tool, change what it reads on the side, and have it rechecked."""
    mood(bench, "first")
    cold = bench.run(tool, job(bench), *options)
    assert cold.code == 0, cold.log
    mood(bench, change)
    again = bench.run(tool, job(bench), *ALL, *options)
    assert again.executed == 1, again.log
    return cold, again


# the same


def test_a_job_that_gives_the_same_is_reused_and_says_so(bench: Bench) -> None:
    tool = bench.tool()
    cold = bench.run(tool, job(bench))
    again = bench.run(tool, job(bench), *ALL)
    assert (again.executed, again.results, rechecks(again)) == (1, ["reused"], ["same"])
    assert delivered(again) == delivered(cold)
    assert again.record.jobs[0].origin_run == cold.record.run
    assert again.record.seconds_saved == 0
    assert "executed again: the same outputs" in again.log
    assert quarantined(bench) == 0
    warm = bench.run(tool, job(bench))
    assert (warm.executed, rechecks(warm)) == (0, [""])


@pytest.mark.parametrize("more", [(), ("--parallel",)], ids=["serial", "parallel"])
def test_every_kind_of_output_of_a_tool_that_does_not_vary_is_the_same(
    bench: Bench, more: tuple[str, ...]
) -> None:
    body = """mkdir -p d/e; echo a > d/e/a; ln -s e/a d/l; echo b > out.txt; echo i > out.txt.idx
chmod +x out.txt; chmod 600 out.txt.idx; echo noise$$; date +%N > scratch; date +%N >&2"""
    tool = bench.tool(
        body=body,
        stdout=None,
        requirements={"InlineJavascriptRequirement": {}},
        outputs={
            "out": {
                "type": "File",
                "secondaryFiles": ".idx",
                "outputBinding": {"glob": "out.txt", "loadContents": True},
            },
            "d": {"type": "Directory", "outputBinding": {"glob": "d"}},
            "all": {"type": "File[]", "outputBinding": {"glob": "d/e/*"}},
            "same": {"type": "File", "outputBinding": {"outputEval": "$(inputs.f)"}},
            "n": {"type": "float", "outputBinding": {"outputEval": "$(1.5)"}},
            "none": {"type": "File?", "outputBinding": {"glob": "nothing"}},
        },
    )
    options = ("--memo-directories", "content", *more)
    cold = bench.run(tool, job(bench), *options)
    assert cold.code == 0, cold.log
    again = bench.run(tool, job(bench), *options, *ALL)
    assert (again.executed, rechecks(again)) == (1, ["same"]), again.log
    assert delivered(again) == delivered(cold)
    plain = bench.run(tool, job(bench), "--no-memo", *more)
    assert delivered(again) == delivered(plain)


def test_outputs_collected_anew_are_compared_too(bench: Bench) -> None:
    bench.run(bench.tool(body="cat $1; echo x > more.txt"), job(bench))
    outputs = {"more": {"type": "File", "outputBinding": {"glob": "more.txt"}}}
    tool = bench.tool(body="cat $1; echo x > more.txt", outputs=outputs)
    again = bench.run(tool, job(bench), *ALL)
    assert (again.executed, rechecks(again)) == (1, ["same"]), again.log
    assert again.text("more") == "x\n"


def test_no_checksums_are_no_difference(bench: Bench) -> None:
    tool = bench.tool()
    bench.run(tool, job(bench))
    again = bench.run(tool, job(bench), "--no-compute-checksum", *ALL)
    assert rechecks(again) == ["same"], again.log
    assert "checksum" not in again.output["out"]


# other outputs


def test_a_job_that_gives_other_outputs_is_told_of_and_its_entry_set_aside(bench: Bench) -> None:
    tool = bench.tool(
        body=f"cat {mood(bench)}; echo same > same.txt",
        outputs={
            "out": {"type": "File", "outputBinding": {"glob": "out.txt"}},
            "same": {"type": "File", "outputBinding": {"glob": "same.txt"}},
        },
    )
    cold, again = two(bench, tool, change="fire")
    assert (again.code, again.results, rechecks(again)) == (0, ["executed"], ["differs"])
    assert differing(again) == {"out": ("5 bytes, now 4, the first that differs at offset 3", "")}
    assert again.text() == "fire"
    assert again.record.jobs[0].lookup == "hit"
    assert again.not_recorded == ["not-deterministic"]
    assert again.record.jobs[0].origin_run == cold.record.run
    assert f"outputs differ from those of run {cold.record.run}" in again.log
    assert "out: 5 bytes, now 4, the first that differs at offset 3" in again.log
    assert f"{tool} does not give the same outputs each time" in again.log
    assert "    hints:\n      WorkReuse: {enableReuse: false}" in again.log
    assert quarantined(bench) == 1
    third = bench.run(tool, job(bench))
    assert (third.executed, third.results, third.not_recorded) == (1, ["executed"], [""])


def test_the_hint_is_one_that_the_documents_version_knows(bench: Bench) -> None:
    tool = bench.tool(body=f"cat {mood(bench)}", cwlVersion="v1.0")
    _, again = two(bench, tool)
    assert "      cwltool:WorkReuse: {enableReuse: false}" in again.log
    assert '$namespaces: {cwltool: "http://commonwl.org/cwltool#"}' in again.log


@pytest.mark.parametrize(
    ("body", "outputs", "output", "what"),
    [
        ("cat mood > `cat mood`.txt", {"glob": "*.txt"}, "out", 'basename "first.txt", now'),
        ("echo a > a; [ `cat mood` = first ] || chmod +x a", {"glob": "a"}, "out", "of a program"),
        ("echo a > a; [ `cat mood` = first ] || chmod 600 a", {"glob": "a"}, "out", "now 0600"),
        (
            'echo "{\\"out\\": \\"`cat mood`\\"}" > cwl.output.json',
            "string",
            "out",
            '"first", now "other"',
        ),
        (
            """set a b; [ `cat mood` = first ] || set b a
echo "{\\"out\\": [\\"$1\\", \\"$2\\"]}" > cwl.output.json""",
            "string[]",
            "out",
            "the same items in another order",
        ),
        ("echo a > a; cat mood > a.i", {"glob": "a"}, "out.secondaryFiles[0]", "5 bytes, the"),
        ("echo a > a; [ `cat mood` = first ] || exit 3", {"glob": "a"}, "exit code", "0, now 3"),
        ("mkdir d; cat mood > d/a", "Directory", "out/a", "5 bytes, the first"),
        ("mkdir d; echo > d/`cat mood`", "Directory", "out/first", "is missing"),
    ],
)
def test_outputs_may_differ_in_anything(
    bench: Bench, body: str, outputs: JSON, output: str, what: str
) -> None:
    ports: JSON = {"out": outputs}
    if isinstance(outputs, dict):
        kind = {"type": "File", "outputBinding": outputs}
        ports = {"out": {**kind, "secondaryFiles": [{"pattern": ".i", "required": False}]}}
    elif outputs == "Directory":
        ports = {"out": {"type": "Directory", "outputBinding": {"glob": "d"}}}
    tool = bench.tool(
        body=body.replace("mood", mood(bench)), stdout=None, outputs=ports, successCodes=[0, 3]
    )
    _, again = two(bench, tool, "--memo-directories", "content")
    assert (again.code, rechecks(again)) == (0, ["differs"]), again.log
    told = [d.what for d in again.record.jobs[0].differences if d.output == output]
    assert any(what in one for one in told)
    assert quarantined(bench) == 1


def test_what_is_known_to_vary_is_still_a_difference_and_the_message_says_so(
    bench: Bench,
) -> None:
    bench.write("first.gz", gzip.compress(b"x" * 99, mtime=1))
    bench.write("other.gz", gzip.compress(b"x" * 99, mtime=2))
    tool = bench.tool(
        body=f"cat {bench.folder}/`cat {mood(bench)}`.gz > o.gz",
        stdout=None,
        outputs={"out": {"type": "File", "outputBinding": {"glob": "o.gz"}}},
    )
    _, again = two(bench, tool)
    size = len(gzip.compress(b"x" * 99))
    header = "its gzip header (time stamp or file name)"
    what = f"{size} bytes, the first that differs at offset 4"
    assert differing(again) == {"out": (what, header)}
    assert f"offset 4; only in {header}" in again.log
    assert quarantined(bench) == 1


def test_a_large_difference_is_not_looked_into(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cwl_memo.cwl.recheck.AT_MOST", 4)
    _, again = two(bench, bench.tool(body=f"cat {mood(bench)}"))
    assert differing(again) == {"out": ("5 bytes", "")}


def test_a_difference_without_the_recorded_bytes_is_a_difference(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cwl_memo.cwl.recheck.first_difference", _fail)
    _, again = two(bench, bench.tool(body=f"cat {mood(bench)}"))
    assert differing(again) == {"out": ("5 bytes, others than before", "")}


def _fail(*_: object) -> None:
    raise OSError("no bytes")


def test_of_many_differences_some_are_told_and_the_others_counted(bench: Bench) -> None:
    tool = bench.tool(
        body=f"mkdir d; for i in `seq 30`; do cat {mood(bench)} > d/$i; done",
        stdout=None,
        outputs={"out": {"type": "Directory", "outputBinding": {"glob": "d"}}},
    )
    _, again = two(bench, tool, "--memo-directories", "content")
    told = again.record.jobs[0].differences
    assert [d.output.startswith("out/") for d in told] == [True] * 20 + [False]
    assert str(told[-1]) == "outputs: 10 more differences"


def test_outputs_that_could_not_be_recorded_now_differ(bench: Bench) -> None:
    target = bench.write("elsewhere.txt", "first")
    tool = bench.tool(
        body=f"[ `cat {mood(bench)}` = first ] && printf first > out.txt || ln -s {target} out.txt",
        stdout=None,
    )
    _, again = two(bench, tool)
    assert (again.code, rechecks(again)) == (0, ["differs"]), again.log
    assert "output-outside-workspace" in differing(again)["outputs"][0]


def test_what_comes_after_a_job_that_differs_works_on_its_new_outputs(bench: Bench) -> None:
    workflow = chain(bench, f"cat $1 {mood(bench)}", "cat $1; echo b")
    mood(bench, "first\n")
    bench.run(workflow, job(bench))
    mood(bench, "other\n")
    again = bench.run(workflow, job(bench), *ALL)
    assert again.text() == "one\nother\nb\n"
    assert (rechecks(again), again.results) == (["differs", ""], ["executed", "executed"])
    # The second is another job of a tool that does not vary: it is recorded.
    assert again.not_recorded == ["not-deterministic", ""]
    warm = bench.run(workflow, job(bench))
    assert (warm.executed, warm.text()) == (1, again.text())


def test_no_job_of_a_tool_that_varies_is_recorded_in_the_same_run(bench: Bench) -> None:
    workflow = scatter(bench, bench.tool(body=f"cat $1 {mood(bench)}"))
    mood(bench, "first")
    a, b = file(bench, "a", "a.txt"), file(bench, "b", "b.txt")
    bench.run(workflow, {"f": [a]})
    mood(bench, "other")
    again = bench.run(workflow, {"f": [a, b]}, *ALL)
    assert again.not_recorded == ["not-deterministic", "not-deterministic"]
    assert again.text_of_all() == ["aother", "bother"]
    assert again.log.count("does not give the same outputs") == 1
    assert bench.run(workflow, {"f": [a, b]}).executed == 2


@pytest.mark.parametrize("more", [(), ("--parallel",)], ids=["serial", "parallel"])
def test_equal_jobs_of_a_run_are_each_executed_and_right(
    bench: Bench, more: tuple[str, ...]
) -> None:
    workflow = scatter(bench, bench.tool(body=f"cat $1 {mood(bench)}"))
    mood(bench, "first")
    equal = {"f": [file(bench)] * 4}
    bench.run(workflow, equal)
    mood(bench, "other")
    again = bench.run(workflow, equal, *ALL, *more)
    assert again.code == 0, again.log
    assert again.text_of_all() == ["one\nother"] * 4
    assert again.executed == 4
    assert "differs" in rechecks(again)
    assert {job.cause for job in again.record.jobs if not job.recheck} <= {"differed"}
    assert quarantined(bench) == 1


@pytest.mark.parametrize("more", [(), ("--parallel",)], ids=["serial", "parallel"])
def test_some_jobs_of_a_scatter_differ_and_some_do_not(bench: Bench, more: tuple[str, ...]) -> None:
    workflow = scatter(bench, bench.tool(body=f"cat $1; grep -q b $1 && cat {mood(bench)}; true"))
    mood(bench, "first")
    inputs = {"f": [file(bench, f"{name}\n", f"{name}.txt") for name in "abc"]}
    cold = bench.run(workflow, inputs)
    mood(bench, "other")
    again = bench.run(workflow, inputs, *ALL, *more)
    assert again.text_of_all() == ["a\n", "b\nother", "c\n"]
    assert sorted(rechecks(again)) == ["differs", "same", "same"]
    assert cold.text_of_all() == ["a\n", "b\nfirst", "c\n"]
    assert bench.run(workflow, inputs).executed == 1


# failures, and what cannot be compared


@pytest.mark.parametrize("more", [(), ("--parallel",)], ids=["serial", "parallel"])
@pytest.mark.parametrize(
    ("ending", "detail"),
    [("exit 1", "exit code 1"), ("rm out.txt", "it ended without outputs")],
    ids=["exit", "missing"],
)
def test_a_job_that_fails_when_executed_again_leaves_everything_as_it_was(
    bench: Bench, more: tuple[str, ...], ending: str, detail: str
) -> None:
    workflow = chain(bench, f"cat $1; [ `cat {mood(bench)}` = first ] || {ending}", "cat $1")
    mood(bench, "first")
    cold = bench.run(workflow, job(bench))
    mood(bench, "other")
    again = bench.run(workflow, job(bench), *ALL, *more)
    assert delivered(again) == delivered(cold), again.log
    assert (rechecks(again), again.results) == (["failed", "same"], ["reused", "reused"])
    assert again.record.jobs[0].detail == detail
    assert "failed when executed again" in again.log
    assert quarantined(bench) == 0
    assert bench.run(workflow, job(bench)).executed == 0


@pytest.mark.parametrize("more", [(), ("--parallel",)], ids=["serial", "parallel"])
def test_a_job_that_cannot_even_be_started_does_not_end_the_run(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]
) -> None:
    tool = bench.tool()
    cold = bench.run(tool, job(bench))

    def _setup(*_: object) -> None:
        raise RuntimeError("no engine here")

    monkeypatch.setattr("cwltool.job.JobBase._setup", _setup)
    again = bench.run(tool, job(bench), *ALL, *more)
    assert delivered(again) == delivered(cold), again.log
    assert (again.executed, rechecks(again)) == (0, ["failed"])
    assert again.record.jobs[0].detail == "no engine here"


def test_a_run_that_is_interrupted_says_that_nothing_was_compared(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = bench.tool()
    bench.run(tool, job(bench))

    def _setup(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("cwltool.job.JobBase._setup", _setup)
        with pytest.raises(KeyboardInterrupt):
            bench.run(tool, job(bench), *ALL)
    store = open_store(bench.store)
    [line] = [line for line in store.read_run(store.runs()[-1]) if line["line"] == "job"]
    store.close()
    assert (line["recheck"], line["detail"]) == ("not-compared", "the run ended before")
    assert (quarantined(bench), bench.run(tool, job(bench)).executed) == (0, 0)


def test_a_job_whose_input_changes_meanwhile_is_not_compared(bench: Bench) -> None:
    tool = bench.tool(body=f"cat $1; cat {mood(bench)} >> {bench.folder}/in.txt; printf x")
    cold = bench.run(tool, job(bench))
    mood(bench, "more")
    again = bench.run(tool, job(bench), *ALL)
    assert (again.code, rechecks(again), again.results) == (0, ["not-compared"], ["reused"])
    assert "input-changed-during-run" in again.record.jobs[0].detail
    assert (again.text(), quarantined(bench)) == (cold.text(), 0)


def test_a_fault_of_the_comparison_costs_only_the_comparison(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = bench.tool()
    cold = bench.run(tool, job(bench))
    monkeypatch.setattr("cwl_memo.cwl.recheck.compare_outputs", lambda *_: 1 / 0)
    again = bench.run(tool, job(bench), *ALL)
    assert delivered(again) == delivered(cold)
    assert rechecks(again) == ["not-compared"]


def test_an_input_that_has_to_be_made_anew_and_comes_out_otherwise_is_another_job(
    bench: Bench,
) -> None:
    workflow = chain(bench, f"cat $1 {mood(bench)}", "cat $1; echo b")
    long = "x" * SMALL + "\n"  # a small file is still in memory when its blob is lost
    mood(bench, f"{long}first\n")
    bench.run(workflow, job(bench))
    store = open_store(bench.store)
    entries = [store.get_entry(key) for key in store.keys()]  # noqa: SIM118  (no dict)
    first = next(e for e in entries if e is not None and "t1" in e.origin.tool)
    store.close()
    mood(bench, f"{long}other\n")
    again = _run_and_lose(bench, workflow, [blob.digest.hex for blob in first.variants[0].blobs])
    assert again.code == 0, again.log
    assert again.text() == f"one\n{long}other\nb\n"


def _run_and_lose(bench: Bench, workflow: Path, blobs: list[str]) -> Run:
    """Recheck the second step alone, its input lost after the first was reused."""
    from cwl_memo.core import policy

    drawn = policy.is_rechecked

    def second(_rate: float, run: str, name: str, key: str) -> bool:
        if name == "s2":
            for blob in blobs:
                (bench.store / "blobs" / blob[:2] / blob).unlink(missing_ok=True)
        return drawn(1.0 if name == "s2" else 0.0, run, name, key)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(policy, "is_rechecked", second)
        return bench.run(workflow, job(bench), *ALL)


# stores and modes


def test_a_store_that_is_only_read_keeps_its_entry_and_the_run_does_without(bench: Bench) -> None:
    workflow = scatter(bench, bench.tool(body=f"cat $1 {mood(bench)}"))
    mood(bench, "first")
    equal = {"f": [file(bench)] * 2}
    bench.run(workflow, equal)
    mood(bench, "other")
    again = bench.run(workflow, equal, *ALL, "--memo-mode", "readonly")
    assert again.text_of_all() == ["one\nother"] * 2
    assert "could not be set aside" in again.log
    assert (quarantined(bench), bench.run(workflow, equal).executed) == (0, 0)


def test_a_recheck_writes_nothing_but_the_record_of_its_run(bench: Bench) -> None:
    tool = bench.tool(body="cat $1; date +%N > scratch")
    bench.run(tool, job(bench))
    before = {p for p in bench.store.rglob("*") if {"blobs", "entries"} & set(p.parts)}
    bench.run(tool, job(bench), *ALL)
    assert {p for p in bench.store.rglob("*") if {"blobs", "entries"} & set(p.parts)} == before


def test_recache_has_nothing_to_execute_again(bench: Bench) -> None:
    tool = bench.tool()
    bench.run(tool, job(bench))
    again = bench.run(tool, job(bench), *ALL, "--memo-mode", "recache")
    assert (again.executed, rechecks(again)) == (1, [""])


def test_secrets_are_not_told(bench: Bench) -> None:
    tool = bench.tool(
        body=f"cat {mood(bench)} > cwl.output.json",
        inputs={"f": {"type": "File", "inputBinding": {"position": 1}}, "s": "string"},
        outputs={"out": "string"},
        stdout=None,
        **fields({"$namespaces": {"cwltool": "http://commonwl.org/cwltool#"}}),
        hints={"cwltool:Secrets": {"secrets": ["s"]}},
    )
    inputs = {**job(bench), "s": "hush-hush-hush"}
    mood(bench, json.dumps({"out": "public"}))
    assert bench.run(tool, inputs).not_recorded == [""]
    mood(bench, json.dumps({"out": "hush-hush-hush"}))
    again = bench.run(tool, inputs, *ALL)
    assert differing(again) == {"out": ("another value", "")}
    assert "hush-hush-hush" not in json.dumps(again.record.to_json())


# the sample


def test_a_rate_draws_some_of_the_hits(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    workflow = scatter(bench, bench.tool())
    inputs = {"f": [file(bench, name, name) for name in "abcdefgh"]}
    bench.run(workflow, inputs)
    monkeypatch.setattr("cwl_memo.cwl.session.new_run_id", lambda: "2026-01-01-000000-abcdef")
    first = bench.run(workflow, inputs, "--memo-recheck", "50%")
    assert 0 < first.executed < 8
    assert rechecks(first).count("same") == first.executed
    assert f"{first.executed} executed again: the same outputs" in first.log
    second = bench.run(workflow, inputs, env={"CWL_MEMO_RECHECK": "0.5"})
    assert rechecks(second) == rechecks(first)


@pytest.mark.parametrize("rate", ["2", "-1", "many"])
def test_a_wrong_rate_is_a_usage_error(
    bench: Bench, rate: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.run(bench.tool(), job(bench), f"--memo-recheck={rate}").code == 2
    assert "--memo-recheck: not a rate" in capsys.readouterr().err
    assert bench.run(bench.tool(), job(bench), env={"CWL_MEMO_RECHECK": rate}).code == 2
    assert "CWL_MEMO_RECHECK: not a rate" in capsys.readouterr().err


def test_a_rate_of_zero_executes_nothing(bench: Bench) -> None:
    assert parse_rate("0") == 0
    tool = bench.tool()
    bench.run(tool, job(bench))
    assert bench.run(tool, job(bench), "--memo-recheck", "0").executed == 0


@pytest.mark.filterwarnings("ignore")  # what provenance leans on warns
def test_nothing_is_executed_again_for_a_research_object(bench: Bench) -> None:
    tool = bench.tool()
    bench.run(tool, job(bench))
    again = bench.run(tool, job(bench), *ALL, "--provenance", str(bench.folder / "ro"))
    assert (again.code, again.executed, rechecks(again)) == (0, 0, [""]), again.log


def test_a_settings_file_gives_the_rate(bench: Bench) -> None:
    tool = bench.tool()
    bench.run(tool, job(bench))
    bench.write("cwl-memo.toml", "recheck = 1\n")
    again = bench.run(tool, job(bench))
    assert (again.executed, rechecks(again)) == (1, ["same"])


# replay


def test_a_run_that_executes_hits_again_is_not_replayed_and_leaves_no_manifest(
    bench: Bench,
) -> None:
    tool = bench.tool()
    bench.run(tool, job(bench), *ALL)
    bench.run(tool, job(bench), *ALL)
    assert not list(bench.store.glob("replays/*"))


def test_a_manifest_that_used_an_entry_set_aside_does_not_answer(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from cwl_memo.cli.replay import answer

    tool = bench.tool(body=f"cat {mood(bench)}")
    words = ["--memo-store", "store", "--outdir", "o", "--no-container", tool.name, "in.json"]
    bench.write("in.json", job(bench))
    mood(bench, "first")
    monkeypatch.chdir(bench.folder)
    monkeypatch.setattr(sys, "argv", ["cwl-memo"])
    from cwl_memo.cwl import runner

    runner.run(words, prog="cwl-memo run", write_report=lambda *_: None)
    assert answer(words, "cwl-memo run") == 0
    capsys.readouterr()
    mood(bench, "other")
    again = bench.run(tool, job(bench), *ALL)
    assert rechecks(again) == ["differs"]
    assert answer(words, "cwl-memo run") is None


# logs


def test_a_log_directory_holds_the_streams_of_what_was_used(bench: Bench) -> None:
    tool = bench.tool(body=f"cat {mood(bench)}", outputs={}, stdout="log.txt")
    for text in ("first", "other"):
        mood(bench, text)
        logs = bench.folder / f"logs-{text}"
        again = bench.run(tool, job(bench), "--log-dir", str(logs), *ALL)
        latest = max(logs.rglob("log.txt"), key=lambda path: path.stat().st_mtime_ns)
        assert latest.read_text() == text
    assert rechecks(again) == ["same"]


def test_a_workflow_of_tools_of_equal_names_names_the_one_that_varies(bench: Bench) -> None:
    varies = bench.tool("a/tool.cwl", body=f"cat {mood(bench)}")
    steps = {"s1": step(varies, "f"), "s2": step(bench.tool("b/tool.cwl", "cat $1"), "s1/out")}
    workflow = wrap(bench, "wf.cwl", steps, {"out": {"type": "File", "outputSource": "s2/out"}})
    mood(bench, "first")
    bench.run(workflow, job(bench))
    mood(bench, "other")
    assert f"{varies} does not give" in bench.run(workflow, job(bench), *ALL).log
