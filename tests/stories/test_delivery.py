"""Final outputs get the places that cwltool would give them, be they reused or just made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cwl_memo.cwl import delivery
from cwl_memo.cwl.view import Views

from .bench import JSON, Bench
from .delivered import delivered, mode

SECOND = "big"
"""The scatter's element that makes a large file."""


def scatter(bench: Bench, **fields: JSON) -> Path:
    """Write a workflow that makes a file for each word, named by it."""
    shared: dict[str, Any] = {
        "inputs": {"word": {"type": "string", "inputBinding": {}}},
        "outputs": {"out": {"type": "File", "outputBinding": {"glob": "*.txt"}}},
        "stdout": None,
    }
    body = f"echo $1 > $1.txt; test $1 != {SECOND} || head -c 99999 /dev/zero >> $1.txt"
    tool = bench.tool("make.cwl", body, **{**shared, **fields})
    return bench.write(
        "scatter.cwl",
        {
            "cwlVersion": "v1.2",
            "class": "Workflow",
            "requirements": {"ScatterFeatureRequirement": {}},
            "inputs": {"words": "string[]"},
            "outputs": {"made": {"type": "Any", "outputSource": "each/out"}},
            "steps": {
                "each": {
                    "run": str(tool),
                    "scatter": "word",
                    "in": {"word": "words"},
                    "out": ["out"],
                }
            },
        },
    )


@pytest.fixture
def performed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many files each delivery of ours had."""
    counts: list[int] = []
    perform = delivery.Delivery.perform

    def counted(self: delivery.Delivery, views: Views) -> None:
        counts.append(len(self.files))
        perform(self, views)

    monkeypatch.setattr(delivery.Delivery, "perform", counted)
    return counts


def compare(bench: Bench, document: Path, *jobs: Any, options: tuple[str, ...] = ()) -> None:
    """See that runs on input objects, one after the other, deliver what cwltool does."""
    for job in (*jobs, jobs[-1]):
        plain = bench.run(document, job, "--no-memo", *options)
        ours = bench.run(document, job, "--no-memo-replay", *options)
        assert delivered(ours) == delivered(plain)


def test_reused_and_executed_files_are_delivered_side_by_side(
    bench: Bench, performed: list[int]
) -> None:
    jobs = ({"words": ["a", SECOND]}, {"words": ["a", "b", SECOND, "c"]})
    compare(bench, scatter(bench), *jobs)
    assert performed == [2, 4, 4]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        pytest.param({}, ["a", "a"], id="equal names"),
        pytest.param({}, ["a", "A"], id="names that some file systems take for equal"),
        pytest.param({"body": "echo $1 > x.txt"}, ["a", "b", "c"], id="one name for all"),
        pytest.param({"body": "mkdir $1.txt; echo $1 > $1.txt/x"}, ["a", "b"], id="directories"),
        pytest.param({"body": "echo $1 > y; ln -s y $1.txt"}, ["a", "b"], id="links"),
        pytest.param(
            {
                "body": "echo $1 > $1.txt; echo $1 > $1.txt.idx",
                "outputs": {
                    "out": {
                        "type": "File",
                        "secondaryFiles": ".idx",
                        "outputBinding": {"glob": "*.txt"},
                    }
                },
            },
            ["a", "b"],
            id="secondaryFiles",
        ),
        pytest.param(
            {
                "outputs": {
                    "out": {
                        "type": "File",
                        "outputBinding": {"glob": "*.txt", "loadContents": True},
                    }
                }
            },
            ["a", "b"],
            id="contents",
        ),
    ],
)
def test_what_is_not_simple_is_left_to_cwltool(
    bench: Bench, performed: list[int], fields: dict[str, Any], words: list[str]
) -> None:
    body = fields.pop("body", None)
    outputs = {"type": "Directory", "outputBinding": {"glob": "*.txt"}}
    if body and body.startswith("mkdir"):
        fields["outputs"] = {"out": outputs}
    document = scatter(bench, **fields, **({} if body is None else {"arguments": command(body)}))
    options = ("--memo-directories", "content")
    compare(bench, document, {"words": words[:1]}, {"words": words}, options=options)
    # A single one may be simple, and the target of a link that was reused is a file.
    assert max([1, *performed]) == (len(words) if "ln" in (body or "") else 1)


def command(body: str) -> list[JSON]:
    return [{"position": -2, "valueFrom": body}, {"position": -1, "valueFrom": "sh"}]


@pytest.mark.parametrize(
    "options", [("--copy-outputs",), ("--leave-outputs",), ("--no-compute-checksum",)]
)
def test_outputs_are_copied_or_left_where_the_user_says_so(
    bench: Bench, performed: list[int], options: tuple[str, ...]
) -> None:
    document = scatter(bench)
    job = {"words": ["a", SECOND]}
    where = mode(bench, *options) if "outputs" in options[0] else options
    for _ in range(2):
        run = bench.run(document, job, "--no-memo-replay", *where)
        places = [Path(item["path"]) for item in run.output["made"]]
        assert [place.read_bytes().split()[0] for place in places] == [b"a", SECOND.encode()]
    assert performed == ([2, 2] if "checksum" in options[0] else [])


@pytest.mark.parametrize("there", ["file", "directory", "link", "link to nowhere"])
def test_what_stands_in_the_place_of_an_output_is_treated_as_cwltool_does(
    bench: Bench, there: str
) -> None:
    document = scatter(bench)
    job = {"words": ["a", SECOND]}
    bench.run(document, job)
    found = []
    for option in ("--no-memo", "--no-memo-replay"):
        place = bench.folder / f"results{option}"
        place.mkdir()
        for word in ("a", SECOND):
            target = place / f"{word}.txt"
            if there == "file":
                target.write_text("of before")
            elif there == "directory":
                target.mkdir()
            else:
                target.symlink_to("aim")
                if there == "link":
                    (place / "aim").write_text("what a link leads to")
        run = bench.run(document, job, option, "--outdir", str(place))
        run.outdir = place
        found.append(delivered(run))
    assert found[0] == found[1]


def test_a_file_that_cannot_be_delivered_fails_the_run_as_it_does_cwltools(bench: Bench) -> None:
    document = scatter(bench)
    job = {"words": ["a", SECOND]}
    bench.run(document, job)
    place = bench.write("results", "a file where the directory is to be")
    codes = [
        bench.run(document, job, option, "--outdir", str(place)).code
        for option in ("--no-memo", "--no-memo-replay")
    ]
    assert codes == [1, 1]


def test_a_result_that_came_out_otherwise_is_not_replayed(bench: Bench) -> None:
    # The blob goes after the hit is announced; the job, executed again, gives another file.
    other = bench.write("other", "1")
    body = f"cat {other} > $1.txt; head -c 99999 /dev/zero >> $1.txt"
    document = scatter(bench, arguments=command(body))
    job = {"words": ["a"]}
    bench.run(document, job)
    other.write_text("2")
    ensure = Views.ensure

    def lose(self: Views, path: str, **how: Any) -> None:
        for blob in (bench.store / "blobs").rglob("*"):
            if blob.is_file() and blob.stat().st_size > 9999:
                blob.unlink()
        ensure(self, path, **how)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Views, "ensure", lose)
        bench.run(document, job, "--no-memo-replay")
    warm = bench.run(document, job)
    assert Path(warm.output["made"][0]["path"]).read_bytes()[:1] == b"2"
