"""Images in files: built, loaded or imported from them, and Singularity's own."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.cwl.image import (
    Engine,
    ResolvedImage,
    Source,
)
from tests.cwl.engines import (
    ABSENT,
    LAYERS,
    Programs,
    configuration,
    inspection,
    resolve,
    why,
)

# dockerFile, dockerLoad, dockerImport ------------------------------------------------


def test_a_dockerfile_counts_by_its_text_and_before_every_name(programs: Programs) -> None:
    programs.add("docker", out=inspection())
    requirement = {"dockerFile": "FROM scratch", "dockerImageId": "x", "dockerPull": "y"}
    found = resolve(requirement)
    assert isinstance(found, ResolvedImage)
    assert found.source is Source.TEXT
    assert found == resolve({"dockerFile": "FROM scratch", "dockerImageId": "z"})
    assert found != resolve({**requirement, "dockerFile": "FROM scratch\n"})
    assert not programs.calls("docker")


def test_a_user_space_command_builds_nothing(programs: Programs) -> None:
    programs.add("podman", out=inspection())
    engine = Engine.chosen(singularity=False, podman=False, user_space_docker_cmd="podman")
    requirement = {"dockerFile": "FROM scratch", "dockerImageId": "x"}
    assert isinstance(resolve(requirement, engine), ResolvedImage)
    assert programs.calls("podman") == ["image inspect x"]
    assert "names no image" in why(resolve({"dockerFile": "FROM scratch"}, engine))


def saved(path: Path, *images: tuple[list[str] | None, Any], mode: Any = "w") -> str:
    """Write what ``docker save`` writes."""
    files: dict[str, bytes] = {}
    manifest: list[Any] = []
    for tags, data in images:
        content = json.dumps(data).encode()
        name = hashlib.sha256(content).hexdigest() + ".json"
        files[name] = content
        manifest.append({"Config": name, "RepoTags": tags, "Layers": ["x/layer.tar"]})
    files["manifest.json"] = json.dumps(manifest).encode()
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return str(path)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
@pytest.mark.parametrize("name", ["mine", "mine:latest", "docker.io/library/mine:latest"])
def test_an_archive_has_the_identity_that_its_image_will_have_once_loaded(
    programs: Programs, tmp_path: Path, mode: str, name: str
) -> None:
    programs.add("docker", **ABSENT)
    other = (["other:1"], configuration())
    source = saved(tmp_path / "a", other, (["mine:latest"], configuration(User="u")), mode=mode)
    requirement = {"dockerImageId": name, "dockerLoad": source}
    expected = {"layers": LAYERS, "config": {"User": "u"}}
    assert resolve(requirement) == ResolvedImage(expected, Source.ARCHIVE)
    programs.add("docker", out=inspection(User="u"))
    assert resolve(requirement) == ResolvedImage(expected, Source.LOCAL)


def test_an_image_in_an_archive_may_be_named_by_its_id(programs: Programs, tmp_path: Path) -> None:
    programs.add("docker", **ABSENT)
    source = saved(tmp_path / "a", (None, configuration()))
    image_id = hashlib.sha256(json.dumps(configuration()).encode()).hexdigest()
    for name in (image_id, f"sha256:{image_id}", image_id[:12]):
        found = resolve({"dockerImageId": name, "dockerLoad": source})
        assert isinstance(found, ResolvedImage)
    found = resolve({"dockerImageId": image_id[:11], "dockerLoad": source})
    assert "holds no image" in why(found)


def test_an_archive_without_the_image_that_is_run_tells_nothing(
    programs: Programs, tmp_path: Path
) -> None:
    # docker would load it, and then pull what is asked for.
    programs.add("docker", **ABSENT)
    source = saved(tmp_path / "a", (["other:1"], configuration()))
    assert "holds no image mine" in why(resolve({"dockerImageId": "mine", "dockerLoad": source}))


@pytest.mark.parametrize(
    "manifest", [b"", b"{", b"[1]", b'[{"RepoTags": ["mine:latest"]}]', b"1", b'[{"Config": 1}]']
)
def test_a_broken_archive_tells_nothing(
    programs: Programs, tmp_path: Path, manifest: bytes
) -> None:
    programs.add("docker", **ABSENT)
    with tarfile.open(tmp_path / "a", "w") as archive:
        member = tarfile.TarInfo("manifest.json")
        member.size = len(manifest)
        archive.addfile(member, io.BytesIO(manifest))
    found = resolve({"dockerImageId": "mine", "dockerLoad": str(tmp_path / "a")})
    assert "cannot be read as an archive" in why(found)


@pytest.mark.parametrize(
    "content", [b"", b"text", gzip.compress(b"x" * 9999)[:20]], ids=["empty", "text", "cut"]
)
@pytest.mark.parametrize("field", ["dockerLoad", "dockerImport"])
def test_what_is_no_archive_tells_nothing(
    programs: Programs, tmp_path: Path, field: str, content: bytes
) -> None:
    programs.add("docker", **ABSENT)
    (tmp_path / "a").write_bytes(content)
    found = resolve({"dockerImageId": "mine", field: str(tmp_path / "a")})
    assert "cannot be read" in why(found)
    assert getattr(found, "pending", None)


def test_an_archive_whose_image_has_no_layers_tells_nothing(
    programs: Programs, tmp_path: Path
) -> None:
    programs.add("docker", **ABSENT)
    source = saved(tmp_path / "a", (["mine:latest"], configuration([])))
    found = resolve({"dockerImageId": "mine", "dockerLoad": source})
    assert "holds no image of one layer or more" in why(found)


def test_a_manifest_that_is_a_folder_tells_nothing(programs: Programs, tmp_path: Path) -> None:
    programs.add("docker", **ABSENT)
    with tarfile.open(tmp_path / "a", "w") as archive:
        member = tarfile.TarInfo("manifest.json")
        member.type = tarfile.DIRTYPE
        archive.addfile(member)
    found = resolve({"dockerImageId": "mine", "dockerLoad": str(tmp_path / "a")})
    assert "cannot be read as an archive" in why(found)


@pytest.mark.parametrize("field", ["dockerLoad", "dockerImport"])
def test_a_pipe_or_an_address_is_not_read(programs: Programs, tmp_path: Path, field: str) -> None:
    programs.add("docker", **ABSENT)
    os.mkfifo(tmp_path / "pipe")
    for source in (str(tmp_path / "pipe"), "https://localhost/a.tar", str(tmp_path / "gone")):
        assert f"{source} is no file" in why(resolve({"dockerImageId": "mine", field: source}))


@pytest.mark.parametrize(
    "compress", [bytes, gzip.compress, bz2.compress, lzma.compress], ids="pgbx"
)
def test_an_import_has_the_identity_that_its_image_will_have(
    programs: Programs, tmp_path: Path, compress: Callable[[bytes], bytes]
) -> None:
    programs.add("docker", **ABSENT)
    with tarfile.open(tmp_path / "root.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("empty"))
    content = (tmp_path / "root.tar").read_bytes()
    (tmp_path / "a").write_bytes(compress(content))
    layer = f"sha256:{hashlib.sha256(content).hexdigest()}"
    found = resolve({"dockerImageId": "mine", "dockerImport": str(tmp_path / "a")})
    assert found == ResolvedImage({"layers": [layer], "config": {}}, Source.ARCHIVE)


def test_an_import_is_not_read_while_the_image_is_there(programs: Programs) -> None:
    programs.add("docker", out=inspection())
    found = resolve({"dockerImageId": "mine", "dockerImport": "gone.tar"})
    assert isinstance(found, ResolvedImage)
