"""An image that is not here: what a registry says of it, asked by scripts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cwl_memo.cwl.image import (
    Engine,
    ResolvedImage,
    Source,
    UnresolvedImage,
)
from tests.cwl.engines import (
    ABSENT,
    LAYERS,
    PODMAN,
    Programs,
    configuration,
    inspection,
    resolve,
    resolver,
    why,
)

# an image in a registry --------------------------------------------------------------


def test_an_absent_image_has_the_identity_that_it_will_have_once_pulled(programs: Programs) -> None:
    programs.add("docker", **ABSENT)
    programs.add("skopeo", out=configuration(Env=["A=b"]))
    images, requirement = resolver(), {"dockerPull": "debian:12"}
    before = images.resolve(requirement)
    assert isinstance(before, ResolvedImage)
    assert before.source is Source.REGISTRY
    arguments = "--override-os linux --override-arch amd64"
    assert programs.calls("skopeo") == [f"{arguments} inspect --config docker://debian:12"]
    programs.add("docker", out=inspection(Env=["A=b"], User=""))
    images.forget(requirement)
    after = images.resolve(requirement)
    assert isinstance(after, ResolvedImage)
    assert after.source is Source.LOCAL
    assert after.identity == before.identity


def test_a_registry_is_asked_once(programs: Programs) -> None:
    programs.add("docker", **ABSENT)
    programs.add("skopeo", status=1)
    images = resolver()
    for _ in range(3):
        images.resolve({"dockerPull": "x"})
    assert len(programs.calls("skopeo")) == len(programs.calls("docker")) - 1 == 1


def test_buildx_is_asked_where_skopeo_is_not_or_fails(programs: Programs) -> None:
    image = {"linux/amd64": configuration(User="u"), "linux/arm64": configuration()}
    (programs.folder / "image").write_text(json.dumps(image))
    programs.script(
        "docker",
        'case "$1" in buildx) /bin/cat "${0%docker}image";; '
        "*) echo 'No such image: x' >&2; exit 1;; esac",
    )
    expected = ResolvedImage({"layers": LAYERS, "config": {"User": "u"}}, Source.REGISTRY)
    assert resolve({"dockerPull": "x"}) == expected
    asked = "buildx imagetools inspect --format {{json .Image}} x"
    assert programs.calls("docker") == ["image inspect x", asked]
    programs.add("skopeo", err="manifest unknown", status=1)
    assert resolve({"dockerPull": "x"}) == expected


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        ({"out": "garbage"}, "skopeo printed no image"),
        ({"err": "level=fatal msg=unauthorized", "status": 1}, "unauthorized"),
        ({"status": 1}, "skopeo failed: exit status 1"),
    ],
)
def test_a_registry_that_does_not_tell_leaves_the_image_pending(
    programs: Programs, answer: dict[str, Any], part: str
) -> None:
    programs.add("docker", **ABSENT)
    programs.add("skopeo", **answer)
    found = resolve({"dockerPull": "x"})
    assert part in why(found)
    assert "docker has no image x" in why(found)
    assert isinstance(found, UnresolvedImage)
    assert found.pending


def test_a_registry_that_never_answers_leaves_the_image_pending(programs: Programs) -> None:
    programs.add("podman", err="Error: inspecting object: x: image not known", status=125)
    programs.script("skopeo", "exec /bin/sleep 600")
    found = resolve({"dockerPull": "quay.io/x:1"}, PODMAN, timeout=2)
    assert "skopeo did not answer within 2 s" in why(found)


def test_without_an_engine_the_registry_still_tells(programs: Programs) -> None:
    programs.add("skopeo", out=configuration())
    found = resolve({"dockerPull": "x"}, environ={"DOCKER_DEFAULT_PLATFORM": "linux/arm/v7"})
    assert isinstance(found, ResolvedImage)
    arguments = "--override-os linux --override-arch arm --override-variant v7"
    assert programs.calls("skopeo") == [f"{arguments} inspect --config docker://x"]


@pytest.mark.parametrize(
    ("name", "asked"), [("x", 0), ("a/x", 0), ("localhost/x", 0), ("q.io/x", 1)]
)
def test_only_a_full_name_of_podman_is_asked_for_in_a_registry(
    programs: Programs, name: str, asked: int
) -> None:
    # Its short names may lead anywhere.
    programs.add("podman", err="Error: inspecting object: image not known", status=125)
    programs.add("skopeo", out=configuration())
    found = resolve({"dockerPull": name}, PODMAN)
    assert len(programs.calls("skopeo")) == asked
    assert isinstance(found, ResolvedImage) == bool(asked)


def test_an_absent_image_that_is_not_the_one_pulled_is_unresolved(programs: Programs) -> None:
    programs.add("docker", **ABSENT)
    programs.add("skopeo", out=configuration())
    found = resolve({"dockerPull": "x", "dockerImageId": "y"})
    assert "docker has no image y, and its dockerPull is x" in why(found)
    assert not programs.calls("skopeo")


def test_an_absent_image_that_nothing_brings_is_unresolved(programs: Programs) -> None:
    programs.add("docker", **ABSENT)
    assert why(resolve({"dockerImageId": "y"})) == "docker has no image y"


# images that are fetched anew --------------------------------------------------------


def test_with_a_forced_pull_the_registry_counts_until_the_image_was_pulled(
    programs: Programs,
) -> None:
    programs.add("docker", out=inspection(User="old"))
    programs.add("skopeo", out=configuration(User="new"))
    images, requirement = resolver(), {"dockerPull": "x"}
    before = images.resolve(requirement, force_pull=True)
    assert before == ResolvedImage({"layers": LAYERS, "config": {"User": "new"}}, Source.REGISTRY)
    assert not programs.calls("docker")
    programs.add("docker", out=inspection(User="newest"))
    images.forget(requirement)
    after = images.resolve(requirement, force_pull=True)
    assert after == ResolvedImage({"layers": LAYERS, "config": {"User": "newest"}}, Source.LOCAL)


def test_with_a_forced_pull_and_no_registry_the_image_is_pending(programs: Programs) -> None:
    programs.add("podman", out=inspection())
    found = resolver(PODMAN).resolve({"dockerPull": "x"}, force_pull=True)
    assert found == UnresolvedImage("x will be fetched anew", pending=True)


def test_a_forced_pull_of_nothing_fetches_nothing(programs: Programs) -> None:
    programs.add("docker", out=inspection())
    found = resolver().resolve({"dockerImageId": "x"}, force_pull=True)
    assert isinstance(found, ResolvedImage)


def test_a_user_space_command_is_never_made_to_pull(programs: Programs) -> None:
    programs.add("podman", out=inspection())
    engine = Engine.chosen(singularity=False, podman=False, user_space_docker_cmd="podman")
    found = resolver(engine).resolve({"dockerPull": "x"}, force_pull=True)
    assert isinstance(found, ResolvedImage)
