"""What must hit: inputs that are the same to the tool, however they are given."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from .bench import Bench, Run

TWO = {
    "f": {"type": "File", "inputBinding": {"position": 1}},
    "word": {"type": "string", "inputBinding": {"position": 2}},
}


def file(path: Path, **fields: Any) -> dict[str, Any]:
    return {"class": "File", "path": str(path), **fields}


def assert_hit(run: Run) -> None:
    assert (run.code, run.results, run.executed) == (0, ["reused"], 0), run.log


def test_hit_when_input_moved_to_another_folder(bench: Bench) -> None:
    tool = bench.tool()
    here = bench.write("here/in.txt", "one")
    bench.run(tool, {"f": file(here)})
    there = bench.folder / "elsewhere" / "deeper"
    there.mkdir(parents=True)
    here.rename(there / "in.txt")
    warm = bench.run(tool, {"f": file(there / "in.txt")})
    assert_hit(warm)
    assert warm.text() == "one"


def test_hit_when_large_input_moved_to_another_folder(bench: Bench) -> None:
    tool = bench.tool()
    here = bench.write("here/in.txt", b"x" * 100_000)
    bench.run(tool, {"f": file(here)})
    there = bench.folder / "in.txt"
    here.rename(there)
    assert_hit(bench.run(tool, {"f": file(there)}))


def test_hit_when_input_copied_and_named_by_basename(bench: Bench) -> None:
    tool = bench.tool(body="basename $1")
    first = bench.write("in.txt", "one")
    other = bench.write("copy-of-it", "one")
    cold = bench.run(tool, {"f": file(first)})
    warm = bench.run(tool, {"f": file(other, basename="in.txt")})
    assert_hit(warm)
    assert cold.text() == warm.text() == "in.txt\n"


def test_hit_when_input_touched(bench: Bench) -> None:
    tool = bench.tool()
    path = bench.write("in.txt", "x" * 20_000)
    bench.run(tool, {"f": file(path)})
    os.utime(path, (1_000_000_000, 1_000_000_000))
    assert_hit(bench.run(tool, {"f": file(path)}))


def test_hit_when_input_rewritten_with_same_bytes(bench: Bench) -> None:
    tool = bench.tool()
    path = bench.write("in.txt", "one")
    bench.run(tool, {"f": file(path)})
    path.unlink()
    path.write_text("one")
    assert_hit(bench.run(tool, {"f": file(path)}))


def test_hit_when_data_input_gets_another_mode(bench: Bench) -> None:
    tool = bench.tool()
    path = bench.write("in.txt", "one")
    bench.run(tool, {"f": file(path)})
    path.chmod(0o755)
    assert_hit(bench.run(tool, {"f": file(path)}))


def test_hit_when_input_is_reached_through_a_symlink(bench: Bench) -> None:
    tool = bench.tool()
    path = bench.write("real/in.txt", "one")
    bench.run(tool, {"f": file(path)})
    (bench.folder / "in.txt").symlink_to(path)
    assert_hit(bench.run(tool, {"f": file(bench.folder / "in.txt")}))


def test_hit_when_input_object_is_in_another_order(bench: Bench) -> None:
    tool = bench.tool(body='cat "$1"; echo "$2"', inputs=TWO)
    path = bench.write("in.txt", "one")
    bench.run(tool, {"f": {"class": "File", "path": str(path)}, "word": "w"})
    assert_hit(bench.run(tool, {"word": "w", "f": {"path": str(path), "class": "File"}}))


def test_hit_when_input_object_is_yaml_instead_of_json(bench: Bench) -> None:
    tool = bench.tool(body='cat "$1"; echo "$2"', inputs=TWO)
    path = bench.write("in.txt", "one")
    bench.run(tool, {"f": file(path), "word": "w"})
    job = bench.write("job.yml", f"# by hand\nword: 'w'\nf:\n  class: File\n  path: {path}\n")
    assert_hit(bench.run(tool, job))


def test_hit_when_path_is_relative_instead_of_absolute(bench: Bench) -> None:
    tool = bench.tool()
    path = bench.write("data/in.txt", "one")
    bench.run(tool, {"f": file(path)})
    assert_hit(bench.run(tool, {"f": {"class": "File", "path": "data/in.txt"}}))
    assert_hit(bench.run(tool, {"f": {"class": "File", "location": "data/../data/in.txt"}}))


def test_hit_when_location_is_given_instead_of_path(bench: Bench) -> None:
    tool = bench.tool()
    path = bench.write("in.txt", "one")
    bench.run(tool, {"f": file(path)})
    assert_hit(bench.run(tool, {"f": {"class": "File", "location": path.as_uri()}}))


def test_hit_when_inputs_are_given_on_the_command_line(bench: Bench) -> None:
    inputs = {"reads": TWO["f"], "word": TWO["word"]}
    tool = bench.tool(body='cat "$1"; echo "$2"', inputs=inputs)
    path = bench.write("in.txt", "one")
    bench.run(tool, {"reads": file(path), "word": "w"})
    assert_hit(bench.run(tool, ["--reads", str(path), "--word", "w"]))


def test_hit_when_default_is_spelled_out(bench: Bench) -> None:
    inputs = {**TWO, "word": {**TWO["word"], "default": "w"}}
    tool = bench.tool(body='cat "$1"; echo "$2"', inputs=inputs)
    path = bench.write("in.txt", "one")
    bench.run(tool, {"f": file(path)})
    assert_hit(bench.run(tool, {"f": file(path), "word": "w"}))


def test_hit_when_null_is_given_for_an_absent_optional_input(bench: Bench) -> None:
    inputs = {**TWO, "word": {"type": "string?", "inputBinding": {"position": 2}}}
    tool = bench.tool(inputs=inputs)
    path = bench.write("in.txt", "one")
    bench.run(tool, {"f": file(path)})
    assert_hit(bench.run(tool, {"f": file(path), "word": None}))


def test_hit_when_whole_project_folder_moved(bench: Bench) -> None:
    fields = {"path": "in.txt", "class": "File", "secondaryFiles": []}
    default = {"class": "File", "path": "default.txt"}
    bench.write("project/default.txt", "and default\n")
    bench.write("project/data/in.txt", "one\n")
    bench.write("project/data/job.json", {"f": fields})
    inputs = {
        "f": {"type": "File", "inputBinding": {"position": 1}},
        "d": {"type": "File", "default": default, "inputBinding": {"position": 2}},
    }
    bench.tool("project/tool.cwl", body='cat "$1" "$2"', inputs=inputs)
    cold = bench.run("project/tool.cwl", "project/data/job.json")
    (bench.folder / "project").rename(bench.folder / "renamed")
    warm = bench.run("renamed/tool.cwl", "renamed/data/job.json")
    assert_hit(warm)
    assert cold.text() == warm.text() == "one\nand default\n"


def test_hit_when_store_folder_moved(bench: Bench) -> None:
    tool = bench.tool()
    job = {"f": file(bench.write("in.txt", "one"))}
    bench.run(tool, job)
    moved = bench.folder / "moved-store"
    bench.store.rename(moved)
    assert_hit(bench.run(tool, job, store=moved))


def test_hit_when_store_folder_copied_to_another_machine(bench: Bench) -> None:
    # A copy has other inodes and times: every blob is read again, and found sound.
    tool = bench.tool()
    job = {"f": file(bench.write("in.txt", "x" * 50_000))}
    bench.run(tool, job)
    copy = bench.folder / "copy"
    shutil.copytree(bench.store, copy)
    shutil.rmtree(copy / "index")
    shutil.rmtree(bench.store)
    warm = bench.run(tool, job, store=copy)
    assert_hit(warm)
    assert warm.text() == "x" * 50_000


def test_hit_when_literal_file_has_no_basename(bench: Bench) -> None:
    # cwltool makes a name up for it, another one in each run.
    tool = bench.tool()
    job = {"f": {"class": "File", "contents": "literal"}}
    bench.run(tool, job)
    warm = bench.run(tool, job)
    assert_hit(warm)
    assert warm.text() == "literal"


def test_hit_when_secondary_files_are_listed_instead_of_discovered(bench: Bench) -> None:
    inputs = {"f": {"type": "File", "secondaryFiles": [".idx"], "inputBinding": {"position": 1}}}
    tool = bench.tool(body='cat "$1" "$1.idx"', inputs=inputs)
    path = bench.write("in.txt", "one")
    index = bench.write("in.txt.idx", "index")
    cold = bench.run(tool, {"f": file(path)})
    warm = bench.run(tool, {"f": file(path, secondaryFiles=[file(index)])})
    assert_hit(warm)
    assert cold.text() == warm.text() == "oneindex"


def test_hit_when_a_literal_is_said_not_to_be_streamable(bench: Bench) -> None:
    # Toil says so of each.
    tool = bench.tool(body='cat "$1"', inputs={"f": {"type": "File", "inputBinding": {}}})
    literal = {"class": "File", "basename": "a", "contents": "a\n"}
    assert bench.run(tool, {"f": literal}).results == ["executed"]
    assert_hit(bench.run(tool, {"f": {**literal, "streamable": False}}))


@pytest.mark.parametrize("streamable", [True, False])
def test_hit_when_checksum_size_or_streamable_are_stated(bench: Bench, streamable: bool) -> None:
    tool = bench.tool()
    path = bench.write("in.txt", "one")
    bench.run(tool, {"f": file(path)})
    assert_hit(bench.run(tool, {"f": file(path, size=3, streamable=streamable)}))


def test_hit_when_numbers_are_equal_in_json_and_yaml(bench: Bench) -> None:
    inputs = {"n": {"type": "int", "inputBinding": {"position": 1}}}
    tool = bench.tool(body='echo "$1"', inputs=inputs)
    bench.run(tool, bench.write("a.json", json.dumps({"n": 10})))
    assert_hit(bench.run(tool, bench.write("b.yml", "n: 10\n")))
