"""Embedding cwl-memo in a program that runs CWL through cwltool's Python interface.

Run it with a folder of its own::

    python examples/embed.py /tmp/embed

It runs a small tool twice through ``cwltool.factory.Factory`` and once through
``cwltool.main``, all on one store, and prints what became of the job each time.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cwltool.factory
import cwltool.main

from cwl_memo import Session, Settings, open_store

TOOL = """\
cwlVersion: v1.2
class: CommandLineTool
baseCommand: [sort, -u]
inputs:
  words: {type: File, inputBinding: {}}
outputs:
  sorted: {type: File, outputBinding: {glob: sorted.txt}}
stdout: sorted.txt
"""


def run_with_factory(folder: Path, store: Path) -> str:
    """Run the tool through ``cwltool.factory.Factory``; return what became of its job."""
    with Session(open_store(store), Settings(salt="embedded")) as session:
        runtime = session.runtime_context()
        runtime.outdir = str(folder / "out")
        factory = cwltool.factory.Factory(
            executor=session.serial_executor(),
            loading_context=session.loading_context(),
            runtime_context=runtime,
        )
        sort = factory.make(str(folder / "sort.cwl"))
        outputs = sort(words={"class": "File", "location": (folder / "words.txt").as_uri()})
        print(Path(outputs["sorted"]["location"].removeprefix("file://")).read_text().split())
    return session.record.jobs[0].result


def run_with_main(folder: Path, store: Path) -> str:
    """Run the tool through ``cwltool.main``; return what became of its job."""
    with Session(open_store(store), Settings(salt="embedded")) as session:
        code = cwltool.main.main(
            argsl=[
                f"--outdir={folder / 'out'}",
                str(folder / "sort.cwl"),
                f"--words={folder / 'words.txt'}",
            ],
            executor=session.serial_executor(),
            loadingContext=session.loading_context(),
            runtimeContext=session.runtime_context(),
            stdout=sys.stderr,
        )
    return session.record.jobs[0].result if code == 0 else f"exit code {code}"


def main(folder: Path) -> list[str]:
    """Run the tool three times; return what became of its job each time."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sort.cwl").write_text(TOOL)
    (folder / "words.txt").write_text("pear\napple\npear\n")
    store = folder / "store"
    results = [
        run_with_factory(folder, store),
        run_with_factory(folder, store),
        run_with_main(folder, store),
    ]
    print(results)
    return results


if __name__ == "__main__":
    main(Path(sys.argv[1]))
