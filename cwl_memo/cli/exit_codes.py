"""Exit codes, and the one place where an error becomes one."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Callable
from enum import Enum

from cwl_memo.errors import CwlMemoError, NotKeptError, UsageError
from cwl_memo.report.table import printable

__all__ = ["ExitCode", "NothingMatchesError", "guarded"]


class NothingMatchesError(CwlMemoError):
    """No entry, run or job answers to the name that was given."""


class ExitCode(Enum):
    """What each exit code of ``cwl-memo`` means; the page of exit codes is made from here."""

    OK = (0, "What was asked for was done.")
    NOT_SO = (
        1,
        "The answer is no: damage, a difference, a job to execute, or nothing of that name.",
    )
    USAGE = (2, "An option or a setting makes no sense; the message says which, and the remedy.")
    STORE = (3, "The store, or a file that was named, could not be opened, read or written.")
    DEFECT = (70, "cwl-memo itself failed; please report what it printed.")
    INTERRUPTED = (130, "Interrupted from the keyboard.")
    PIPE_CLOSED = (141, "The reader of a pipe went away, as 'head' does.")

    def __init__(self, status: int, meaning: str) -> None:
        self.status = status
        self.meaning = meaning


def guarded(prog: str, action: Callable[[], int]) -> int:
    """Return the exit code of ``action``, every error made into a message and a code.

    :param prog: the name of the program, at the head of each message.
    """
    try:
        status = action()
        # Here, where a closed pipe is still an error that can be caught.
        sys.stdout.flush()
    except UsageError as error:
        return _complain(prog, str(error), ExitCode.USAGE)
    except (NothingMatchesError, NotKeptError) as error:
        return _complain(prog, str(error), ExitCode.NOT_SO)
    except CwlMemoError as error:
        return _complain(prog, str(error), ExitCode.STORE)
    except KeyboardInterrupt:
        return _complain(prog, "interrupted", ExitCode.INTERRUPTED)
    except BrokenPipeError:
        _drop_output()
        return ExitCode.PIPE_CLOSED.status
    except OSError as error:
        return _complain(prog, str(error), ExitCode.STORE)
    except Exception as error:  # noqa: BLE001 - the one error boundary of the commands
        traceback.print_exc()
        return _complain(prog, f"{type(error).__name__}: {error}", ExitCode.DEFECT)
    return status


def _complain(prog: str, message: str, code: ExitCode) -> int:
    # The reader of stderr may be gone as well, and the code still counts.
    with contextlib.suppress(OSError):
        lines = [printable(line) for line in message.splitlines() or [""]]
        sys.stderr.write(f"{prog}: error: " + "\n".join(lines) + "\n")
    return code.status


def _drop_output() -> None:
    # The interpreter flushes stdout as it ends, and would complain of the closed pipe then.
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
