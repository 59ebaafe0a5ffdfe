"""The image file that cwltool would find for Singularity, and that its content counts."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cwltool.singularity
import pytest
from cwltool.singularity import SingularityCommandLineJob

from cwl_memo.cwl.image import Engine, ResolvedImage, Source, UnresolvedImage
from cwl_memo.cwl.image_file import sif_names, sif_names_of_older_cwltool
from tests.cwl.engines import HEX, Programs, configuration, resolve, resolver, why

SINGULARITY = Engine.chosen(singularity=True, podman=False, user_space_docker_cmd=None)
DEBIAN = {"dockerPull": "debian:12"}


def sif(content: str) -> ResolvedImage:
    digest = hashlib.sha256(content.encode()).hexdigest()[:8]
    return ResolvedImage({"sif": digest}, Source.LOCAL)


def put(path: Path | str, content: str) -> Path:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


@pytest.mark.parametrize(
    ("reference", "names"),
    [
        ("debian:12", ["debian:12.sif", "debian_12.sif"]),
        ("a/b_c:1", ["a_s_b___c:1.sif", "a_b_c_1.sif", "a_b_c:1.sif"]),
        ("a/b:latest", ["a_s_b:latest.sif", "a_b_latest.sif", "a_b:latest.sif"]),
        # What the present scheme could have made of another image is not taken.
        ("a_s_b:1", ["a___s___b:1.sif", "a_s_b_1.sif"]),
    ],
)
def test_an_image_s_file_has_cwltool_s_names(reference: str, names: list[str]) -> None:
    assert sif_names(reference) == names


def test_an_older_cwltool_has_other_names() -> None:
    assert sif_names_of_older_cwltool("a/b") == ["a_b_latest.img", "a_b_latest.sif"]
    assert sif_names_of_older_cwltool("a/b:1") == ["a_b:1.img", "a_b:1.sif"]


def test_an_image_is_the_content_of_its_file(programs: Programs) -> None:
    put("debian:12.sif", "one")
    assert resolve(DEBIAN, SINGULARITY) == sif("one")
    put("debian:12.sif", "two")
    assert resolve(DEBIAN, SINGULARITY) == sif("two")


@pytest.mark.parametrize("pull", ["a/b_c", "a/b_c:latest", "docker://a/b_c"])
def test_scheme_and_missing_tag_lead_to_the_same_file(programs: Programs, pull: str) -> None:
    put("a_s_b___c:latest.sif", "x")
    assert resolve({"dockerPull": pull}, SINGULARITY) == sif("x")


def test_the_cache_folder_comes_before_the_working_directory(
    programs: Programs, tmp_path: Path
) -> None:
    put("debian:12.sif", "here")
    put(tmp_path / "cache/debian:12.sif", "cache")
    environ = {"CWL_SINGULARITY_CACHE": str(tmp_path / "cache")}
    assert resolve(DEBIAN, SINGULARITY, environ=environ) == sif("cache")
    (tmp_path / "cache/debian:12.sif").rename(tmp_path / "cache/away")
    assert resolve(DEBIAN, SINGULARITY, environ=environ) == sif("here")


def test_a_file_deep_below_is_found_by_its_present_and_its_older_names(programs: Programs) -> None:
    put("some/where/debian_12.sif", "old name")
    assert resolve(DEBIAN, SINGULARITY) == sif("old name")
    put("some/where/debian:12.sif", "new name")
    assert resolve(DEBIAN, SINGULARITY) == sif("new name")
    put("debian:12.sif", "on top")
    assert resolve(DEBIAN, SINGULARITY) == sif("on top")


def test_a_broken_link_is_no_image(programs: Programs) -> None:
    Path("sub").mkdir()
    Path("sub/debian:12.sif").symlink_to("nowhere")
    assert "there is no image file" in why(resolve(DEBIAN, SINGULARITY))


def test_a_file_in_its_place_is_found_without_a_walk(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("debian:12.sif", "x")
    monkeypatch.delattr(os, "walk")
    assert resolve(DEBIAN, SINGULARITY) == sif("x")


def test_an_id_may_be_the_path_of_a_file(programs: Programs, tmp_path: Path) -> None:
    path = put(tmp_path / "my images/x.sif", "mine")
    for requirement in ({"dockerImageId": str(path)}, {**DEBIAN, "dockerImageId": str(path)}):
        assert resolve(requirement, SINGULARITY) == sif("mine")


def test_the_name_to_pull_is_no_path(programs: Programs) -> None:
    put("debian", "a file of the user's")
    assert isinstance(resolve({"dockerPull": "debian"}, SINGULARITY), UnresolvedImage)


def test_the_id_that_cwltool_writes_leads_to_the_same_identity(programs: Programs) -> None:
    path = put("debian:12.sif", "x").absolute()
    written = {**DEBIAN, "dockerImageId": str(path)}
    assert resolve(written, SINGULARITY) == resolve(DEBIAN, SINGULARITY) == sif("x")
    pinned = f"debian@sha256:{HEX}"
    path = put(f"debian@sha256:{HEX}.sif", "y").absolute()
    written = {"dockerPull": pinned, "dockerImageId": str(path)}
    assert resolve(written, SINGULARITY) == resolve({"dockerPull": pinned}, SINGULARITY)


def test_a_digest_in_the_name_is_the_identity(programs: Programs, tmp_path: Path) -> None:
    identity = {"digest": f"sha256:{HEX}", "platform": "linux/amd64"}
    for name in (f"x@sha256:{HEX}", f"docker://x@sha256:{HEX}"):
        found = resolver(SINGULARITY).resolve({"dockerPull": name}, force_pull=True)
        assert found == ResolvedImage(identity, Source.PINNED)
    # But the file that the user names is what runs.
    mine = put(tmp_path / "mine.sif", "mine")
    requirement = {"dockerPull": f"x@sha256:{HEX}", "dockerImageId": str(mine)}
    assert resolve(requirement, SINGULARITY) == sif("mine")


def test_an_absent_image_is_pending_and_no_registry_is_asked(programs: Programs) -> None:
    programs.add("skopeo", out=configuration())
    images = resolver(SINGULARITY)
    found = images.resolve(DEBIAN)
    assert found == UnresolvedImage("there is no image file of debian:12 yet", pending=True)
    assert not programs.calls("skopeo")
    put("debian:12.sif", "pulled")
    images.forget(DEBIAN)
    assert images.resolve(DEBIAN) == sif("pulled")


def test_with_a_forced_pull_a_file_does_not_count(programs: Programs) -> None:
    put("debian:12.sif", "x")
    images = resolver(SINGULARITY)
    for _ in range(2):
        assert "fetched anew" in why(images.resolve(DEBIAN, force_pull=True))
        images.forget(DEBIAN)  # cwltool fetches again for each tool


def test_a_scheme_that_cwltool_does_not_pull_is_unresolved(programs: Programs) -> None:
    requirement = {"dockerPull": "library://x"}
    assert "that cwltool does not pull" in why(resolve(requirement, SINGULARITY))
    assert "names no image" in why(resolve({"dockerImport": "x"}, SINGULARITY))


def test_a_file_that_cannot_be_read_is_unresolved(programs: Programs) -> None:
    def failing(path: Path) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    put("debian:12.sif", "x")
    images = resolver(SINGULARITY)
    images._files._digest = failing
    assert "debian:12.sif cannot be read: Permission denied" in why(images.resolve(DEBIAN))


# sandboxes --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "where",
    [
        lambda base: {"base_path": str(base)},
        lambda base: {"environ": {"CWL_SINGULARITY_IMAGES": str(base)}},
        lambda base: {"environ": {"CWL_SINGULARITY_CACHE": str(base)}},
    ],
    ids=["option", "images", "cache"],
)
@pytest.mark.parametrize("field", ["dockerPull", "dockerImageId"])
def test_a_sandbox_is_no_file_and_unresolved(
    programs: Programs, tmp_path: Path, where: Callable[[Path], dict[str, Any]], field: str
) -> None:
    programs.add("singularity", out={"data": {"attributes": {"labels": {}}}})
    (tmp_path / "images/debian").mkdir(parents=True)
    found = resolve({field: "debian"}, SINGULARITY, **where(tmp_path / "images"))
    assert "is a sandbox directory" in why(found)
    path = tmp_path / "images/debian"
    assert programs.calls("singularity") == [f"inspect --json {path}"]


@pytest.mark.parametrize(
    "answer",
    [
        {"out": {"data": {"attributes": {}}}},
        {"out": {"data": []}},
        {"out": "garbage"},
        {"out": "[]"},
        {"out": {"data": {"attributes": {"x": 1}}}, "status": 1},
    ],
)
def test_a_folder_that_is_no_sandbox_does_not_matter(
    programs: Programs, answer: dict[str, Any]
) -> None:
    programs.add("singularity", **answer)
    Path("debian").mkdir()
    put("debian:latest.sif", "x")
    assert resolve({"dockerPull": "debian"}, SINGULARITY) == sif("x")


def test_without_singularity_a_folder_does_not_matter(programs: Programs) -> None:
    Path("debian").mkdir()
    put("debian:latest.sif", "x")
    assert resolve({"dockerPull": "debian"}, SINGULARITY) == sif("x")


# dockerFile and dockerLoad ------------------------------------------------------------


def test_a_dockerfile_without_a_name_counts_by_its_text(programs: Programs) -> None:
    found = resolve({"dockerFile": "FROM scratch"}, SINGULARITY)
    assert isinstance(found, ResolvedImage)
    assert found.source is Source.TEXT


def test_a_dockerfile_with_a_name_counts_by_the_file_that_is_there(programs: Programs) -> None:
    requirement = {"dockerFile": "FROM scratch", "dockerImageId": "mine"}
    assert "no image file of mine yet" in why(resolve(requirement, SINGULARITY))
    put("mine:latest.sif", "built")
    assert resolve(requirement, SINGULARITY) == sif("built")
    assert "by its release" in why(resolve(requirement, SINGULARITY, first_match=False))


def test_a_loaded_image_is_the_file_that_was_made_of_it(programs: Programs) -> None:
    requirement = {"dockerLoad": "/data/x.tar"}
    assert "no image file of /data/x.tar yet" in why(resolve(requirement, SINGULARITY))
    put("_s_data_s_x.tar.sif", "made")
    assert resolve(requirement, SINGULARITY) == sif("made")
    assert "anew each time" in why(resolve(requirement, SINGULARITY, first_match=False))
    assert "anew each time" in why(resolve({"dockerLoad": "https://x/y"}, SINGULARITY))


# an older cwltool, which takes the last file that fits ----------------------------------


@pytest.mark.parametrize(
    "requirement", [DEBIAN, {"dockerImageId": "debian:12"}, {"dockerImageId": "debian:12.sif"}]
)
def test_files_that_differ_are_unresolved_for_an_older_cwltool(
    programs: Programs, tmp_path: Path, requirement: dict[str, Any]
) -> None:
    environ = {"CWL_SINGULARITY_CACHE": str(tmp_path / "cache")}

    def found() -> Any:
        return resolve(requirement, SINGULARITY, first_match=False, environ=environ)

    assert "no image file" in why(found())
    put("sub/debian:12.sif", "x")
    assert found() == sif("x")
    put("debian:12.sif", "x")
    assert found() == sif("x")
    put(tmp_path / "cache/debian:12.sif", "y")
    assert "several files stand for" in why(found())


def test_an_older_cwltool_takes_an_id_that_is_a_path(programs: Programs, tmp_path: Path) -> None:
    path = put(tmp_path / "mine.sif", "mine")
    requirement = {"dockerImageId": str(path)}
    assert resolve(requirement, SINGULARITY, first_match=False) == sif("mine")


def test_files_are_walked_in_cwltool_s_order(programs: Programs) -> None:
    for folder in ("b", "a", "c"):
        put(f"{folder}/debian:12.sif", folder)
    first = next(f for f, _, files in os.walk(Path.cwd()) if files)
    assert resolve(DEBIAN, SINGULARITY) == sif(Path(first).name)


# cwltool itself -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "files",
    [
        [],
        ["debian:12.sif"],
        ["debian_12.sif", "sub/debian:12.sif"],
        ["sub/debian_12.sif", "sub/debian:12.sif", "tub/debian:12.sif"],
        ["../cache/debian:12.sif", "debian:12.sif"],
        ["../cache/sub/debian_12.sif", "debian:12.sif"],
        ["debian_s_12:latest.sif", "debian:12", "debian"],
        ["sub/debian:12"],
        ["a_b_c.sif", "a_s_b___c:latest.sif", "a_b_c_latest.sif"],
        ["sub/a_b_c_latest.sif", "sub/a_b_c:latest.sif"],
    ],
)
@pytest.mark.parametrize(
    "requirement",
    [
        DEBIAN,
        {"dockerPull": "docker://debian:12"},
        {"dockerImageId": "debian:12"},
        {"dockerImageId": "debian"},
        {"dockerPull": "debian:12", "dockerImageId": "sub/debian:12.sif"},
        {"dockerPull": "a/b_c"},
    ],
)
def test_the_file_that_counts_is_the_one_that_cwltool_takes(
    programs: Programs,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    requirement: dict[str, str],
    files: list[str],
) -> None:
    programs.add("singularity", out="apptainer version 1.3.0")
    for name in files:
        put(name, name)
    monkeypatch.setenv("CWL_SINGULARITY_CACHE", str(put(tmp_path / "cache/x", "").parent))
    monkeypatch.setattr(cwltool.singularity, "_IMAGES", {}, raising=False)
    is_new = hasattr(cwltool.singularity, "SingularityImagePuller")
    ours = resolve(requirement, SINGULARITY, environ=os.environ, first_match=is_new)
    written = dict(requirement)
    found = SingularityCommandLineJob.get_image(written, False, str(tmp_path / "tmp"))
    if not found:
        assert isinstance(ours, UnresolvedImage)
    elif is_new or isinstance(ours, ResolvedImage):
        assert ours == sif(Path(written["dockerImageId"]).read_text())
    else:
        assert "differ" in ours.why
    # What cwltool has written leads to the same.
    again = resolve(written, SINGULARITY, environ=os.environ, first_match=is_new)
    assert again == ours or isinstance(ours, UnresolvedImage)
