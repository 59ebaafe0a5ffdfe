"""Small runners in the place of CWL runners, for the driver that judges them."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Final

from conformance.driver.template import Template

Fake = Callable[..., Template]

HONEST: Final = """\
found="$store/$(cat "$document" "$job" | cksum | tr ' ' -)"
if ! test -e "$found"; then
    sh "$document" "$job" > "$outdir/out.txt" || exit 1
    cp "$outdir/out.txt" "$found.$$"
    mv "$found.$$" "$found"
fi
cp "$found" "$outdir/out.txt"
answer
"""
"""What a runner does that reuses jobs: its documents are shell scripts, keyed by their bytes."""

_BEGIN: Final = """\
#!/bin/sh
store=$1 outdir=$2 document=$3 job=$4 report=$5
mkdir -p "$store" "$outdir"
answer() { echo "{\\"out\\": {\\"class\\": \\"File\\", \\"path\\": \\"$outdir/out.txt\\"}}"; }
"""


def maker(folder: Path) -> Fake:
    """Return what makes a runner of a shell script; an honest one without that."""

    def make(
        body: str = HONEST,
        *,
        reuses: bool = True,
        words: str = "",
        lacks: frozenset[str] = frozenset(),
    ) -> Template:
        program = folder / "runner"
        program.write_text(_BEGIN + body)
        program.chmod(0o755)
        command = f"{shlex.quote(str(program))} {{store}} {{outdir}} {{document}} {{job}} {words}"
        return Template("fake", command, reuses=reuses, lacks=lacks)

    return make
