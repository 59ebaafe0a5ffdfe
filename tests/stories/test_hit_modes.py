"""What must hit: directories come back with the modes that plain cwltool delivers."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from .bench import Bench, Run
from .workflows import step, wrap

CONTENT = ("--memo-directories", "content")
MAKE = (
    "mkdir -p d/priv/below d/fixed/deep d/usual; echo 1 > d/priv/1; echo 2 > d/fixed/deep/2; "
    "echo x > x; ln -s priv d/link; chmod 750 d/priv/below; chmod 700 d/priv; "
    "chmod 555 d/fixed d/fixed/deep; chmod 711 d"
)
FOUND = {
    "d": 0o711,
    "d/priv": 0o700,
    "d/priv/below": 0o750,
    "d/fixed": 0o555,
    "d/fixed/deep": 0o555,
    "d/usual": 0o755,
}


@pytest.fixture(autouse=True)
def _umask() -> Any:
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(root: Path) -> dict[str, int]:
    return {
        str(path.relative_to(root)): stat.S_IMODE(path.stat().st_mode)
        for path in root.rglob("*")
        if path.is_dir() and not path.is_symlink()
    }


def glob(pattern: str, kind: str = "Directory") -> dict[str, Any]:
    return {"type": kind, "outputBinding": {"glob": pattern}}


def tool(bench: Bench, outputs: Any, body: str = MAKE, name: str = "tool.cwl") -> Path:
    return bench.tool(name, body, inputs={}, outputs=outputs, stdout=None)


def runs(bench: Bench, document: Path, *options: str) -> tuple[Run, Run, Run]:
    plain = bench.run(document, {}, "--no-memo")
    cold, warm = (bench.run(document, {}, *CONTENT, *options) for _ in range(2))
    assert [run.executed for run in (plain, cold, warm)] == [1, 1, 0], warm.log
    assert not (bench.folder / "tmp").exists() or not list((bench.folder / "tmp").iterdir())
    return plain, cold, warm


@pytest.mark.parametrize("outputs", [["d"], ["d", "d/priv"], ["d/priv", "d", "d/fixed/deep"]])
def test_hit_delivers_directories_with_their_modes(bench: Bench, outputs: list[str]) -> None:
    ports = {f"o{i}": glob(pattern) for i, pattern in enumerate(outputs)}
    for run in runs(bench, tool(bench, ports)):
        for i, pattern in enumerate(outputs):
            root = Path(run.output[f"o{i}"]["path"])
            assert stat.S_IMODE(root.stat().st_mode) == FOUND[pattern]
    if outputs == ["d"]:
        assert modes(run.outdir) == FOUND


def test_hit_delivers_the_working_directory_with_its_mode(bench: Bench) -> None:
    found = [
        stat.S_IMODE(Path(run.output["out"]["path"]).stat().st_mode)
        for run in runs(bench, tool(bench, {"out": glob(".")}))
    ]
    assert found == [0o700] * 3


def test_hit_delivers_a_link_to_a_directory_with_its_mode(bench: Bench) -> None:
    for run in runs(bench, tool(bench, {"out": glob("d/link")})):
        assert modes(run.outdir) == {"link": 0o700, "link/below": 0o750}


def test_hit_collects_directories_anew_with_their_modes(bench: Bench) -> None:
    bench.run(tool(bench, {"x": glob("x", "File")}), {}, *CONTENT)
    document = tool(bench, {"out": glob("d"), "all": glob(".")})
    for _ in range(2):
        warm = bench.run(document, {}, *CONTENT)
        assert warm.executed == 0, warm.log
        root = Path(warm.output["out"]["path"])
        assert modes(root) == {n[2:]: m for n, m in FOUND.items() if n != "d"}
        assert stat.S_IMODE(root.stat().st_mode) == FOUND["d"]
        assert stat.S_IMODE(Path(warm.output["all"]["path"]).stat().st_mode) == 0o700


def test_workspaces_have_the_modes_of_the_directories(bench: Bench) -> None:
    document = tool(bench, {"out": glob("d")})
    # Recorded, reused, and executed without being recorded.
    for i, more in enumerate([CONTENT, CONTENT, ()]):
        place = bench.folder / f"kept{i}"
        run = bench.run(document, {}, "--memo-workspaces", str(place), *more)
        assert run.code == 0, run.log
        (kept,) = place.iterdir()
        assert modes(kept) == FOUND


def test_directory_made_by_a_reused_job_has_the_key_of_the_executed_one(bench: Bench) -> None:
    maker = tool(bench, {"out": glob("d")}, name="maker.cwl")
    maker.write_text(maker.read_text().replace('"inputs": {}', '"inputs": {"f": "File"}'))
    position = {"f": {"type": "Directory", "inputBinding": {"position": 1}}}
    given = {"f": {"class": "File", "path": str(bench.write("in.txt", "x"))}}

    def flow(body: str) -> Path:
        reader = bench.tool("reader.cwl", body, inputs=position)
        steps = {"a": step(maker, "f"), "b": step(reader, "a/out")}
        return wrap(bench, "w.cwl", steps, {"out": {"type": "File", "outputSource": "b/out"}})

    show = "cd $1; stat -c '%a %n' . priv fixed usual"
    for body, executed in ((show, 2), (show, 0), (show + " ", 1), (show, 0)):
        run = bench.run(flow(body), given, *CONTENT)
        assert (run.code, run.executed) == (0, executed), run.log
        assert run.text() == "711 .\n700 priv\n555 fixed\n755 usual\n"


def test_miss_when_the_mode_of_an_input_directory_changes(bench: Bench) -> None:
    tree = bench.write("tree/sub/x", "x").parents[1]
    given = {"d": {"class": "Directory", "path": str(tree)}}
    position = {"d": {"type": "Directory", "inputBinding": {"position": 1}}}
    document = bench.tool(body="stat -c %a $1/ $1/sub | tr '\\n' ' '", inputs=position)
    for path, bits, executed, text in (
        (tree, 0o755, 1, "755 755 "),
        (tree, 0o755, 0, "755 755 "),
        (tree / "sub", 0o700, 1, "755 700 "),
        (tree, 0o750, 1, "750 700 "),
        (tree, 0o755, 0, "755 700 "),
    ):
        path.chmod(bits)
        run = bench.run(document, given, *CONTENT)
        assert (run.executed, run.text()) == (executed, text), run.log
