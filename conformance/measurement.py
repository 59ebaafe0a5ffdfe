"""What the measurements have in common: how they end, their numbers, places and programs."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from .errors import ConformanceError

__all__ = ["at_least_one", "concluded", "find_program", "folder", "new_folder", "search_path"]


def concluded(measure: Callable[[], int], prog: str) -> int:
    """Make a measurement, and leave nothing behind however it ends; return the exit status.

    :param measure: returns 0 if nothing is wrong, 1 if something is.
    :param prog: how the user calls it. It says why nothing could be measured (status 2).
    """
    before = signal.signal(signal.SIGTERM, _end)
    try:
        return measure()
    except ConformanceError as error:
        print(f"{prog}: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(signum: int, _frame: object) -> NoReturn:
    # As an exception, so that everything begun is ended and removed.
    raise SystemExit(128 + signum)


@contextmanager
def folder(keep: Path | None, prefix: str) -> Iterator[Path]:
    """Give a folder for what a measurement writes: the one to be kept, or one for its time."""
    if keep is not None:
        yield new_folder(keep)
        return
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as name:
        yield Path(name).resolve()


def new_folder(keep: Path) -> Path:
    """Make the folder that ``--keep`` names; return its resolved path.

    :raises ConformanceError: if it exists or cannot be made.
    """
    try:
        keep.mkdir(parents=True)
    except FileExistsError:
        raise ConformanceError(f"--keep {keep}: it exists; name a new directory") from None
    except OSError as error:
        raise ConformanceError(f"--keep {keep}: {error.strerror}") from error
    return keep.resolve()


def at_least_one(text: str) -> int:
    """Read a number of an argument, of which less than 1 makes no sense."""
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def search_path() -> str:
    """Return PATH with the programs of this Python's environment in front."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])


def find_program(name: str) -> str:
    """Return the path of a program: beside this Python, or on PATH.

    :raises ConformanceError: if there is none.
    """
    found = shutil.which(name, path=search_path())
    if found is None:
        raise ConformanceError(f"no program {name!r} beside {sys.executable} or on PATH")
    return str(Path(found).absolute())
