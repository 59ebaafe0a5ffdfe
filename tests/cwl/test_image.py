"""The image that a job would run in, by engines that are only scripts."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.cwl.image import (
    Engine,
    EngineKind,
    ResolvedImage,
    Source,
    UnresolvedImage,
    named_image,
)
from cwl_memo.cwl.image_identity import (
    pinned_identity,
)
from tests.cwl.engines import (
    ABSENT,
    DOCKER,
    HEX,
    LAYERS,
    PODMAN,
    UDOCKER,
    Programs,
    configuration,
    inspection,
    resolve,
    resolver,
    why,
)

# pinned by digest --------------------------------------------------------------------


@pytest.mark.parametrize("engine", [DOCKER, PODMAN, UDOCKER])
@pytest.mark.parametrize("name", [f"x@sha256:{HEX}", f"quay.io/a/x:1@sha256:{HEX}"])
def test_a_digest_in_the_name_is_the_identity_and_nobody_is_asked(
    programs: Programs, engine: Engine, name: str
) -> None:
    identity = {"digest": f"sha256:{HEX}", "platform": "linux/amd64"}
    assert resolve({"dockerPull": name}, engine) == ResolvedImage(identity, Source.PINNED)


def test_a_digest_on_another_platform_is_another_image(programs: Programs) -> None:
    requirement = {"dockerPull": f"x@sha256:{HEX}"}
    intel, arm = resolve(requirement), resolve(requirement, machine="aarch64")
    chosen = resolve(requirement, environ={"DOCKER_DEFAULT_PLATFORM": "linux/arm64"})
    assert intel != arm == chosen
    # podman does not heed docker's variable.
    environ = {"DOCKER_DEFAULT_PLATFORM": "linux/arm64"}
    assert resolve(requirement, PODMAN, environ=environ) == resolve(requirement, PODMAN)


@pytest.mark.parametrize(
    "name",
    ["x", f"x@sha256:{HEX[1:]}", f"x@sha256:{HEX.upper()}", f"@sha256:{HEX}", f"x@md5:{HEX}"],
)
def test_anything_else_is_no_digest(name: str) -> None:
    assert pinned_identity(name, "linux/amd64") is None


def test_the_image_that_is_run_decides_not_the_one_pulled(programs: Programs) -> None:
    programs.add("docker", out=inspection())
    found = resolve({"dockerPull": f"x@sha256:{HEX}", "dockerImageId": "mine"})
    assert found == ResolvedImage({"layers": LAYERS, "config": {}}, Source.LOCAL)
    assert programs.calls("docker") == ["image inspect mine"]


# an image that the engine has --------------------------------------------------------


@pytest.mark.parametrize(
    ("engine", "program"),
    [
        (DOCKER, "docker"),
        (PODMAN, "podman"),
        (Engine.chosen(singularity=False, podman=False, user_space_docker_cmd="podman"), "podman"),
        (Engine.chosen(singularity=False, podman=False, user_space_docker_cmd="other"), "other"),
    ],
)
def test_the_engine_is_asked_for_an_image(programs: Programs, engine: Engine, program: str) -> None:
    programs.add(program, out=inspection(Env=["A=b"]))
    expected = {"layers": LAYERS, "config": {"Env": ["A=b"]}}
    found = resolve({"dockerPull": "debian:12"}, engine)
    assert found == ResolvedImage(expected, Source.LOCAL)
    assert programs.calls(program) == ["image inspect debian:12"]


def test_an_image_is_asked_for_once(programs: Programs) -> None:
    programs.add("docker", out=inspection())
    images = resolver()
    requirement = {"class": "DockerRequirement", "dockerPull": "debian:12"}
    first = images.resolve(requirement)
    assert images.resolve(dict(requirement)) is first
    # cwltool writes this when it has found the image.
    assert images.resolve({**requirement, "dockerImageId": "debian:12"}) is first
    assert images.resolve({"dockerImageId": "debian:12"}) == first
    assert set(programs.calls("docker")) == {"image inspect debian:12"}
    assert requirement == {"class": "DockerRequirement", "dockerPull": "debian:12"}


def test_threads_that_ask_for_one_image_wait_for_one_look(
    programs: Programs, tmp_path: Path
) -> None:
    programs.add("docker", out=inspection())
    os.mkfifo(tmp_path / "gate")
    script = (programs.folder / "docker").read_text()
    programs.script("docker", f'read x < "{tmp_path / "gate"}"\n{script}')
    images, found = resolver(), []

    def ask() -> None:
        found.append(images.resolve({"dockerPull": "x"}))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    (tmp_path / "gate").write_text("go\n")
    for thread in threads:
        thread.join()
    assert len({id(answer) for answer in found}) == 1
    assert isinstance(found[0], ResolvedImage)


def test_an_unknown_image_is_not_asked_for_again_until_it_is_forgotten(programs: Programs) -> None:
    programs.add("docker", **ABSENT)
    images, requirement = resolver(), {"dockerPull": "x"}
    first = images.resolve(requirement)
    assert isinstance(first, UnresolvedImage)
    assert first.pending
    programs.add("docker", out=inspection())
    assert images.resolve(requirement) is first
    images.forget(requirement)
    assert images.resolve(requirement) == ResolvedImage(
        {"layers": LAYERS, "config": {}}, Source.LOCAL
    )


def test_what_the_engine_had_is_not_asked_for_again_after_an_execution(programs: Programs) -> None:
    programs.add("docker", out=inspection())
    images, requirement = resolver(), {"dockerPull": "x"}
    images.resolve(requirement)
    images.forget(requirement)
    images.resolve(requirement)
    assert len(programs.calls("docker")) == 1


def test_an_image_that_was_built_over_another_is_asked_for_again(programs: Programs) -> None:
    programs.add("docker", out=inspection())
    images = resolver()
    images.resolve({"dockerPull": "x"})
    images.forget({"dockerFile": "FROM scratch", "dockerImageId": "x"})
    images.resolve({"dockerPull": "x"})
    assert len(programs.calls("docker")) == 2


def test_to_forget_one_image_keeps_the_others(programs: Programs) -> None:
    programs.add("docker", **ABSENT)
    images = resolver()
    images.resolve({"dockerPull": "x"})
    images.forget({"dockerPull": "y"})
    images.resolve({"dockerPull": "x"})
    assert programs.calls("docker").count("image inspect x") == 1


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        ({"out": "garbage"}, "printed no image"),
        ({"out": "[" * 100_000}, "printed no image"),
        ({"out": "[]"}, "printed no image"),
        ({"out": inspection([])}, "printed no image"),
        ({"err": "Cannot connect to the Docker daemon", "status": 1}, "Cannot connect"),
        ({"status": 3}, "exit status 3"),
    ],
)
def test_an_answer_that_is_none_leaves_the_image_unresolved(
    programs: Programs, answer: dict[str, Any], part: str
) -> None:
    programs.add("docker", **answer)
    programs.add("skopeo", out=configuration())
    found = resolve({"dockerPull": "x"})
    assert part in why(found)
    # The engine may have another image than the registry.
    assert not programs.calls("skopeo")
    assert not getattr(found, "pending", None)


@pytest.mark.parametrize(
    ("script", "part"),
    [
        ("exec /bin/sleep 600", "did not answer within 0.3 s"),
        ("exec >&- 2>&-; exec /bin/sleep 600", "did not answer within 0.3 s"),
        # A child of the program that keeps its pipes open.
        ("/bin/sleep 600 & echo '[]'", "did not answer within 0.3 s"),
    ],
)
def test_a_program_that_never_ends_is_ended(programs: Programs, script: str, part: str) -> None:
    programs.script("docker", script)
    assert part in why(resolve({"dockerPull": "x"}, timeout=0.3))


def test_a_program_that_never_stops_printing_is_ended(programs: Programs) -> None:
    programs.script("docker", "while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done")
    (programs.folder / "docker").write_text("#!/bin/sh\nexec /usr/bin/yes\n")
    assert "printed more than" in why(resolve({"dockerPull": "x"}))


def test_a_program_that_cannot_be_started_is_said(programs: Programs) -> None:
    programs.add("docker")
    (programs.folder / "docker").write_text("#!/nowhere/interpreter\n")
    assert "docker could not be started" in why(resolve({"dockerPull": "x"}))


def test_an_engine_that_is_not_installed_is_said(programs: Programs) -> None:
    found = resolve({"dockerPull": "x"})
    assert "docker is not installed; skopeo is not installed" in why(found)


@pytest.mark.parametrize("name", ["--format={{.Id}}", "-v", "a b", "a\nb", "a "])
def test_a_name_that_is_an_option_or_several_words_is_not_passed_on(
    programs: Programs, name: str
) -> None:
    programs.add("docker", out=inspection())
    assert "is not the name of an image" in why(resolve({"dockerPull": name}))
    assert not programs.calls("docker")


def test_a_requirement_without_an_image_is_unresolved(programs: Programs) -> None:
    assert "names no image" in why(resolve({"dockerOutputDirectory": "/x"}))
    assert "names no image" in why(resolve({"dockerPull": None, "dockerImageId": ""}))


# udocker -----------------------------------------------------------------------------


def test_udocker_tells_of_an_image_behind_its_complaints(programs: Programs) -> None:
    programs.add("udocker", out="Info: install me\n" + json.dumps(configuration(User="u")))
    found = resolve({"dockerPull": "a/debian:12"}, UDOCKER)
    assert found == ResolvedImage({"layers": LAYERS, "config": {"User": "u"}}, Source.LOCAL)
    assert programs.calls("udocker") == ["--quiet inspect a/debian:12"]


def test_a_container_of_udocker_is_no_image(programs: Programs) -> None:
    programs.add("udocker", out=configuration())
    assert "debian:12 is a container" in why(resolve({"dockerPull": "debian:12"}, UDOCKER))
    assert programs.calls("udocker") == ["--quiet inspect -p debian:12"]


def test_a_short_name_of_udocker_that_is_no_container_is_an_image(programs: Programs) -> None:
    (programs.folder / "image").write_text(json.dumps(configuration()))
    programs.script("udocker", '[ "$3" = -p ] && exit 1; /bin/cat "${0%udocker}image"')
    assert isinstance(resolve({"dockerPull": "debian:12"}, UDOCKER), ResolvedImage)


@pytest.mark.parametrize(
    ("answer", "asked"),
    [
        ({"err": "Error: image not found q.io/x", "status": 1}, 1),
        ({"err": "Error: do not run as root !", "status": 1}, 0),
        ({"out": "Info: nothing"}, 0),
    ],
)
def test_a_registry_is_asked_only_if_udocker_has_no_such_image(
    programs: Programs, answer: dict[str, Any], asked: int
) -> None:
    programs.add("udocker", **answer)
    programs.add("skopeo", out=configuration())
    found = resolve({"dockerPull": "q.io/x"}, UDOCKER)
    assert isinstance(found, ResolvedImage) == bool(asked)
    assert len(programs.calls("skopeo")) == asked


def test_udocker_that_is_not_installed_is_said(programs: Programs) -> None:
    assert "udocker is not installed" in why(resolve({"dockerPull": "x"}, UDOCKER))


# the engine and the name -------------------------------------------------------------


@pytest.mark.parametrize(
    ("singularity", "podman", "command", "kind"),
    [
        (False, False, None, EngineKind.DOCKER),
        (False, True, None, EngineKind.PODMAN),
        (True, True, "x", EngineKind.SINGULARITY),
        (False, True, "/opt/udocker-1.3/bin/udocker", EngineKind.UDOCKER),
        (False, False, "/usr/bin/podman", EngineKind.PODMAN),
        (False, True, "docker", EngineKind.DOCKER),
        (False, False, "dx-docker", EngineKind.OTHER),
        (False, False, "", EngineKind.DOCKER),
    ],
)
def test_options_choose_the_engine_as_in_cwltool(
    singularity: bool, podman: bool, command: str | None, kind: EngineKind
) -> None:
    engine = Engine.chosen(singularity=singularity, podman=podman, user_space_docker_cmd=command)
    assert engine.kind is kind


@pytest.mark.parametrize(
    ("requirement", "name"),
    [
        ({"dockerPull": "x"}, "x"),
        ({"dockerPull": "x", "dockerImageId": "x"}, "x"),
        ({"dockerPull": "x", "dockerImageId": "y"}, "y"),
        ({"dockerPull": "a/b_c", "dockerImageId": "/cache/a_s_b___c:latest.sif"}, "a/b_c"),
        ({"dockerPull": "docker://a/b:1", "dockerImageId": "a_b:1.sif"}, "docker://a/b:1"),
        ({"dockerImageId": "y"}, "y"),
        ({"dockerLoad": "y.tar"}, "y.tar"),
        ({"dockerImport": "y.tar"}, "y.tar"),
    ],
)
def test_by_name_the_name_is_the_identity(requirement: dict[str, Any], name: str) -> None:
    assert named_image(requirement) == ResolvedImage({"name": name}, Source.NAME)


def test_by_name_a_dockerfile_still_counts_by_its_text() -> None:
    one, two = (named_image({"dockerFile": t, "dockerImageId": "x"}) for t in ("a", "b"))
    assert one != two
