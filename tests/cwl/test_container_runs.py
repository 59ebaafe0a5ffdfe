"""Stories of jobs in real containers, on images that podman makes without a network."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cwl.engines import Podman
from tests.stories.bench import Bench, Run

pytestmark = [pytest.mark.podman, pytest.mark.slow]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, monkeypatch)


def run(bench: Bench, image: str, *options: str, **fields: object) -> Run:
    """Run a tool in an image: it prints an input, a note of the image, and a variable."""
    document = {
        "cwlVersion": "v1.2",
        "class": "CommandLineTool",
        "baseCommand": ["sh", "-c"],
        "arguments": ["cat /note $0; echo $LEVEL"],
        "requirements": {"DockerRequirement": {"dockerPull": image}},
        "inputs": {"f": {"type": "File", "inputBinding": {}}},
        "outputs": {"out": {"type": "File", "outputBinding": {"glob": "out.txt"}}},
        "stdout": "out.txt",
        **fields,
    }
    bench.write("tool.cwl", document)
    job = {"f": {"class": "File", "path": str(bench.write("in.txt", "input "))}}
    engine = ("--user-space-docker-cmd", "podman", "--disable-pull", *options)
    done = bench.run("tool.cwl", job, *engine, container=True)
    assert done.code == 0, done.log
    return done


def test_hit_in_the_same_image_by_any_name(bench: Bench, podman: Podman) -> None:
    cold = run(bench, podman.make("1", "note "))
    assert (cold.results, cold.text()) == (["executed"], "note input \n")
    assert run(bench, podman.make("1", "note ")).results == ["reused"]
    renamed = run(bench, podman.make("other", "note "))
    assert (renamed.results, renamed.text()) == (["reused"], "note input \n")


def test_miss_when_the_image_behind_a_name_changes(bench: Bench, podman: Podman) -> None:
    run(bench, podman.make("1", "old "))
    changed = run(bench, podman.make("1", "new "))
    assert (changed.results, changed.text()) == (["executed"], "new input \n")
    assert changed.record.jobs[0].differs[0].startswith("image.")


def test_miss_when_the_environment_of_the_image_changes(bench: Bench, podman: Podman) -> None:
    run(bench, podman.make("1", "", "ENV LEVEL=1"))
    changed = run(bench, podman.make("1", "", "ENV LEVEL=2"))
    assert (changed.results, changed.text()) == (["executed"], "input 2\n")


def test_by_name_the_content_of_the_image_is_not_looked_at(bench: Bench, podman: Podman) -> None:
    run(bench, podman.make("1", "old "), "--memo-image", "name")
    trusted = run(bench, podman.make("1", "new "), "--memo-image", "name")
    assert (trusted.results, trusted.text()) == (["reused"], "old input \n")


def test_host_programs_do_not_count_in_a_container(
    bench: Bench, podman: Podman, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = podman.make("1")
    run(bench, image)
    bench.write("bin/cat", "#!/bin/sh\nexec /bin/cat $@\n").chmod(0o755)
    monkeypatch.setenv("PATH", f"{bench.folder}/bin:{os.environ['PATH']}")
    assert run(bench, image).results == ["reused"]


def test_refused_when_the_image_is_not_to_be_had(bench: Bench, podman: Podman) -> None:
    bench.tool(requirements={"DockerRequirement": {"dockerPull": f"{podman.NAME}:none"}})
    job = {"f": {"class": "File", "path": str(bench.write("in.txt", "x"))}}
    engine = ("--user-space-docker-cmd", "podman", "--disable-pull")
    failed = bench.run("tool.cwl", job, *engine, container=True)
    assert failed.code != 0
    (job_record,) = failed.record.jobs
    assert (job_record.result, job_record.cause) == ("failed", "image-not-pinned")
