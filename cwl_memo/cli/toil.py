"""``cwl-memo-toil``: takes the place of ``toil-cwl-runner``."""

from __future__ import annotations

import sys
from typing import Final

from cwl_memo.errors import UsageError

__all__ = ["main", "program"]

PROG: Final = "cwl-memo-toil"


def main(argv: list[str] | None = None) -> int:
    """Run a document as toil-cwl-runner does, reusing jobs, and return its exit code.

    :param argv: the arguments; None for those of the process.
    """
    words = sys.argv[1:] if argv is None else argv
    try:
        from cwl_memo.engines.toil.runner import run
    except UsageError as error:
        sys.stderr.write(f"{PROG}: error: {error}\n")
        return 2
    from cwl_memo.report.files import write_report

    # No error boundary: what Toil lets through ends this program as it ends Toil.
    return run(words, prog=PROG, write_report=write_report)


def program() -> int:
    """Be the program ``cwl-memo-toil``."""
    return main()
