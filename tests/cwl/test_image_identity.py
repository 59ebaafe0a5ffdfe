"""What of an image is its identity, and what is not."""

from __future__ import annotations

from typing import Any

import pytest

from cwl_memo.cwl.image_identity import (
    full_name,
    has_registry,
    host_platform,
    identity_of_configuration,
    identity_of_inspection,
    pick_platform,
)
from tests.cwl.engines import (
    HEX,
    LAYERS,
    configuration,
    inspection,
)


def test_identity_is_layers_and_the_configuration_that_bears_on_a_run() -> None:
    config = {"Env": ["A=b"], "Entrypoint": ["/x"], "Cmd": ["y"], "WorkingDir": "/w", "User": "u"}
    found = identity_of_inspection(inspection(Volumes={"/v": {}}, **config))
    assert found == {"layers": LAYERS, "config": {**config, "Volumes": ["/v"]}}


def test_identity_is_the_same_under_another_id_date_and_label() -> None:
    assert inspection(Env=["A=b"]) != inspection(Env=["A=b"])
    one, two = (identity_of_inspection(inspection(Env=["A=b"])) for _ in range(2))
    assert one == two is not None


@pytest.mark.parametrize("nothing", [None, "", [], {}])
def test_a_field_that_says_nothing_is_like_one_that_is_not_there(nothing: Any) -> None:
    names = ("Env", "Entrypoint", "Cmd", "WorkingDir", "User", "Volumes")
    found = identity_of_inspection(inspection(**dict.fromkeys(names, nothing)))
    assert found == {"layers": LAYERS, "config": {}}


@pytest.mark.parametrize(
    "other",
    [
        inspection(LAYERS[:1]),
        inspection(LAYERS[::-1]),
        inspection(Env=["A=c"]),
        inspection(Entrypoint=["/x"]),
        inspection(Cmd=["a b"]),
        inspection(Cmd=["a", "b"]),
        inspection(WorkingDir="/w"),
        inspection(User="u"),
        inspection(Volumes={"/v": {}}),
    ],
)
def test_identity_differs_where_the_image_does(other: Any) -> None:
    one = identity_of_inspection(inspection(Env=["A=b"]))
    assert None is not identity_of_inspection(other) != one


def test_order_of_variables_counts_only_if_one_stands_twice() -> None:
    def of(*env: str) -> Any:
        return identity_of_inspection(inspection(Env=list(env)))

    assert of("A=1", "B=2") == of("B=2", "A=1")
    assert of("A=1", "A=2") != of("A=2", "A=1")


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        [],
        [1],
        [{}],
        [{"RootFS": []}],
        inspection(None),
        inspection([]),
        inspection("sha256:" + HEX),
        inspection(["no digest"]),
        inspection([1]),
        inspection(Env="A=b"),
        inspection(Env=[1]),
        inspection(User=["u"]),
        inspection(Volumes=["/v"]),
        [{**inspection()[0], "Config": []}],
        inspection() * 2,
    ],
)
def test_what_is_no_inspection_of_one_image_has_no_identity(data: Any) -> None:
    assert identity_of_inspection(data) is None


@pytest.mark.parametrize("data", [None, [], {}, {"rootfs": 1}, configuration([]), inspection()])
def test_what_is_no_configuration_of_an_image_has_no_identity(data: Any) -> None:
    assert identity_of_configuration(data) is None


def test_a_registry_gives_the_identity_that_the_engine_gives() -> None:
    config = {"Env": ["A=b"], "WorkingDir": "/w"}
    remote = identity_of_configuration(configuration(**config))
    assert remote == identity_of_inspection(inspection(**config, Cmd=None, User=""))


def test_of_images_for_several_platforms_the_machine_s_is_picked() -> None:
    images = {"linux/amd64": 1, "linux/arm64/v8": 2, "linux/arm/v6": 3, "linux/arm/v7": 4}
    assert pick_platform(images, "linux/amd64") == 1
    assert pick_platform(images, "linux/arm64") == 2
    assert pick_platform(images, "linux/arm") is None
    assert pick_platform(images, "linux/riscv64") is None
    assert pick_platform([], "linux/amd64") is None
    assert pick_platform(configuration(), "linux/amd64") == configuration()


@pytest.mark.parametrize(
    ("machine", "expected"),
    [("x86_64", "linux/amd64"), ("AARCH64", "linux/arm64"), ("riscv64", "linux/riscv64")],
)
def test_the_platform_follows_from_the_machine(machine: str, expected: str) -> None:
    assert host_platform(machine) == expected


@pytest.mark.parametrize(
    ("name", "full", "registry"),
    [
        ("debian", "docker.io/library/debian:latest", False),
        ("debian:12", "docker.io/library/debian:12", False),
        ("a/b", "docker.io/a/b:latest", False),
        ("quay.io/a/b:1", "quay.io/a/b:1", True),
        ("host:5000/a", "host:5000/a:latest", True),
        ("localhost/a", "localhost/a:latest", True),
    ],
)
def test_docker_s_short_names_have_long_ones(name: str, full: str, registry: bool) -> None:
    assert full_name(name) == full
    assert has_registry(name) is registry
