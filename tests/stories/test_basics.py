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
