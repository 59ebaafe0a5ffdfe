"""``cwltool-memo``: takes the place of ``cwltool`` wherever that is called."""

# PYTHON_ARGCOMPLETE_OK

from __future__ import annotations

import sys
from typing import Final

from cwl_memo.cli.leave import collect_rarely, leave
from cwl_memo.cli.replay import answer

__all__ = ["main", "program"]

PROG: Final = "cwltool-memo"


def main(argv: list[str] | None = None) -> int:
    """Run a document as cwltool does, reusing jobs, and return cwltool's exit code.

    :param argv: the arguments; None for those of the process.
    """
    words = sys.argv[1:] if argv is None else argv
    code = answer(words, PROG)
    if code is not None:
        return code
    # No error boundary: what cwltool lets through ends this program as it ends cwltool.
    from cwl_memo.cwl.runner import run
    from cwl_memo.report.files import write_report

    return run(words, prog=PROG, write_report=write_report)


def program() -> int:
    """Be the program ``cwltool-memo``, and end the process."""
    collect_rarely()
    return leave(main())
