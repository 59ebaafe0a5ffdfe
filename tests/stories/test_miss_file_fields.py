"""What must miss: what a File carries besides its content, where the tool can see it."""

from __future__ import annotations

from typing import Any

import pytest

from .bench import Bench, Run
from .parted import assert_parted, bound, file, show_arguments, words

JS: dict[str, Any] = {"InlineJavascriptRequirement": {}}
CONTENT = ("--memo-directories", "content")


def test_miss_when_format_changes_and_an_expression_names_it(bench: Bench) -> None:
    tool = show_arguments(bench, {"f": bound("File", valueFrom="$(self.format)")})
    path = bench.write("in.txt", "one")
    a, b = "http://example.org/a", "http://example.org/b"
    assert_parted(
        lambda name: bench.run(tool, {"f": file(path, format=name)}), a, b, (words(a), words(b))
    )


def test_miss_when_another_size_is_given_than_the_file_has(bench: Bench) -> None:
    tool = show_arguments(bench, {"f": bound("File", valueFrom="$(self.size)")})
    path = bench.write("in.txt", "one")
    assert_parted(
        lambda more: bench.run(tool, {"f": file(path, **more)}),
        {},
        {"size": 99},
        (words(3), words(99)),
    )


@pytest.mark.parametrize("kind", ["located", "literal", "directory"])
@pytest.mark.parametrize("name", ["checksum", "streamable"])
def test_miss_when_what_is_stated_of_a_file_changes_and_an_expression_names_it(
    bench: Bench, name: str, kind: str
) -> None:
    value = bound("Directory" if kind == "directory" else "File", valueFrom=f"v=$(self.{name})")
    tool = show_arguments(bench, {"f": value})
    given: dict[str, Any] = {
        "located": file(bench.write("in.txt", "one")),
        "literal": {"class": "File", "basename": "in.txt", "contents": "one"},
        "directory": {"class": "Directory", "basename": "d", "listing": []},
    }[kind]
    assert_parted(
        lambda stated: bench.run(tool, {"f": given | {name: stated}}, *CONTENT),
        "a",
        "b",
        (words("v=a"), words("v=b")),
    )


def test_miss_when_given_contents_change_and_an_expression_names_them(bench: Bench) -> None:
    tool = show_arguments(bench, {"f": bound("File", valueFrom="$(self.contents)")})
    path = bench.write("in.txt", "one")
    assert_parted(
        lambda text: bench.run(tool, {"f": file(path, contents=text)}),
        "a",
        "b",
        (words("a"), words("b")),
    )


def test_miss_when_given_contents_change_beside_an_input_that_loads_its_own(
    bench: Bench,
) -> None:
    tool = show_arguments(
        bench,
        {
            "f": bound("File", 1, valueFrom="$(self.contents)"),
            "g": {**bound("File", 2, valueFrom="$(self.contents)"), "loadContents": True},
        },
    )
    path = bench.write("in.txt", "one")
    assert_parted(
        lambda text: bench.run(tool, {"f": file(path, contents=text), "g": file(path)}),
        "a",
        "b",
        (words("a", "one"), words("b", "one")),
    )


def test_miss_when_content_that_is_loaded_changes(bench: Bench) -> None:
    tool = show_arguments(
        bench, {"f": {**bound("File", valueFrom="$(self.contents)"), "loadContents": True}}
    )
    path = bench.folder / "in.txt"

    def run(text: str) -> Run:
        path.write_text(text)
        return bench.run(tool, {"f": file(path)})

    assert_parted(run, "one", "two", (words("one"), words("two")))


@pytest.mark.parametrize("name", ["sample", "digest", "literal", "executable", "metadata"])
def test_miss_when_a_field_of_the_users_own_changes(bench: Bench, name: str) -> None:
    tool = show_arguments(bench, {"f": bound("File", valueFrom=f"$(self.{name})")})
    path = bench.write("in.txt", "one")
    assert_parted(
        lambda value: bench.run(tool, {"f": file(path, **{name: value})}),
        "a",
        "b",
        (words("a"), words("b")),
    )


@pytest.mark.parametrize("name", ["digest", "size_", "basename_", "others", "metadata"])
def test_miss_when_content_changes_of_a_file_with_a_field_of_the_users_own(
    bench: Bench, name: str
) -> None:
    tool = bench.tool()
    path = bench.folder / "in.txt"

    def run(text: str) -> Run:
        path.write_text(text)
        return bench.run(tool, {"f": file(path, **{name: "mine"})})

    assert_parted(run, "one", "two", ("one", "two"))


@pytest.mark.parametrize(
    "expression",
    [
        "$(self.location)",
        "$(inputs.f['location'])",
        "${var f = inputs.f; return f.location;}",
        "${return JSON.parse(JSON.stringify(self)).location;}",
        "${var found; for (var k in self) if (/^loc/.test(k)) found = self[k]; return found;}",
        "${var k = Object.getOwnPropertyNames(self)[1]; return self[k];}",
        "${return ['basename', 'location'].map(function(k) { return self[k]; })[1];}",
    ],
)
def test_miss_when_file_moves_whose_location_an_expression_sees(
    bench: Bench, expression: str
) -> None:
    tool = show_arguments(bench, {"f": bound("File", valueFrom=expression)}, requirements=JS)
    paths = [bench.write(f"{name}/in.txt", "same") for name in ("here", "there")]
    assert_parted(
        lambda path: bench.run(tool, {"f": file(path)}),
        paths[0],
        paths[1],
        (words(paths[0].as_uri()), words(paths[1].as_uri())),
    )


def test_miss_when_file_moves_whose_location_is_written_out_between_other_text(
    bench: Bench,
) -> None:
    tool = bench.tool(
        body='echo "$1" | tr , "\\n" | sed -n "s/.*location[^f]*\\(file:[^\\"]*\\).*/\\1/p"',
        inputs={"f": bound("File", valueFrom="it=$(self)")},
    )
    paths = [bench.write(f"{name}/in.txt", "same") for name in ("here", "there")]
    assert_parted(
        lambda path: bench.run(tool, {"f": file(path)}),
        paths[0],
        paths[1],
        (f"{paths[0].as_uri()}\n", f"{paths[1].as_uri()}\n"),
    )


def test_miss_when_script_input_becomes_executable(bench: Bench) -> None:
    tool = bench.tool(body='test -x "$1" && "$1" || echo cannot')
    script = bench.write("script", "#!/bin/sh\necho did\n")

    def run(mode: int) -> Run:
        script.chmod(mode)
        return bench.run(tool, {"f": file(script)})

    changed = assert_parted(run, 0o644, 0o755, ("cannot\n", "did\n"))
    # The interpreter counts, too, of what may be executed.
    assert changed.record.jobs[0].differs == ("inputs.f.executable", "host./bin/sh")
