"""A small runner in the place of CWL runners, which knows the scatter W1 alone."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

from benchmarks.runner import Runner

__all__ = ["fake", "runs_of"]

_PROGRAM = """\
import hashlib, json, os, re, sys
store, outdir, document, job, log, lie = sys.argv[1:]
with open(log, "a") as file:
    seen = {
        "store": store,
        "kept": sorted(os.listdir(store)),
        "outdir": outdir,
        "delivered": sorted(os.listdir(outdir)),
        "edition": re.search("edition-[0-9]+", open(document).read())[0],
        "texts": len(json.load(open(job))["texts"]),
    }
    file.write(json.dumps(seen) + "\\n")
open(f"{store}/kept", "w").close()

def file(name, text):
    with open(f"{outdir}/{name}", "w") as out:
        out.write(text)
    sha1 = hashlib.sha1(text.encode()).hexdigest()
    path = f"{outdir}/{name}"
    return {"class": "File", "path": path, "size": len(text), "checksum": f"sha1${sha1}"}

edition = seen["edition"]
if lie == "stale":
    edition = "edition-0"
outputs = {"signed": file("sign.txt", edition + "\\n"), "sorted": []}
for text in json.load(open(job))["texts"]:
    path = text["location"][7:]
    name = os.path.basename(path).replace(".txt", ".sorted")
    outputs["sorted"].append(file(name, "".join(sorted(open(path)))))
if lie == "checksum":
    outputs["signed"]["checksum"] = "sha1$0"
print(json.dumps(outputs))
if lie == "status":
    print("it broke", file=sys.stderr)
    sys.exit(3)
"""


def fake(
    folder: Path, name: str = "fake", lie: str = "none", *, reuses: bool = True, **more: Any
) -> Runner:
    """Return a runner that does what it must, or lies in a way."""
    program = folder / "fake.py"
    program.write_text(_PROGRAM)
    words = [sys.executable, "-I", "-S", str(program)]
    command = f"{shlex.join(words)} {{store}} {{outdir}} {{document}} {{job}}"
    log = shlex.quote(str(folder / f"{name}.log"))
    return Runner(name, f"{command} {log} {lie}", reuses=reuses, **more)


def runs_of(folder: Path, name: str = "fake") -> list[dict[str, Any]]:
    """Return what a fake runner saw in each of its runs."""
    lines = (folder / f"{name}.log").read_text().splitlines()
    return [json.loads(line) for line in lines]
