"""Asks container engines and registries what an image holds, without pulling it.

One class an engine or registry, each behind :class:`ImageInspector`. A program that is
not there, fails, prints something else or never ends gives an :class:`UnresolvedImage`
with the reason, never an exception.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from cwl_memo.core.canonical import JSON
from cwl_memo.cwl.image_identity import (
    Resolution,
    ResolvedImage,
    Source,
    UnresolvedImage,
    identity_of_configuration,
    identity_of_inspection,
    pick_platform,
)

__all__ = [
    "TIMEOUT",
    "Answer",
    "BuildxRegistry",
    "ImageInspector",
    "ImageStore",
    "NoAnswer",
    "SkopeoRegistry",
    "UdockerStore",
    "ask",
    "is_singularity_sandbox",
]

TIMEOUT: Final = 20.0
"""Seconds that a program may take to answer."""

_LIMIT: Final = 4 * 1024 * 1024
"""Bytes that an answer may have; an inspection has a few thousand."""

_ABSENT: Final = ("no such image", "image not known", "image not found")
"""How docker, podman and udocker say that they do not have an image."""


@dataclass(frozen=True)
class Answer:
    """What a program that ended by itself answered."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class NoAnswer:
    """A program that gave no answer.

    :param why: one clause.
    :param missing: whether there is no such program on PATH.
    """

    why: str
    missing: bool = False


class ImageInspector(Protocol):
    """Tells what an image holds."""

    def inspect(self, name: str) -> Resolution:
        """Return the identity of the image that has a name, or why it is not known.

        Blocks for :data:`TIMEOUT` seconds at most, a few times over.
        """


def ask(command: Sequence[str], timeout: float) -> Answer | NoAnswer:
    """Run a program without a shell or input, and return what it printed.

    :param command: the program, found on PATH, and its arguments.
    :param timeout: seconds after which it is killed, with all that it started.
    """
    program = command[0]
    executable = shutil.which(program)
    if executable is None:
        return NoAnswer(f"{program} is not installed", missing=True)
    try:
        process = subprocess.Popen(
            [executable, *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # docker starts plugins, which would outlive it and hold its pipes.
            start_new_session=True,
        )
    except OSError as error:
        return NoAnswer(f"{program} could not be started: {error.strerror}")
    try:
        return _listen(process, program, timeout)
    finally:
        _end(process)


def _listen(process: subprocess.Popen[bytes], program: str, timeout: float) -> Answer | NoAnswer:
    deadline = time.monotonic() + timeout
    late = NoAnswer(f"{program} did not answer within {timeout:g} s")
    out, err = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        for pipe, text in ((process.stdout, out), (process.stderr, err)):
            if pipe is not None:
                selector.register(pipe, selectors.EVENT_READ, text)
        while selector.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                return late
            for key, _ in selector.select(left):
                data = os.read(key.fd, 65536)
                if not data:
                    selector.unregister(key.fileobj)
                key.data.extend(data)
            if len(out) + len(err) > _LIMIT:
                return NoAnswer(f"{program} printed more than {_LIMIT} bytes")
    try:
        status = process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return late
    return Answer(status, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))


