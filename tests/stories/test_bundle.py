"""What one machine has executed is a hit on another, once a bundle has come over."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.cli.main import main
from cwl_memo.store.local import open_store

from .bench import Bench
from .test_miss_secrets import ONE, SECRETS

SORT: dict[str, Any] = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "baseCommand": "sort",
    "inputs": {"f": {"type": "File", "inputBinding": {"position": 1}}},
    "outputs": {"out": {"type": "stdout"}},
    "stdout": "sorted.txt",
}
DIRECTORY: dict[str, Any] = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "baseCommand": ["sh", "-c", "mkdir -p d/e; cp $0 d/e/copy; ln -s e/copy d/link; date >&2"],
    "inputs": {"f": {"type": "File", "inputBinding": {"position": 1}}},
    "outputs": {"d": {"type": "Directory", "outputBinding": {"glob": "d"}}},
}
WORKFLOW: dict[str, Any] = {
    "cwlVersion": "v1.2",
    "class": "Workflow",
    "requirements": {"ScatterFeatureRequirement": {}},
    "inputs": {"fs": "File[]"},
    "outputs": {
        "out": {"type": "File[]", "outputSource": "sort/out"},
        "d": {"type": "Directory[]", "outputSource": "place/d"},
    },
    "steps": {
        "sort": {"run": "sort.cwl", "scatter": "f", "in": {"f": "fs"}, "out": ["out"]},
        "place": {"run": "d.cwl", "scatter": "f", "in": {"f": "sort/out"}, "out": ["d"]},
    },
}


def machine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Return a bench with the documents and the data in a folder of its own."""
    folder.mkdir(parents=True)
    bench = Bench(folder, monkeypatch)
    bench.write("sort.cwl", SORT)
    bench.write("d.cwl", DIRECTORY)
    bench.write("wf.cwl", WORKFLOW)
    for name, text in (("a.txt", "b\na\n"), ("b.txt", "d\nc\n")):
        bench.write(name, text)
    files = [{"class": "File", "path": name} for name in ("a.txt", "b.txt")]
    bench.write("job.json", {"fs": files})
    return bench


def files_below(folder: Path) -> dict[str, str]:
    """Return the text of each file below a folder, by its relative path."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_text() for path in found}


@pytest.mark.parametrize("options", [[], ["--no-workspaces"]], ids=["whole", "outputs only"])
def test_what_one_machine_executed_is_a_hit_on_another(
    options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = machine(tmp_path / "one", monkeypatch)
    two = machine(tmp_path / "elsewhere" / "two", monkeypatch)
    bundle = str(tmp_path / "b.tar.zst")
    words = ("--memo-directories", "content")
    cold = one.run("wf.cwl", "job.json", *words, env={"HOME": str(one.folder)})
    assert cold.results == ["executed"] * 4
    assert main(["export", "latest", bundle, "--store", str(one.store), *options]) == 0
    assert main(["import", bundle, "--store", str(two.store)]) == 0
    warm = two.run("wf.cwl", "job.json", *words, env={"HOME": str(two.folder)})
    assert warm.results == ["reused"] * 4
    assert files_below(warm.outdir) == files_below(cold.outdir)
    assert {job.origin_run for job in warm.record.jobs} == {cold.record.run}


def test_a_run_that_was_reused_is_exported_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = machine(tmp_path / "one", monkeypatch)
    two = machine(tmp_path / "two", monkeypatch)
    bundle = str(tmp_path / "b.tar.gz")
    words = ("--memo-directories", "content")
    one.run("wf.cwl", "job.json", *words)
    warm = one.run("wf.cwl", "job.json", *words)
    assert main(["export", warm.record.run, bundle, "--store", str(one.store)]) == 0
    assert main(["import", bundle, "--store", str(two.store)]) == 0
    assert two.run("wf.cwl", "job.json", *words).results == ["reused"] * 4


def test_a_secret_does_not_leave_in_a_bundle(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = {"EnvVarRequirement": {"envDef": {"PW": "$(inputs.pw)"}}}
    # Its command line has the secret, too, where the user has typed it.
    tool = bench.tool(
        body='printf %s "$PW" | wc -c', inputs={"pw": "string"}, hints=SECRETS,
        requirements=environment,
    )  # fmt: skip
    run = bench.run(tool, ["--pw", ONE], ext=True)
    assert run.results == ["executed"]
    assert ONE in str(run.record.arguments)
    other = bench.run(bench.tool("other.cwl"), {"f": {"class": "File", "path": "job.json"}})
    with closing(open_store(bench.store)) as store:
        for job in other.record.jobs:
            store.append_run(run.record.run, {"line": "job", **job.to_json()})
    bundle = tmp_path / "b.tar"
    assert main(["export", run.record.run, str(bundle), "--store", str(bench.store)]) == 0
    assert "it was given a secret" in capsys.readouterr().err
    assert ONE.encode() not in bundle.read_bytes()
    secret = (bench.store / "secret.key").read_bytes()
    assert secret not in bundle.read_bytes()
