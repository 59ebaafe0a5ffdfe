"""What is done to a case's folder, and to the files of its store, between runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.driver.change import apply
from conformance.driver.damage import DAMAGES, copy_store, damage, store_files
from conformance.driver.errors import DriverError
from conformance.driver.mount import Mounts
from conformance.driver.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path / "case", Mounts())
    world.write("a.txt", "one\n")
    world.write("sub/b.txt", "two\n")
    return world


def texts(folder: Path) -> dict[str, str]:
    """Return the texts of all files below a folder, links followed."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def change(world: World, **changes: Any) -> dict[str, str]:
    for what, argument in changes.items():
        apply(world, {what: argument})
    return texts(world.folder)


# Changes

BEFORE = {"a.txt": "one\n", "sub/b.txt": "two\n"}


@pytest.mark.parametrize(
    ("what", "argument", "after"),
    [
        ("write", {"a.txt": "1", "new/c.json": {"x": "ä"}}, {"a.txt": "1", "sub/b.txt": "two\n",
         "new/c.json": '{\n "x": "ä"\n}'}),
        ("edit", {"a.txt": {"on": "ON", "e\n": "E"}}, {**BEFORE, "a.txt": "ONE"}),
        ("delete", ["a.txt"], {"sub/b.txt": "two\n"}),
        ("delete", ["sub"], {"a.txt": "one\n"}),
        ("move", {"sub": "else/where"}, {"a.txt": "one\n", "else/where/b.txt": "two\n"}),
        ("copy", {"sub": "copy", "a.txt": "sub/a"}, {**BEFORE, "copy/b.txt": "two\n",
         "sub/a": "one\n"}),
        ("link", {"sub/l": "../a.txt"}, {**BEFORE, "sub/l": "one\n"}),
        ("link", {"sub/b.txt": "{{case}}/a.txt"}, {"a.txt": "one\n", "sub/b.txt": "one\n"}),
        ("hard_link", {"new/h": "a.txt"}, {**BEFORE, "new/h": "one\n"}),
        ("write_store", {"x/y": "z"}, {**BEFORE, "store/x/y": "z"}),
    ],
)  # fmt: skip
def test_files_are_changed(world: World, what: str, argument: Any, after: dict[str, str]) -> None:
    assert change(world, **{what: argument}) == after


def test_place_of_the_case_and_its_marks_is_filled_in(world: World) -> None:
    apply(world, {"write": {"a.txt": "{{case}} {{marks}} {{other}}", "b": ["{{case}}"]}})
    assert world.path("a.txt").read_text() == f"{world.folder} {world.folder}/marks {{{{other}}}}"
    assert world.path("b").read_text() == f'[\n "{world.folder}"\n]'


def test_modes_and_times_are_changed(world: World) -> None:
    a, b = world.path("a.txt"), world.path("sub/b.txt")
    apply(world, {"chmod": {"a.txt": "751"}})
    assert a.stat().st_mode & 0o777 == 0o751
    before = a.stat().st_mtime_ns
    apply(world, {"touch": {"a.txt": -1.5}})
    assert a.stat().st_mtime_ns == before - 1_500_000_000
    apply(world, {"same_times": {"sub/b.txt": "a.txt"}})
    assert b.stat().st_mtime_ns == a.stat().st_mtime_ns


def test_read_only_file_can_be_written_anew(world: World) -> None:
    world.path("a.txt").chmod(0o444)
    assert change(world, write={"a.txt": "1"})["a.txt"] == "1"


