"""An input object with long lists of Files is read as cwltool reads it, only faster."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwl_memo.cwl import long_lists
from cwl_memo.cwl.door import Loader, StdFsAccess, cmap, file_uri, init_job_order, jobloaderctx
from cwl_memo.cwl.long_lists import LongLists

from .bench import Bench
from .delivered import delivered

MANY = 20
"""More than are short."""


def files(bench: Bench, **fields: Any) -> list[dict[str, Any]]:
    made = []
    for number in range(MANY):
        path = bench.write(f"data/{number:02}.txt", f"{number}\n")
        made.append({"class": "File", "path": f"data/{path.name}", **fields})
    return made


def gather(bench: Bench, **fields: Any) -> Path:
    given = {"type": "File[]", "inputBinding": {"position": 1}, **fields}
    return bench.tool(body='cat "$@"', inputs={"f": given})


@pytest.fixture
def emptied(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that cwltool was handed in place of others."""
    texts: list[str] = []
    empty = LongLists.empty

    def note(lists: LongLists, url: str, text: str) -> str:
        handed = empty(lists, url, text)
        if handed != text:
            texts.append(handed)
        return handed

    monkeypatch.setattr(LongLists, "empty", note)
    return texts


def test_a_long_list_is_what_the_reader_of_yaml_makes_of_it(
    bench: Bench, emptied: list[str]
) -> None:
    tool = gather(bench)
    job = {"f": files(bench)}
    plain = bench.run(tool, job, "--no-memo")
    assert emptied == []
    cold = bench.run(tool, job)
    assert emptied
    assert delivered(cold) == delivered(plain)
    # In YAML, which is read by nobody else, it is the same job.
    text = "\n".join(["f:", *(f"- {json.dumps(item)}" for item in job["f"])])
    assert bench.run(tool, bench.write("job.yml", text)).results == ["reused"]
    assert bench.run(tool, job).results == ["reused"]
    assert len(emptied) == 2


def test_what_stands_beside_a_long_list_keeps_its_place(bench: Bench, emptied: list[str]) -> None:
    job = {"a": 1.50, "f": files(bench), "b": ["x"], "z": {"class": "File", "path": "data/00.txt"}}
    path = bench.write("job.json", json.dumps(job, indent=2).replace("1.5,", "1.50,"))
    inputs = {
        "a": {"type": "float", "inputBinding": {"position": 2}},
        "b": {"type": "string[]", "inputBinding": {"position": 3}},
        "f": "File[]",
        "z": {"type": "File", "inputBinding": {"position": 4}},
    }
    tool = bench.tool(body="echo $1 $2; cat $3", inputs=inputs)
    done = bench.run(tool, path)
    assert done.text() == "1.50 x\n0\n"
    (text,) = emptied
    lines = path.read_text().splitlines()
    assert len(text.splitlines()) == len(lines)
    assert text.splitlines()[-6:] == lines[-6:]


def test_a_scatter_over_a_long_list_with_secondary_files(bench: Bench, emptied: list[str]) -> None:
    beside = [{"class": "File", "location": bench.write("beside.txt", "beside\n").name}]
    job = {"f": files(bench, basename="same.txt", secondaryFiles=beside)}
    bench.tool("step.cwl", body="cat $1 `dirname $1`/beside.txt")
    flow = bench.write(
        "flow.cwl",
        {
            "cwlVersion": "v1.2",
            "class": "Workflow",
            "requirements": {"ScatterFeatureRequirement": {}},
            "inputs": {"f": "File[]"},
            "outputs": {"out": {"type": "File[]", "outputSource": "s/out"}},
            "steps": {"s": {"run": "step.cwl", "scatter": "f", "in": {"f": "f"}, "out": ["out"]}},
        },
    )
    plain = bench.run(flow, job, "--no-memo")
    cold = bench.run(flow, job)
    assert emptied
    assert plain.code == 0, plain.log
    assert delivered(cold) == delivered(plain)
    assert set(bench.run(flow, job).results) == {"reused"}


@pytest.mark.parametrize("kind", ["string[]", "File", "int"])
def test_a_long_list_where_none_belongs_is_told_with_its_lines(
    bench: Bench, emptied: list[str], kind: str
) -> None:
    tool = gather(bench, type=kind)
    job = {"f": files(bench)}
    plain = bench.run(tool, job, "--no-memo")
    wrong = bench.run(tool, job)
    assert emptied
    assert plain.code == wrong.code == 1
    told = [line for line in plain.log.splitlines() if "job.json" in line]
    assert told
    assert [line for line in wrong.log.splitlines() if "job.json" in line] == told


def test_a_file_of_a_long_list_that_is_not_there_is_told(bench: Bench, emptied: list[str]) -> None:
    tool = gather(bench)
    job = {"f": [*files(bench), {"class": "File", "location": "data/none.txt"}]}
    plain = bench.run(tool, job, "--no-memo")
    wrong = bench.run(tool, job)
    assert emptied
    assert plain.code == wrong.code != 0
    assert "none.txt" in plain.log
    assert "none.txt" in wrong.log


