"""``--memo-workspaces``: what each job of a run left, reused or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .bench import Bench
from .test_replay import Again, answer_only
from .workflows import chain, scatter

OFF = {"WorkReuse": {"enableReuse": False}}
BODY = "cat $1; mkdir d; echo between > d/between; ln -s d/between l"


def job(bench: Bench) -> dict[str, Any]:
    bench.write("in.txt", "one\n")
    return {"f": {"class": "File", "path": "in.txt"}}


def tree(place: Path) -> dict[str, str]:
    """Return what stands below a directory: texts of files, targets of links."""
    found = {}
    for path in sorted(place.rglob("*")):
        name = str(path.relative_to(place))
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_file():
            found[name] = path.read_text()
    return found


def test_each_job_has_its_workspace_reused_or_not(bench: Bench) -> None:
    document, given = chain(bench, BODY, "wc -l < $1"), job(bench)
    expected = {
        "s1/d/between": "between\n",
        "s1/l": "-> d/between",
        "s1/out.txt": "one\n",
        "s2/out.txt": "1\n",
    }
    cold = bench.run(document, given, "--memo-workspaces", "cold")
    assert (cold.results, tree(bench.folder / "cold")) == (["executed"] * 2, expected)
    warm = bench.run(document, given, env={"CWL_MEMO_WORKSPACES": "warm"})
    assert (warm.results, tree(bench.folder / "warm")) == (["reused"] * 2, expected)
    assert f"[memo] workspaces of 2 jobs in {bench.folder / 'warm'}" in warm.log
    assert warm.text() == "1\n"


def test_what_the_user_does_to_a_workspace_is_no_others_business(bench: Bench) -> None:
    document, given = bench.tool(body=BODY), job(bench)
    bench.run(document, given, "--memo-workspaces", "w", "--memo-link", "hardlink")
    (bench.folder / "w" / "tool.cwl" / "out.txt").write_text("edited\n")
    again = bench.run(document, given, "--memo-workspaces", "v", "--memo-link", "hardlink")
    assert (again.results, again.text()) == (["reused"], "one\n")
    assert tree(bench.folder / "v")["tool.cwl/out.txt"] == "one\n"


def test_the_jobs_of_a_scatter_have_a_workspace_each(bench: Bench) -> None:
    files = [bench.write(f"in{i}.txt", f"{i}\n").name for i in range(3)]
    given = {"f": [{"class": "File", "path": name} for name in files]}
    bench.run(scatter(bench, bench.tool()), given, "--memo-workspaces", "w", "--parallel")
    found = tree(bench.folder / "w")
    assert sorted(found.values()) == ["0\n", "1\n", "2\n"]
    assert sorted(found) == ["s/out.txt", "s_2/out.txt", "s_3/out.txt"]


def test_a_refused_and_a_failed_job_have_theirs_too(bench: Bench) -> None:
    refused = bench.tool("r.cwl", body=BODY, requirements=OFF)
    done = bench.run(refused, job(bench), "--memo-workspaces", "r")
    assert (done.results, done.text()) == (["refused"], "one\n")
    assert tree(bench.folder / "r")["r.cwl/d/between"] == "between\n"
    failed = bench.tool("x.cwl", body=f"{BODY}; exit 3")
    assert bench.run(failed, job(bench), "--memo-workspaces", "x").results == ["failed"]
    assert tree(bench.folder / "x")["x.cwl/d/between"] == "between\n"


def test_links_that_lead_elsewhere_are_left_out_and_that_is_said(bench: Bench) -> None:
    document = bench.tool(body="wc -l < $1; ln -s /etc away; ln -s $1 input")
    done = bench.run(document, job(bench), "--memo-workspaces", "w")
    assert tree(bench.folder / "w") == {"tool.cwl/out.txt": "1\n"}
    assert (
        "left out of workspace of job tool.cwl: input, an input whose bytes are not in the store, "
        "what could not be recorded"
    ) in done.log
    # What the job gave has the bytes of its input here, and so the store has them.
    document = bench.tool(body="cat $1; ln -s $1 input")
    bench.run(document, job(bench), "--memo-workspaces", "v")
    assert tree(bench.folder / "v") == {
        "tool.cwl/input": "one\n",
        "tool.cwl/out.txt": "one\n",
    }


def test_a_directory_that_is_not_empty_is_a_usage_error(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.write("w/mine", "mine")
    done = bench.run(bench.tool(), job(bench), "--memo-workspaces", "w")
    assert (done.code, done.executed) == (2, 0)
    assert "--memo-workspaces: " in capsys.readouterr().err
    assert tree(bench.folder / "w") == {"mine": "mine"}


@pytest.mark.parametrize("inside", ["store", "events"])
def test_what_the_run_itself_writes_is_not_put_among_them(
    inside: str, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    (bench.folder / "w").mkdir()
    options = ["--memo-workspaces", "w", f"--memo-{inside}", f"w/{inside}"]
    done = bench.run(bench.tool(), job(bench), *options)
    assert (done.code, done.executed) == (2, 0)
    assert "is not empty" in capsys.readouterr().err


@pytest.mark.parametrize("options", [["--no-memo"], ["--memo-mode", "off"]])
def test_without_memoization_there_are_no_workspaces(
    options: list[str], bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    done = bench.run(bench.tool(), job(bench), "--memo-workspaces", "w", *options)
    assert (done.code, done.executed) == (2, 0)
    assert "--memo-workspaces needs memoization" in capsys.readouterr().err


def test_no_directory_has_no_name(bench: Bench) -> None:
    assert bench.run(bench.tool(), job(bench), "--memo-workspaces", "").code == 2


# replay


def replayable(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Again:
    bench.write("job.json", job(bench))
    document = chain(bench, BODY, "wc -l < $1")
    words = ["--memo-store", "store", "--outdir", "o", "--no-container", document.name, "job.json"]
    return Again(bench, monkeypatch, words)


def test_a_replay_has_the_workspaces_too(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = replayable(bench, monkeypatch)
    runs.run(env={"CWL_MEMO_WORKSPACES": "cold"})
    assert runs.run(env={"CWL_MEMO_WORKSPACES": "warm"})[0] is True
    assert f"[memo] workspaces of 2 jobs in {bench.folder / 'warm'}" in runs.said
    runs.words = ["--memo-workspaces", "third", *runs.words]
    assert runs.run()[0] is True
    cold, warm, third = (tree(bench.folder / name) for name in ("cold", "warm", "third"))
    assert cold == warm == third
    assert len(cold) == 4


def test_a_replay_says_what_its_workspaces_lack(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.write("job.json", job(bench))
    document = bench.tool(body="wc -l < $1; ln -s $1 input")
    words = ["--memo-store", "store", "--outdir", "o", "--no-container", "--quiet"]
    runs = Again(bench, monkeypatch, [*words, document.name, "job.json"])
    runs.run()
    assert runs.run(env={"CWL_MEMO_WORKSPACES": "w"})[0] is True
    assert runs.said == (
        "\x1b[33mWARNING\x1b[0m [memo] left out of workspace of job tool.cwl: "
        "input, an input whose bytes are not in the store\n"
    )
    assert tree(bench.folder / "w") == {"tool.cwl/out.txt": "1\n"}


def test_no_replay_into_workspaces_that_are_there(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = replayable(bench, monkeypatch)
    runs.run()
    bench.write("w/mine", "mine")
    runs.words = ["--memo-workspaces", "w", *runs.words]
    assert answer_only(runs) is None
    assert tree(bench.folder / "w") == {"mine": "mine"}
