"""The test vectors of ``conformance/vectors``: read, laid out, and asked of cwl-memo."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cwl_memo.core.canonical import JSON, canonical_bytes
from cwl_memo.core.digest import digest_of_value
from cwl_memo.store.permission import read_umask
from tests.golden.keying import Keyed, keyed

__all__ = ["ROOT", "Place", "Vector", "expected_of", "is_update", "read", "vectors", "write"]

ROOT = Path(__file__).parents[2] / "conformance" / "vectors"

_FOLDER = "{folder}"
_FIXED = "file:///vector"
_ENGINE = """#!/bin/sh
/bin/cat "$0.json"
if [ "$(/bin/cat "$0.json")" = "[]" ]; then
  echo "Error: No such image" >&2
  exit 1
fi
"""


def is_update() -> bool:
    """Tell whether the vectors are to be written anew."""
    return bool(os.environ.get("UPDATE_GOLDEN"))


def read(path: Path) -> Any:
    """Return what a file of vectors holds."""
    return json.loads(path.read_text(encoding="utf-8"))


def write(path: Path, data: JSON) -> None:
    """Write a file of vectors."""
    text = json.dumps(data, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")


@dataclass(frozen=True)
class Vector:
    """One fingerprint vector: a folder, and what its ``vector.json`` says."""

    folder: Path
    data: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The folder, as ``inputs/file-basename``."""
        return self.folder.relative_to(ROOT / "fingerprints").as_posix()

    def lay_out(self, below: Path) -> Place:
        """Copy the vector's files to a new folder, and make those that are only described."""
        folder = below / "vector"
        shutil.copytree(
            self.folder,
            folder,
            ignore=shutil.ignore_patterns("vector.json"),
            copy_function=shutil.copyfile,
        )
        usual = 0o777 & ~read_umask()
        for path in (folder, *folder.rglob("*")):
            if path.is_dir():
                path.chmod(usual)  # not as the vectors were checked out
        for name, file in self.data.get("files", {}).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if file.get("directory"):
                path.mkdir(exist_ok=True)
                if "mode" in file:
                    path.chmod(int(file["mode"], 8))
            elif "link" in file:
                path.symlink_to(file["link"].replace(_FOLDER, str(folder)))
            else:
                path.write_text(file["text"], encoding="utf-8", newline="")
                path.chmod(0o755 if file.get("executable") else 0o644)
        return Place(folder, self.data)


@dataclass(frozen=True)
class Place:
    """A folder in which a vector has been laid out."""

    folder: Path
    data: Mapping[str, Any]

    def text(self, text: str) -> str:
        """Return a text of the vector as it is meant here."""
        return text.replace(_FOLDER, str(self.folder))

    @property
    def document(self) -> str:
        """What is run: a file, perhaps with the name of a process in it."""
        return str(self.folder / self.data["document"])

    @property
    def job(self) -> Path | None:
        """The file with the input object."""
        return self.folder / self.data["job"] if "job" in self.data else None

    @property
    def options(self) -> dict[str, Any]:
        """The options by name."""
        return {
            name: [self.text(item) for item in value] if isinstance(value, list) else value
            for name, value in self.data["options"].items()
        } | {
            name: self.text(value)
            for name, value in self.data["options"].items()
            if isinstance(value, str)
        }

    @property
    def environment(self) -> dict[str, str]:
        """The variables that the vector sets."""
        given = self.data.get("environment", {})
        return {name: self.text(value) for name, value in given.items()}

    def fixed(self, value: JSON) -> JSON:
        """Return JSON with the place of the folder as vectors have it."""
        return json.loads(json.dumps(value).replace(self.folder.as_uri(), _FIXED))


def vectors() -> list[Vector]:
    """Return all fingerprint vectors."""
    found = sorted(ROOT.glob("fingerprints/*/*/vector.json"))
    return [Vector(path.parent, read(path)) for path in found]


def expected_of(place: Place) -> JSON:
    """Return what cwl-memo says of a vector that was laid out."""
    below = place.folder.parent
    store = below / "store"
    # cwltool's look at JavaScript needs node, which no vector does.
    arguments = ["--memo-store", str(store), "--quiet", "--disable-js-validation"]
    arguments += _arguments(place.options)
    arguments.append(place.document)
    if place.job is not None:
        arguments.append(str(place.job))
    if "secret" in place.data:
        _put_secret(store, bytes.fromhex(place.data["secret"]))
    found = keyed(arguments, _environ(place))
    assert isinstance(found, Keyed), found
    fields, outputs = place.fixed(found.fingerprint.fields), place.fixed(found.outputs)
    key, section = (
        digest_of_value("reuse-key", fields).hex,
        digest_of_value("outputs-section", outputs),
    )
    if fields == found.fingerprint.fields:
        assert key == found.fingerprint.key.hex
    if outputs == found.outputs:
        assert section == found.fingerprint.section
    return {
        "key": key,
        "fingerprint": fields,
        "canonical": canonical_bytes(fields).decode(),
        "section": str(section),
        "outputs": outputs,
    }


def _arguments(options: Mapping[str, Any]) -> Iterable[str]:
    for name, value in options.items():
        for item in value if isinstance(value, list) else [value]:
            yield f"--{name}"
            if item is not True:
                yield str(item)


def _put_secret(store: Path, secret: bytes) -> None:
    from cwl_memo.store.local import open_store

    open_store(store).close()
    path = store / "secret.key"
    path.write_bytes(secret)
    path.chmod(0o600)


def _environ(place: Place) -> dict[str, str]:
    environ = place.environment
    if "preserve-entire-environment" not in place.options:
        # Nothing of them is in a key, but for PATH, where a vector gives its own.
        environ = {name: os.environ[name] for name in ("HOME", "PATH")} | environ
    if "inspection" in place.data:
        engines = place.folder.parent / "engines"
        engines.mkdir()
        for name in ("docker", "podman"):
            (engines / name).write_text(_ENGINE)
            (engines / name).chmod(0o755)
            (engines / f"{name}.json").write_text(json.dumps(place.data["inspection"]))
        environ["PATH"] = f"{engines}:{environ['PATH']}"
    return environ