def test_a_changed_file_of_a_long_list_is_seen(bench: Bench, emptied: list[str]) -> None:
    tool = gather(bench)
    job = {"f": files(bench)}
    first = bench.run(tool, job)
    bench.write("data/07.txt", "changed\n")
    second = bench.run(tool, job)
    assert emptied
    assert (second.results, second.executed) == (["executed"], 1)
    assert second.text() == first.text().replace("7\n", "changed\n", 1)


@pytest.mark.parametrize("field", ["$namespaces", "__id"])
def test_a_long_list_beside_what_says_where_its_files_are(bench: Bench, field: str) -> None:
    place = f"file://{bench.folder}/data/"
    files(bench)
    prefix = "d:" if field == "$namespaces" else ""
    job = {
        field: {"d": place} if field == "$namespaces" else f"{place}x",
        "f": [{"class": "File", "location": f"{prefix}{n:02}.txt"} for n in range(MANY)],
    }
    plain = bench.run(gather(bench), job, "--no-memo")
    assert plain.code == 0, plain.log
    assert delivered(bench.run(gather(bench), job)) == delivered(plain)


def test_what_is_wrong_is_told_though_there_are_secondary_files(bench: Bench) -> None:
    """What cwltool says of a tool is not hidden by what it says of an input object."""
    tool = bench.tool(
        inputs={"f": {"type": "File", "secondaryFiles": [".idx"]}},
        requirements={
            "InitialWorkDirRequirement": {"listing": [{"entryname": "../../x", "entry": "x"}]}
        },
    )
    bench.write("in.txt.idx", "idx")
    job = {"f": {"class": "File", "path": str(bench.write("in.txt", "one"))}}
    plain = bench.run(tool, job, "--no-memo")
    wrong = bench.run(tool, job)
    assert plain.code == wrong.code == 1
    assert "'../../x' at index 0 of listing is invalid" in plain.log
    assert "'../../x' at index 0 of listing is invalid" in wrong.log
    assert "Missing required secondary file" not in wrong.log


def lists_of(path: Path) -> LongLists:
    found = LongLists.of(argparse.Namespace(job_order=[str(path)]))
    assert found is not None
    return found


FILE = '{"class": "File", "location": "a.txt"}'
LONG = ", ".join([FILE] * MANY)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        f"[{LONG}]",
        f'{{"f": [{FILE}]}}',
        f'{{"f": [{LONG}]',
        f'{{"f": [{LONG}]}} trailing',
        f'{{"f": [{LONG}], "f": []}}',
        f'{{"f": [{LONG}], "f": [{LONG}]}}',
        f'{{"f" [{LONG}]}}',
        f"{{f: [{LONG}]}}",
        f'{{"f": [{LONG}]; "g": 1}}',
        f'{{"f": [{LONG}],}}',
        f"{{1: [{LONG}]}}",
        f'{{"$f": [{LONG}]}}',
        f'{{"cwl:f": [{LONG}]}}',
        f'{{"f": [{LONG}, 1]}}',
        f'{{"f": [{LONG}, {{"class": "Directory", "location": "a"}}]}}',
        f'{{"f": [{LONG}, {{"class": "File"}}]}}',
        f'{{"f": [{LONG}, {{"class": "File", "location": "a", "path": "a"}}]}}',
        f'{{"f": [{LONG}, {{"class": "File", "location": "a", "location": "b"}}]}}',
        f'{{"f": [{LONG}, {{"class": "File", "location": "a", "contents": "b"}}]}}',
        f'{{"f": [{LONG}, {{"class": "File", "location": "a", "format": "b"}}]}}',
        f'{{"f": [{LONG}, {{"class": "File", "location": "a", "size": true}}]}}',
        f'{{"f": [{LONG}, {{"class": "File", "location": "a", "secondaryFiles": [1]}}]}}',
        f'{{"f": [{LONG}, {{"class": "File", "location": "a", "secondaryFiles": 1}}]}}',
        f'{{"f": [{LONG}, {{"$import": "a"}}]}}',
        f'{{"f": [{LONG}], "$namespaces": {{"d": "file:///d/"}}}}',
        f'{{"__id": "file:///d/x", "f": [{LONG}]}}',
        f'{{"id": "file:///d/x", "f": [{LONG}]}}',
        f'{{"f": [{LONG}], "g": "\\u0041"}}',
        f'{{"f":\t[{LONG}]}}',
        f'{{"f": [{LONG}], "g": "\x85"}}',
        f'{{"f": [{LONG}], "g": "\ufeff"}}',
        f' {{"f": [{LONG}]}}',
        "{" * 100_000,
    ],
)
def test_what_yaml_might_read_otherwise_is_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "job.json"
    path.touch()
    assert lists_of(path).empty(file_uri(str(path)), text) == text