def _end(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
    if process.returncode is None:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        # A program that may not be killed is left behind rather than waited for.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1)


class ImageStore:
    """The images of docker, podman, or a program that is used as they are.

    :param command: the program, as ``docker``.
    """

    def __init__(self, command: str, *, timeout: float = TIMEOUT) -> None:
        self._command = command
        self._timeout = timeout

    def inspect(self, name: str) -> Resolution:
        """Return what the engine itself says of an image that it has."""
        answer = ask([self._command, "image", "inspect", name], self._timeout)
        if isinstance(answer, NoAnswer):
            return UnresolvedImage(answer.why, pending=answer.missing)
        if answer.status != 0:
            return _without(name, self._command, answer)
        identity = identity_of_inspection(_json(answer.out))
        return _known(identity, Source.LOCAL, name, self._command)


class UdockerStore:
    """The images of udocker.

    :param command: the program, as ``udocker``.
    """

    def __init__(self, command: str, *, timeout: float = TIMEOUT) -> None:
        self._command = command
        self._timeout = timeout

    def inspect(self, name: str) -> Resolution:
        """Return what udocker says of an image that it has."""
        # udocker runs a container of this name rather than the image, and what was
        # written into a container stays there. Its names hold neither of these signs.
        if "/" not in name and "." not in name:
            answer = ask([self._command, "--quiet", "inspect", "-p", name], self._timeout)
            if isinstance(answer, Answer) and answer.status == 0:
                return UnresolvedImage(f"{name} is a container of udocker, which may change")
        answer = ask([self._command, "--quiet", "inspect", name], self._timeout)
        if isinstance(answer, NoAnswer):
            return UnresolvedImage(answer.why, pending=answer.missing)
        if answer.status != 0:
            return _without(name, self._command, answer)
        # It may say something of its installation first.
        identity = identity_of_configuration(_json(answer.out[answer.out.find("{") :]))
        return _known(identity, Source.LOCAL, name, self._command)


class SkopeoRegistry:
    """Registries, asked by skopeo.

    :param platform: of the image that would be pulled, as ``linux/amd64``.
    """

    def __init__(self, platform: str, *, timeout: float = TIMEOUT) -> None:
        self._platform = platform
        self._timeout = timeout

    def inspect(self, name: str) -> Resolution:
        """Return what the registry in an image's name says of it."""
        system, architecture, variant = (*self._platform.split("/"), "", "")[:3]
        command = ["skopeo", "--override-os", system, "--override-arch", architecture]
        if variant:
            command += ["--override-variant", variant]
        answer = ask([*command, "inspect", "--config", f"docker://{name}"], self._timeout)
        if isinstance(answer, NoAnswer) or answer.status != 0:
            return UnresolvedImage(_complaint("skopeo", answer), pending=True)
        identity = identity_of_configuration(_json(answer.out))
        return _known(identity, Source.REGISTRY, name, "skopeo")


class BuildxRegistry:
    """Registries, asked by docker's buildx plugin.

    :param platform: of the image that would be pulled, as ``linux/amd64``.
    """

    def __init__(self, platform: str, *, timeout: float = TIMEOUT) -> None:
        self._platform = platform
        self._timeout = timeout

    def inspect(self, name: str) -> Resolution:
        """Return what the registry in an image's name says of it."""
        command = ["docker", "buildx", "imagetools", "inspect", "--format", "{{json .Image}}", name]
        answer = ask(command, self._timeout)
        if isinstance(answer, NoAnswer) or answer.status != 0:
            return UnresolvedImage(_complaint("docker buildx", answer), pending=True)
        identity = identity_of_configuration(pick_platform(_json(answer.out), self._platform))
        return _known(identity, Source.REGISTRY, name, "docker buildx")


def is_singularity_sandbox(path: str, timeout: float) -> bool:
    """Tell whether a directory is an image to Singularity, by cwltool's own test."""
    answer = ask(["singularity", "inspect", "--json", path], timeout)
    if isinstance(answer, NoAnswer) or answer.status != 0:
        return False
    data = _json(answer.out)
    found = data.get("data") if isinstance(data, dict) else None
    return bool(isinstance(found, dict) and found.get("attributes"))


def _json(text: str) -> Any:
    """Return the JSON in a text; None, which no inspection is, where it is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _known(identity: JSON | None, source: Source, name: str, program: str) -> Resolution:
    if identity is None:
        return UnresolvedImage(f"{program} printed no image of one layer or more for {name}")
    return ResolvedImage(identity, source)


def _without(name: str, program: str, answer: Answer) -> UnresolvedImage:
    complaint = answer.err.lower()
    if any(sign in complaint for sign in _ABSENT):
        return UnresolvedImage(f"{program} has no image {name}", pending=True)
    # A daemon that is down may have the image: what its registry says is no substitute.
    return UnresolvedImage(_complaint(program, answer))


def _complaint(program: str, answer: Answer | NoAnswer) -> str:
    if isinstance(answer, NoAnswer):
        return answer.why
    lines = answer.err.strip().splitlines()
    return f"{program} failed: {lines[-1][:300] if lines else f'exit status {answer.status}'}"
