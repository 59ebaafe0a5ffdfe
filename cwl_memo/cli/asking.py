"""Asking before something goes that does not come back."""

from __future__ import annotations

import sys

from cwl_memo.errors import UsageError
from cwl_memo.report.table import printable

__all__ = ["is_confirmed"]


def is_confirmed(verb: str, what: str, question: str, *, yes: bool) -> bool:
    """Tell whether the user wants it, who is asked on a terminal.

    :param verb: and ``what``, for the message where nobody is there to ask.
    :param question: with its question mark, and what follows from a yes.
    :param yes: whether the command line said so already.
    :raises UsageError: if it did not, and nobody is there.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError(f"{verb}: {what}, and nobody is here to ask; give --yes to do it")
    sys.stderr.write(printable(f"{question} [y/N] "))
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