def test_only_the_input_object_is_touched_and_only_once(tmp_path: Path) -> None:
    path = tmp_path / "job.json"
    path.touch()
    text = f'{{"f": [{LONG}]}}'
    lists = lists_of(path)
    assert lists.empty(file_uri(str(tmp_path / "other.json")), text) == text
    assert lists.empty(file_uri(str(path)), text) == '{"f": []}'
    assert lists.empty(file_uri(str(path)), text) == text


@pytest.mark.parametrize(
    ("fields", "there"),
    [
        ({"job_order": []}, False),
        ({"job_order": ["-"]}, False),
        ({"job_order": ["--f", "job.json"]}, False),
        ({"job_order": ["none.json"]}, False),
        ({"job_order": ["job.json"]}, True),
        ({"job_order": ["job.json"], "enable_ext": True}, False),
        ({"job_order": ["job.json"], "provenance": "ro"}, False),
    ],
)
def test_only_a_file_that_is_the_input_object_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], there: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("job.json").touch()
    assert (LongLists.of(argparse.Namespace(**fields)) is not None) is there


def test_the_fields_of_a_file_are_those_of_cwl() -> None:
    # What decides alone is left to cwltool: a literal, a format.
    assert not {"contents", "format", "listing"} & set(long_lists._FIELDS)


_PLACES = st.builds(
    str.__add__,
    st.sampled_from(["", "file:", "file://", "file:///"]),
    st.text(alphabet="ab./:%#?~ -_é", min_size=1, max_size=9),
)


@given(
    places=st.lists(_PLACES, min_size=1, max_size=3),
    field=st.sampled_from(["path", "location"]),
    folder=st.sampled_from(["/d/e.f/", "/", "/a b/", "/a%20b/", "/./d/"]),
)
def test_places_are_resolved_as_cwltools_reader_does(
    places: list[str], field: str, folder: str
) -> None:
    above: list[Any] = [{"class": "File", field: places[0]}]
    lists = {"f": [{"class": "File", field: place, "secondaryFiles": above} for place in places]}
    url = f"file://{folder}job.json"
    resolved = long_lists._resolve_plain(lists, url)
    if resolved is not None:
        loader = Loader(jobloaderctx.copy())
        expected, _ = loader.resolve_all(cmap(lists), url, checklinks=False)
        assert resolved == json.loads(json.dumps(expected))


@pytest.mark.parametrize(
    ("place", "resolved"),
    [
        ("a.txt", "file:///d/a.txt"),
        ("data/a-b_c.txt", "file:///d/data/a-b_c.txt"),
        ("/data/x.txt", "file:///data/x.txt"),
        ("file:///data/x.txt", "file:///data/x.txt"),
    ],
)
def test_plain_places_take_no_reader(place: str, resolved: str) -> None:
    lists = {"f": [{"class": "File", "path": place}]}
    found = long_lists._resolve_plain(lists, "file:///d/job.json")
    assert found == {"f": [{"class": "File", "path": resolved}]}


_NAMES = st.sampled_from(["", "x", "x.tar.gz", ".x", "x.", "a.b"])
_PLAIN_FILES = st.fixed_dictionaries(
    {"class": st.just("File"), "path": st.sampled_from(["a", "a.b", "c/d.e.f", ".a", "no"])},
    optional={"basename": _NAMES, "nameroot": _NAMES, "nameext": _NAMES, "size": st.just(7)},
)
_PLAIN_FILES |= st.builds(
    lambda item, others: {**item, "secondaryFiles": others},
    _PLAIN_FILES,
    st.lists(_PLAIN_FILES, max_size=2),
)


@given(files=st.lists(_PLAIN_FILES, min_size=1, max_size=3), is_located=st.booleans())
def test_files_are_prepared_as_cwltool_does(
    files: list[dict[str, Any]], *, is_located: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / "plain"
    (folder / "c").mkdir(parents=True, exist_ok=True)
    for name in ("a", "a.b", "c/d.e.f"):
        (folder / name).write_text(name)
    text = json.dumps({"f": files})
    text = text.replace('"path"', '"location"') if is_located else text
    job = folder / "job.json"
    job.write_text(text)
    url = file_uri(str(job))
    ours = long_lists._resolve_plain(json.loads(text), url)
    if ours is None:
        return  # a name that begins with a dot
    access = StdFsAccess("")
    for item in ours["f"]:
        long_lists._prepare_plain(item, access)
    loader = Loader(jobloaderctx.copy())
    read: Any = loader.resolve_ref(url, checklinks=False)[0]
    process: Any = SimpleNamespace(
        tool={"inputs": []}, metadata={}, get_requirement=lambda _: (None, None)
    )
    theirs: Any = init_job_order(read, argparse.Namespace(), process, loader, sys.stderr)
    # Texts, so that the order of the fields counts.
    assert json.dumps(ours["f"]) == json.dumps(theirs["f"])