def test_store_is_moved_and_found_at_its_new_place(world: World) -> None:
    apply(world, {"write_store": {"x": "1"}})
    apply(world, {"move_store": "else where"})
    assert world.store == world.folder / "else where"
    before = (world.store / "x").stat().st_mtime_ns
    apply(world, {"shift_store": 10})
    assert (world.store / "x").stat().st_mtime_ns == before + 10**10
    apply(world, {"damage_store": "garble"})
    assert (world.store / "x").read_bytes() != b"1"
    apply(world, {"delete_store": True})
    assert not world.store.exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"delet": ["a.txt"]}, "no change 'delet'; there are: write, "),
        ({"edit": {"a.txt": {"x": "y"}}}, "'x' stands in it 0 times"),
        ({"edit": {"a.txt": {"": "y"}}}, "times"),
        ({"delete": ["absent"]}, "change delete: "),
        ({"move": {"absent": "x"}}, "change move: "),
        ({"damage_store": "odd"}, "no damage 'odd'; there are: flip, "),
        ({"write": {"../out.txt": "x"}}, "'../out.txt' lies outside the case's folder"),
        ({"write": {"/tmp/out.txt": "x"}}, "lies outside"),
        ({"copy": {"a.txt": "link-out/x"}}, "lies outside"),
        ({"delete": ["."]}, "lies outside"),
        ({"fill_store": True}, "has to be bound first"),
    ],
)
def test_change_that_cannot_be_done_is_an_error(
    world: World, tmp_path: Path, given: Any, message: str
) -> None:
    world.path("link-out").symlink_to(tmp_path)
    apply(world, {"write_store": {"x": "1"}})
    with pytest.raises(DriverError) as told:
        apply(world, given)
    assert message in str(told.value)


def test_marks_are_counted(world: World) -> None:
    assert world.marks() == {}
    world.write("marks", "a\nb c\na\n")
    assert world.marks() == {"a": 2, "b c": 1}


# Damage


@pytest.mark.parametrize("content", [b"", b"x", bytes(range(256)) * 40])
@pytest.mark.parametrize("kind", [kind for kind in DAMAGES if kind not in {"cut", "empty"}])
@pytest.mark.parametrize("mode", [0o644, 0o444])
def test_damaged_file_does_not_hold_what_it_held(
    tmp_path: Path, kind: str, content: bytes, mode: int
) -> None:
    path = tmp_path / "store" / "file"
    path.parent.mkdir()
    path.write_bytes(content)
    path.chmod(mode)
    damage(path, kind, tmp_path / "outside")
    assert not path.is_file() or path.read_bytes() != content


@pytest.mark.parametrize(
    ("kind", "after"),
    [
        ("flip", lambda path: path.read_bytes() == b"ab\x62d"),
        ("cut", lambda path: path.read_bytes() == b"ab"),
        ("empty", lambda path: path.read_bytes() == b""),
        ("remove", lambda path: not path.exists()),
        ("directory", lambda path: path.is_dir()),
        ("link-out", lambda path: path.is_symlink() and path.read_bytes() == b"ab\x62d"),
    ],
)
def test_damage_is_what_its_name_says(
    tmp_path: Path, kind: str, after: Callable[[Path], bool]
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abcd")
    damage(path, kind, tmp_path / "outside")
    assert after(path)


def test_quiet_damage_shows_in_no_time_and_no_size(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abcd")
    os.utime(path, ns=(10**18, 10**18))
    path.chmod(0o444)
    before = path.stat()
    damage(path, "flip-quietly", tmp_path / "outside")
    after = path.stat()
    assert path.read_bytes() != b"abcd"
    assert (after.st_mtime_ns, after.st_size, after.st_mode) == (10**18, 4, before.st_mode)


def test_links_out_lead_to_files_of_their_own(tmp_path: Path) -> None:
    paths = [tmp_path / "store" / name for name in ("a", "b")]
    paths[0].parent.mkdir()
    for path in paths:
        path.write_text(path.name)
        damage(path, "link-out", tmp_path / "outside")
    assert paths[0].resolve() != paths[1].resolve()
    assert {path.resolve().parent for path in paths} == {tmp_path / "outside"}


def test_files_of_a_store_are_found_and_put_back(tmp_path: Path) -> None:
    store = tmp_path / "store"
    for name in ("b", "sub/a"):
        (store / name).parent.mkdir(parents=True, exist_ok=True)
        (store / name).write_text(name)
    (store / "link").symlink_to("b")
    assert store_files(store) == [store / "b", store / "sub" / "a"]
    (store / "b").chmod(0o400)
    copy_store(store, tmp_path / "whole")
    damage(store / "b", "remove", tmp_path / "outside")
    (store / "new").touch()
    copy_store(tmp_path / "whole", store)
    assert texts(store) == {"b": "b", "sub/a": "sub/a", "link": "b"}
    assert (store / "link").is_symlink()
    assert (store / "b").stat().st_mode & 0o777 == 0o400
