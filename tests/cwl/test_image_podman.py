"""The identity of real images, which podman makes without a network."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cwl_memo.core.canonical import JSON
from cwl_memo.cwl.image import Engine, ResolvedImage, Source, UnresolvedImage
from tests.cwl.engines import PODMAN, Podman, resolve, resolver

pytestmark = [pytest.mark.podman, pytest.mark.slow]


def identity(name: str, source: Source = Source.LOCAL) -> JSON:
    found = resolve({"dockerPull": name}, PODMAN)
    assert isinstance(found, ResolvedImage), found
    assert found.source is source
    return found.identity


def test_one_archive_imported_twice_is_one_image(podman: Podman) -> None:
    one, two = podman.make("1"), podman.make("2")
    ids = {podman.run("image", "inspect", "--format", "{{.Id}}", name) for name in (one, two)}
    assert len(ids) == 2
    assert identity(one) == identity(two)


def test_another_layer_or_configuration_is_another_image(podman: Podman) -> None:
    images = [
        podman.make("1"),
        podman.make("2", "a note"),
        podman.make("3", "", "ENV A=b"),
        podman.make("4", "", "ENV A=c"),
        podman.make("5", "", 'ENTRYPOINT ["/bin/env"]'),
        podman.make("6", "", 'CMD ["/bin/env"]'),
        podman.make("7", "", "WORKDIR /var"),
        podman.make("8", "", "USER 1000"),
    ]
    identities = [identity(name) for name in images]
    assert all(identities.count(one) == 1 for one in identities)


def test_a_label_does_not_make_another_image(podman: Podman) -> None:
    assert identity(podman.make("1")) == identity(podman.make("2", "", "LABEL a=b"))


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive"])
def test_an_image_saved_and_loaded_again_is_the_same(podman: Podman, form: str) -> None:
    name = podman.make("1", "", "ENV A=b", "USER 1000")
    before = identity(name)
    saved = podman.folder / "saved.tar"
    podman.run("save", "--quiet", "--format", form, "--output", str(saved), name)
    podman.remove(name)
    absent = resolve({"dockerPull": name}, PODMAN)
    assert absent == UnresolvedImage(f"podman has no image {name}", pending=True)
    podman.run("load", "--quiet", "--input", str(saved))
    assert identity(name) == before


def test_an_archive_foretells_the_image_that_is_loaded_from_it(podman: Podman) -> None:
    name = podman.make("1", "", "ENV A=b", "USER 1000")
    saved = podman.folder / "saved.tar"
    podman.run("save", "--quiet", "--format", "docker-archive", "--output", str(saved), name)
    podman.remove(name)
    found = resolve({"dockerImageId": name, "dockerLoad": str(saved)}, PODMAN)
    assert isinstance(found, ResolvedImage)
    assert found.source is Source.ARCHIVE
    podman.run("load", "--quiet", "--input", str(saved))
    assert identity(name) == found.identity


def test_an_archive_foretells_the_image_that_is_imported_from_it(podman: Podman) -> None:
    requirement = {
        "dockerImageId": f"{podman.NAME}:1",
        "dockerImport": str(podman.archive()),
    }
    found = resolve(requirement, PODMAN)
    assert isinstance(found, ResolvedImage)
    assert found.source is Source.ARCHIVE
    assert identity(podman.make("1")) == found.identity


def test_a_user_space_command_sees_the_same_image(podman: Podman) -> None:
    name = podman.make("1")
    engine = Engine.chosen(singularity=False, podman=False, user_space_docker_cmd="podman")
    assert resolve({"dockerPull": name}, engine) == resolve({"dockerPull": name}, PODMAN)


def test_podman_is_asked_once_for_an_image(
    podman: Podman, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = podman.make("1")
    calls = tmp_path / "calls"
    real = shutil.which("podman")
    shim = tmp_path / "shim/podman"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\necho "$@" >> "{calls}"\nexec "{real}" "$@"\n')
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(shim.parent), prepend=":")
    images = resolver(PODMAN)
    requirement = {"dockerPull": name}
    first = images.resolve(requirement)
    assert isinstance(first, ResolvedImage)
    for _ in range(3):
        images.forget(requirement)  # as after each job
        assert images.resolve(requirement) is first
    assert calls.read_text() == f"image inspect {name}\n"


def test_a_moved_tag_is_seen_by_the_next_run(podman: Podman) -> None:
    name = podman.make("1")
    before = identity(name)
    podman.make("1", "moved")
    assert identity(name) != before


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A registry on loopback, and a skopeo that trusts it."""
    for program in ("docker-registry", "skopeo"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    storage = f"storage: {{filesystem: {{rootdirectory: {tmp_path / 'registry'}}}}}"
    conf = tmp_path / "registry.yml"
    conf.write_text(f"version: 0.1\n{storage}\nhttp: {{addr: 127.0.0.1:{port}}}\n")
    shim = tmp_path / "shim/skopeo"
    shim.parent.mkdir()
    words = '"$1" "$2" "$3" "$4" "$5" --tls-verify=false "$6" "$7"'
    shim.write_text(f'#!/bin/sh\nexec "{shutil.which("skopeo")}" {words}\n')
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(shim.parent), prepend=":")
    with (
        (tmp_path / "registry.log").open("w") as log,
        subprocess.Popen(["docker-registry", "serve", str(conf)], stdout=log, stderr=log) as server,
    ):
        try:
            for _ in range(100):
                with socket.socket() as client:
                    if client.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            yield f"127.0.0.1:{port}"
        finally:
            server.terminate()


def test_a_registry_foretells_the_image_that_is_pulled_from_it(
    podman: Podman, registry: str
) -> None:
    here = podman.make("1", "", "ENV A=b", "USER 1000")
    there = f"{registry}/cwl-memo-test:1"
    podman.run("push", "--quiet", "--tls-verify=false", here, there)
    expected = identity(here)
    podman.remove(here)
    assert identity(there, Source.REGISTRY) == expected
    podman.run("pull", "--quiet", "--tls-verify=false", there)
    try:
        assert identity(there) == expected
    finally:
        podman.remove(there)
