"""What must miss: Files of the input object: content, names, literals, secondaryFiles."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from .bench import Bench, Run
from .parted import assert_parted, bound, file, show_arguments, words

JS: dict[str, Any] = {"InlineJavascriptRequirement": {}}


def with_secondary(bench: Bench, patterns: Any, body: str = "cat $1*", **fields: Any) -> Any:
    return bench.tool(
        body=body, inputs={"f": {**bound("File"), "secondaryFiles": patterns}}, **fields
    )


# content


def test_miss_when_content_changes_but_neither_size_nor_mtime(bench: Bench) -> None:
    tool = bench.tool()
    path = bench.write("in.txt", "one")
    stamp = path.stat().st_mtime - 3600

    def run(text: str) -> Run:
        path.write_text(text)
        os.utime(path, (stamp, stamp))
        return bench.run(tool, {"f": file(path)})

    changed = assert_parted(run, "one", "two", ("one", "two"))
    assert changed.record.jobs[0].differs == ("inputs.f.digest",)


def test_miss_when_another_file_takes_the_place_with_size_and_mtime(bench: Bench) -> None:
    tool = bench.tool()
    path = bench.write("in.txt", "x" * 20_000)
    stamp = path.stat().st_mtime - 3600
    os.utime(path, (stamp, stamp))

    def run(letter: str) -> Run:
        other = bench.write("other.txt", letter * 20_000)
        os.utime(other, (stamp, stamp))
        other.rename(path)
        return bench.run(tool, {"f": file(path)})

    assert_parted(run, "x", "y", ("x" * 20_000, "y" * 20_000))


def test_miss_when_symlink_leads_to_another_file(bench: Bench) -> None:
    tool = bench.tool()
    link = bench.folder / "in.txt"
    for name in ("one", "two"):
        bench.write(f"{name}.txt", name)

    def run(name: str) -> Run:
        link.unlink(missing_ok=True)
        link.symlink_to(f"{name}.txt")
        return bench.run(tool, {"f": file(link)})

    assert_parted(run, "one", "two", ("one", "two"))


def test_miss_when_one_file_of_an_array_changes(bench: Bench) -> None:
    tool = bench.tool(body='cat "$@"', inputs={"fs": bound("File[]")})
    paths = [bench.write(f"{i}.txt", str(i)) for i in range(3)]

    def run(text: str) -> Run:
        paths[1].write_text(text)
        return bench.run(tool, {"fs": [file(path) for path in paths]})

    changed = assert_parted(run, "1", "x", ("012", "0x2"))
    assert changed.record.jobs[0].differs == ("inputs.fs[1].digest",)


def test_miss_when_two_inputs_swap_their_files(bench: Bench) -> None:
    tool = bench.tool(body='cat "$@"', inputs={"a": bound("File", 1), "b": bound("File", 2)})
    one, two = bench.write("1/in.txt", "one"), bench.write("2/in.txt", "two")
    assert_parted(
        lambda pair: bench.run(tool, {"a": file(pair[0]), "b": file(pair[1])}),
        (one, two),
        (two, one),
        ("onetwo", "twoone"),
    )


def test_miss_when_default_file_content_changes(bench: Bench) -> None:
    path = bench.write("default.txt", "one")
    default = {"class": "File", "location": "default.txt"}
    tool = bench.tool(inputs={"f": {**bound("File"), "default": default}})

    def run(text: str) -> Run:
        path.write_text(text)
        return bench.run(tool, {})

    assert_parted(run, "one", "two", ("one", "two"))


# names


@pytest.mark.parametrize("given", ["named", "renamed"])
def test_miss_when_basename_changes(bench: Bench, given: str) -> None:
    tool = bench.tool(body="basename $1")

    def run(name: str) -> Run:
        if given == "named":
            return bench.run(tool, {"f": file(bench.write("in.txt", "one"), basename=name)})
        return bench.run(tool, {"f": file(bench.write(name, "one"))})

    changed = assert_parted(run, "a.txt", "b.txt", ("a.txt\n", "b.txt\n"))
    assert changed.record.jobs[0].differs == ("inputs.f.basename",)


@pytest.mark.parametrize(
    ("expression", "one", "other"),
    [("nameroot", "a.txt", "b.txt"), ("nameext", "a.txt", "a.csv"), ("basename", "a.x", "a.y")],
)
def test_miss_when_part_of_the_name_reaches_an_expression(
    bench: Bench, expression: str, one: str, other: str
) -> None:
    tool = show_arguments(bench, {"f": bound("File", valueFrom=f"$(self.{expression})")})

    def part(name: str) -> str:
        path = Path(name)
        return {"nameroot": path.stem, "nameext": path.suffix, "basename": name}[expression]

    assert_parted(
        lambda name: bench.run(tool, {"f": file(bench.write(name, "same"))}),
        one,
        other,
        (words(part(one)), words(part(other))),
    )


# literals


@pytest.mark.parametrize("kind", ["File", "Directory"])
def test_miss_when_the_name_of_a_literal_changes_that_is_its_location_as_well(
    bench: Bench, kind: str
) -> None:
    tool = show_arguments(bench, {"f": bound(kind, valueFrom="$(self.basename)")})
    more: dict[str, Any] = {"contents": "one"} if kind == "File" else {"listing": []}

    def run(name: str) -> Run:
        literal = {"class": kind, "location": f"_:{name}", "basename": name, **more}
        return bench.run(tool, {"f": literal}, "--memo-directories", "content")

    assert_parted(run, "a.txt", "b.txt", (words("a.txt"), words("b.txt")))


def test_miss_when_literal_contents_change_under_the_same_basename(bench: Bench) -> None:
    tool = bench.tool()
    assert_parted(
        lambda text: bench.run(
            tool, {"f": {"class": "File", "basename": "in.txt", "contents": text}}
        ),
        "AAA",
        "BBB",
        ("AAA", "BBB"),
    )


def test_miss_when_literal_basename_changes(bench: Bench) -> None:
    tool = bench.tool(body="basename $1")
    assert_parted(
        lambda name: bench.run(tool, {"f": {"class": "File", "basename": name, "contents": "A"}}),
        "a.txt",
        "b.txt",
        ("a.txt\n", "b.txt\n"),
    )


def test_miss_when_default_literal_changes(bench: Bench) -> None:
    def run(text: str) -> Run:
        default = {"class": "File", "basename": "in.txt", "contents": text}
        return bench.run(bench.tool(inputs={"f": {**bound("File"), "default": default}}), {})

    assert_parted(run, "AAA", "BBB", ("AAA", "BBB"))


# secondaryFiles


def test_miss_when_content_of_a_secondary_file_changes(bench: Bench) -> None:
    tool = with_secondary(bench, [".idx"])
    path, index = bench.write("in.txt", "one"), bench.folder / "in.txt.idx"

    def run(text: str) -> Run:
        index.write_text(text)
        return bench.run(tool, {"f": file(path)})

    changed = assert_parted(run, "+1", "+2", ("one+1", "one+2"))
    assert changed.record.jobs[0].differs == ("inputs.f.secondaryFiles[0].digest",)


def test_miss_when_a_listed_secondary_file_changes_its_name(bench: Bench) -> None:
    tool = bench.tool(body="cd `dirname $1`; ls | tr '\\n' ' '")
    path, other = bench.write("in.txt", "one"), bench.write("other", "two")
    assert_parted(
        lambda name: bench.run(
            tool, {"f": file(path, secondaryFiles=[file(other, basename=name)])}
        ),
        "in.x",
        "in.y",
        ("in.txt in.x ", "in.txt in.y "),
    )


def test_miss_when_an_optional_secondary_file_appears(bench: Bench) -> None:
    tool = with_secondary(bench, [".idx?"])
    path, index = bench.write("in.txt", "one"), bench.folder / "in.txt.idx"

    def run(text: str) -> Run:
        index.unlink(missing_ok=True)
        if text:
            index.write_text(text)
        return bench.run(tool, {"f": file(path)})

    assert_parted(run, "", "+idx", ("one", "one+idx"))


def test_miss_when_a_secondary_file_found_by_an_expression_changes(bench: Bench) -> None:
    tool = with_secondary(
        bench, ["${return self.nameroot + '.idx';}"], "cat `dirname $1`/*", requirements=JS
    )
    path, index = bench.write("in.txt", "one"), bench.folder / "in.idx"

    def run(text: str) -> Run:
        index.write_text(text)
        return bench.run(tool, {"f": file(path)})

    assert_parted(run, "1+", "2+", ("1+one", "2+one"))


def test_miss_when_secondary_file_of_a_secondary_file_changes(bench: Bench) -> None:
    tool = bench.tool(body="cat $1*")
    path, index = bench.write("in.txt", "one"), bench.write("in.txt.idx", "+idx")
    deep = bench.folder / "in.txt.idx.deep"

    def run(text: str) -> Run:
        deep.write_text(text)
        below = file(index, secondaryFiles=[file(deep)])
        return bench.run(tool, {"f": file(path, secondaryFiles=[below])})

    assert_parted(run, "+1", "+2", ("one+idx+1", "one+idx+2"))


def test_miss_when_literal_among_secondary_files_changes(bench: Bench) -> None:
    tool = bench.tool(body="cat $1*")
    path = bench.write("in.txt", "one")

    def run(text: str) -> Run:
        literal = {"class": "File", "basename": "in.txt.idx", "contents": text}
        return bench.run(tool, {"f": file(path, secondaryFiles=[literal])})

    assert_parted(run, "+1", "+2", ("one+1", "one+2"))


@pytest.mark.parametrize("place", ["record", "array", "record of arrays"])
def test_miss_when_a_secondary_file_inside_a_type_changes(bench: Bench, place: str) -> None:
    kind = "File" if place == "record" else "File[]"
    field = {**bound(kind), "secondaryFiles": [".idx?"]}
    inputs: Any = {"x": field}
    if place != "array":
        inputs = {"x": {"type": {"type": "record", "name": "r", "fields": {"f": field}}}}
    tool = bench.tool(body="cat $1*", inputs=inputs)
    path, index = bench.write("in.txt", "one"), bench.folder / "in.txt.idx"

    def run(text: str) -> Run:
        index.unlink(missing_ok=True)
        if text:
            index.write_text(text)
        value: Any = file(path) if place == "record" else [file(path)]
        return bench.run(tool, {"x": value if place == "array" else {"f": value}})

    assert_parted(run, "+1", "+2", ("one+1", "one+2"))
    gone = run("")
    assert (gone.executed, gone.text()) == (1, "one")


def test_miss_when_a_file_given_twice_under_two_names_becomes_two_files(bench: Bench) -> None:
    inputs = {"a": bound("File", 1), "b": bound("File", 2)}
    tool = bench.tool(body="basename $1; basename $2", inputs=inputs)
    one, same = bench.write("in.txt", "same"), bench.write("same.txt", "same")

    def run(other: Path) -> Run:
        return bench.run(tool, {"a": file(one, basename="a"), "b": file(other, basename="b")})

    plain = bench.run(
        tool, {"a": file(one, basename="a"), "b": file(one, basename="b")}, "--no-memo"
    )
    assert_parted(run, one, same, (plain.text(), "a\nb\n"))


# which names are accepted


@pytest.mark.parametrize("place", ["input", "array", "secondary", "literal", "directory", "below"])
def test_miss_when_a_name_is_accepted_no_more(bench: Bench, place: str) -> None:
    path, odd = bench.write("in.txt", "one"), bench.write("a b.txt", "two")
    bench.write("dir/a b.txt", "three")
    literal = {"class": "File", "basename": "a b.txt", "contents": "four"}
    directory = {"class": "Directory", "path": str(bench.folder / "dir")}
    kind, value = {
        "input": ("File", file(odd)),
        "array": ("File[]", [file(path), file(odd)]),
        "secondary": ("File", {**file(path), "secondaryFiles": [file(odd)]}),
        "literal": ("File", literal),
        "directory": ("Directory", {**directory, "basename": "a b"}),
        "below": ({"type": "Directory", "loadListing": "deep_listing"}, directory),
    }[place]
    inputs = {"x": {"type": kind} if isinstance(kind, str) else kind}
    tool = bench.tool(body="echo ran", inputs=inputs)
    content, relaxed = ("--memo-directories", "content"), "--relax-path-checks"
    cold = bench.run(tool, {"x": value}, *content, relaxed)
    assert (cold.code, cold.results) == (0, ["executed"])
    plain = bench.run(tool, {"x": value}, "--no-memo")
    strict = bench.run(tool, {"x": value}, *content)
    assert (strict.code, strict.output) == (plain.code, plain.output)
    assert strict.code == 1
    warm = bench.run(tool, {"x": value}, *content, relaxed)
    assert (warm.code, warm.results) == (0, ["reused"])


def test_hit_when_all_names_are_accepted_either_way(bench: Bench) -> None:
    tool = bench.tool()
    given = {"f": file(bench.write("in.txt", "one"))}
    assert bench.run(tool, given, "--relax-path-checks").executed == 1
    assert bench.run(tool, given).executed == 0
    assert bench.run(tool, given, "--relax-path-checks").executed == 0
