"""Gets cwltool's tests: out of its source distribution, which pip fetches where none is given."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath

from conformance.errors import ConformanceError

__all__ = ["installed_version", "place_tests"]


def installed_version() -> str:
    """Return the version of the cwltool that is installed here.

    :raises ConformanceError: if none is.
    """
    try:
        return version("cwltool")
    except PackageNotFoundError:
        raise ConformanceError(f"cwltool is not installed for {sys.executable}") from None


def place_tests(folder: Path, *, sdist: Path | None = None, source: Path | None = None) -> Path:
    """Copy cwltool's tests, and nothing else of it, into a folder; return where they are.

    Without the rest of the source, the cwltool that they import is the installed one.

    :param sdist: the source distribution.
    :param source: a directory with the unpacked source; it is only read.
    :raises ConformanceError: if there are no tests.
    """
    if source is None:
        source = _unpacked(sdist or _download(folder), folder / "source")
    if not (source / "tests" / "util.py").is_file():
        raise ConformanceError(f"{source} is not cwltool's source: it has no tests/util.py")
    place = folder / "work"
    shutil.copytree(source / "tests", place / "tests", symlinks=True)
    return place


def _download(folder: Path) -> Path:
    # Only cwltool itself from source: what its metadata is made with comes as wheels, into an
    # environment that pip makes for the purpose and removes.
    wanted = f"cwltool=={installed_version()}"
    place = folder / "download"
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    command += ["--no-deps", "--no-binary", "cwltool", "--dest", str(place), wanted]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    found = sorted(place.glob("*.tar.gz")) if place.is_dir() else []
    if done.returncode or not found:
        raise ConformanceError(
            f"pip did not fetch the source distribution of {wanted}; give it with --sdist.\n"
            + done.stderr[-2000:]
        )
    return found[0]


def _leaves(name: str) -> bool:
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts


def _unpacked(sdist: Path, folder: Path) -> Path:
    try:
        with tarfile.open(sdist) as archive:
            members = [m for m in archive.getmembers() if m.isfile() or m.isdir()]
            if any(_leaves(member.name) for member in members):
                raise ConformanceError(f"{sdist} holds paths that lead out of it")
            # Python has filters since 3.10.12 and 3.11.4.
            archive.extraction_filter = getattr(tarfile, "data_filter", None)
            archive.extractall(folder, members)  # noqa: S202  (looked at above)
    except (OSError, tarfile.TarError) as error:
        raise ConformanceError(f"{sdist} cannot be unpacked: {error}") from error
    found = [path for path in folder.iterdir() if path.is_dir()]
    if len(found) != 1:
        raise ConformanceError(f"{sdist} is not a source distribution")
    return found[0]
