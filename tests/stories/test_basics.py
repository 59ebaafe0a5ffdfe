"""The plain story: what ran once is not run again."""

from __future__ import annotations

from .bench import Bench


def test_hit_when_nothing_changed(bench: Bench) -> None:
    tool = bench.tool()
    job = {"f": {"class": "File", "path": str(bench.write("in.txt", "one"))}}
    cold = bench.run(tool, job)
    warm = bench.run(tool, job)
    assert (cold.code, cold.results, cold.executed) == (0, ["executed"], 1)
    assert (warm.code, warm.results, warm.executed) == (0, ["reused"], 0)
    assert cold.text() == warm.text() == "one"


def test_miss_when_input_content_changes(bench: Bench) -> None:
    tool = bench.tool()
    path = bench.write("in.txt", "one")
    job = {"f": {"class": "File", "path": str(path)}}
    bench.run(tool, job)
    path.write_text("two")
    changed = bench.run(tool, job)
    assert (changed.results, changed.executed, changed.text()) == (["executed"], 1, "two")
    assert changed.record.jobs[0].differs == ("inputs.f.digest",)


def test_an_input_may_have_the_beginning_of_one_of_our_options(bench: Bench) -> None:
    """cwltool's parser looks at every word of the line, those for the tool included."""
    tool = bench.tool(
        body="echo $1",
        inputs={"mem": {"type": "int", "inputBinding": {"position": 1}}},
    )
    done = bench.run(tool, ["--mem", "4"])
    assert (done.code, done.text()) == (0, "4\n")


def test_a_damaged_entry_is_told_as_damaged(bench: Bench) -> None:
    tool = bench.tool()
    job = {"f": {"class": "File", "path": str(bench.write("in.txt", "one"))}}
    bench.run(tool, job)
    for blob in (bench.store / "blobs").glob("*/*"):
        blob.chmod(0o644)
        blob.write_text("other")
    again = bench.run(tool, job)
    assert (again.causes, again.text(), again.executed) == (["damaged"], "one", 1)
    assert bench.run(tool, job).results == ["reused"]
