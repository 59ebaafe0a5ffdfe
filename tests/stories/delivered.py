"""What a run delivered, told so that two runs can be compared."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from .bench import Bench, Run

__all__ = ["delivered", "mode", "same_as_plain", "tree_of"]

JSON = Any


def tree_of(directory: Path) -> dict[str, JSON]:
    """Return every path below a directory with what stands there: bytes, mode, target."""
    found: dict[str, JSON] = {}
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        if path.is_symlink():
            found[name] = ("link", str(path.readlink()))
        elif path.is_dir():
            found[name] = ("directory",)
        else:
            found[name] = ("file", path.read_bytes(), os.access(path, os.X_OK))
    return found


def mode(bench: Bench, moving: str) -> list[str]:
    """Return options for what becomes of outputs.

    Without ``--leave-tmpdir``, cwltool removes the very outputs it was to leave.
    """
    prefixes = ["--tmpdir-prefix", f"{bench.folder}/tmp/t", "--tmp-outdir-prefix"]
    places = [*prefixes, f"{bench.folder}/tmp/o"]
    return [moving, "--leave-tmpdir", *places] if moving == "--leave-outputs" else [moving]


def delivered(run: Run) -> JSON:
    """Return a run's exit code, output object and files, without the name of its outdir."""

    def told(value: JSON) -> JSON:
        if isinstance(value, dict):
            return {name: told(item) for name, item in value.items()}
        if isinstance(value, list):
            return [told(item) for item in value]
        if isinstance(value, str):
            return value.replace(str(run.outdir), "OUTDIR")
        return value

    return {"code": run.code, "output": told(run.output), "files": tree_of(run.outdir)}


def same_as_plain(
    bench: Bench, document: str | Path, job: JSON = None, *options: str, ext: bool = False
) -> Run:
    """Run plainly, cold, warm and warm in parallel; claim that all deliver the same.

    Returns the cold run.
    """
    plain = bench.run(document, job, "--no-memo", *options, ext=ext)
    cold = bench.run(document, job, *options, ext=ext)
    assert plain.code == 0, plain.log
    assert delivered(cold) == delivered(plain), cold.log
    assert cold.record.count("executed") == cold.executed == plain.executed > 0, cold.log
    assert cold.not_recorded == [""] * len(cold.not_recorded)
    for more in ((), ("--parallel",)):
        warm = bench.run(document, job, *more, *options, ext=ext)
        assert delivered(warm) == delivered(plain), warm.log
        assert warm.executed == 0, warm.log
        assert set(warm.results) == {"reused"}
    return cold
