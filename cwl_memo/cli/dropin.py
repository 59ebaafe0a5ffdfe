"""``cwltool-memo``: takes the place of ``cwltool`` wherever that is called."""

# PYTHON_ARGCOMPLETE_OK

from __future__ import annotations

import sys
from typing import Final

from cwl_memo.cli.exit_codes import guarded

__all__ = ["main"]

PROG: Final = "cwltool-memo"


def main(argv: list[str] | None = None) -> int:
    """Run a document as cwltool does, reusing jobs, and return cwltool's exit code.

    :param argv: the arguments; None for those of the process.
    """
    words = sys.argv[1:] if argv is None else argv
    return guarded(PROG, lambda: _main(words))


def _main(words: list[str]) -> int:
    from cwl_memo.cwl.runner import run
    from cwl_memo.report.files import write_report

    return run(words, prog=PROG, write_report=write_report)
