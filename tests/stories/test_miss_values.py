"""What must miss: values of the input object, of every CWL type."""

from __future__ import annotations

from typing import Any

import pytest

from .bench import Bench, Run
from .parted import assert_parted, bound, file, show_arguments, words

INNER = {"type": "record", "name": "inner", "fields": {"deep": bound("string")}}
RECORD = {
    "type": "record",
    "name": "outer",
    "fields": {"word": bound("string"), "inner": {"type": INNER}, "free": "string?"},
}


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("string", "a", "b"),
        ("string", "a", "a "),
        ("string", "é", "e\u0301"),
        ("string", "1", "01"),
        ("int", 1, 2),
        ("int", -1, 1),
        ("long", 9007199254740993, 9007199254740992),
        ("float", 0.1, 0.2),
        ("double", 1.5e10, 1.25e10),
        ({"type": "enum", "symbols": ["a", "b"]}, "a", "b"),
        (["int", "string"], 1, "one"),
    ],
)
def test_miss_when_simple_value_changes(bench: Bench, kind: Any, one: Any, other: Any) -> None:
    tool = show_arguments(bench, {"x": bound(kind)})
    changed = assert_parted(
        lambda x: bench.run(tool, {"x": x}), one, other, (words(one), words(other))
    )
    assert changed.record.jobs[0].differs == ("inputs.x",)


@pytest.mark.parametrize(
    ("one", "other"), [("1", "1.0"), ("1.10", "1.1"), ("100.0", "1e2"), ("0x10", "16.0")]
)
def test_miss_when_number_is_written_otherwise_and_its_text_reaches_the_tool(
    bench: Bench, one: str, other: str
) -> None:
    tool = show_arguments(bench, {"x": bound("Any")})
    plain = {"1e2": "100", "0x10": "16"}

    def run(text: str) -> Run:
        return bench.run(tool, bench.write("job.yml", f"x: {text}\n"))

    cold, changed = run(one), run(other)
    assert (cold.executed, changed.executed) == (1, 1)
    assert (cold.text(), changed.text()) == (
        words(plain.get(one, one)),
        words(plain.get(other, other)),
    )
    assert (run(one).executed, run(other).executed) == (0, 0)


def test_miss_when_float_inside_a_record_of_an_array_is_written_otherwise(bench: Bench) -> None:
    item = {"type": "record", "name": "item", "fields": {"x": bound("float")}}
    tool = show_arguments(bench, {"xs": {"type": {"type": "array", "items": item}}})
    assert_parted(
        lambda text: bench.run(tool, bench.write("job.yml", f"xs: [{{x: {text}}}]\n")),
        "2.50",
        "2.5",
        (words("2.50"), words("2.5")),
    )


def test_miss_when_default_float_is_written_otherwise(bench: Bench) -> None:
    tool = show_arguments(bench, {"x": {**bound("float"), "default": 2.5}})
    text = tool.read_text()

    def run(written: str) -> Run:
        tool.write_text(text.replace("2.5", written))
        return bench.run(tool, {})

    assert_parted(run, "2.5", "2.50", (words("2.5"), words("2.50")))


def test_miss_when_boolean_changes(bench: Bench) -> None:
    tool = show_arguments(bench, {"x": bound("boolean", prefix="--x")})
    assert_parted(lambda x: bench.run(tool, {"x": x}), True, False, (words("--x"), words("")))


def test_miss_when_integer_becomes_a_string_of_the_same_digits(bench: Bench) -> None:
    tool = bench.tool(
        body="cat kind.txt",
        inputs={"x": "Any"},
        requirements={
            "InitialWorkDirRequirement": {
                "listing": [{"entryname": "kind.txt", "entry": '$({"x": inputs.x})'}]
            },
            "InlineJavascriptRequirement": {},
        },
    )
    assert_parted(lambda x: bench.run(tool, {"x": x}), 1, "1", ('{"x": 1}', '{"x": "1"}'))


def test_miss_when_value_is_given_instead_of_default(bench: Bench) -> None:
    tool = show_arguments(bench, {"x": {**bound("string"), "default": "d"}})
    changed = assert_parted(
        lambda job: bench.run(tool, job), {}, {"x": "e"}, (words("d"), words("e"))
    )
    assert changed.record.jobs[0].differs == ("inputs.x",)


def test_miss_when_optional_value_becomes_null(bench: Bench) -> None:
    tool = show_arguments(bench, {"x": bound("string?")})
    assert_parted(lambda x: bench.run(tool, {"x": x}), "a", None, (words("a"), words("")))


def test_miss_when_null_becomes_an_empty_string(bench: Bench) -> None:
    tool = bench.tool(body="echo $#", inputs={"x": bound("string?")})
    assert_parted(lambda x: bench.run(tool, {"x": x}), None, "", ("0\n", "1\n"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["a", "b"], ["a", "c"]),
        (["a", "b"], ["b", "a"]),
        (["a", "b"], ["a", "b", "b"]),
        (["a b"], ["a", "b"]),
    ],
)
def test_miss_when_array_changes(bench: Bench, one: list[str], other: list[str]) -> None:
    tool = show_arguments(bench, {"xs": bound("string[]")})
    assert_parted(lambda xs: bench.run(tool, {"xs": xs}), one, other, (words(*one), words(*other)))


def test_miss_when_elements_move_between_nested_arrays(bench: Bench) -> None:
    nested = {"type": "array", "items": {"type": "array", "items": "string"}}
    tool = show_arguments(bench, {"xs": bound(nested, valueFrom="$(self[0].length)")})
    assert_parted(
        lambda xs: bench.run(tool, {"xs": xs}),
        [["a"], ["b", "c"]],
        [["a", "b"], ["c"]],
        (words(1), words(2)),
    )


def test_miss_when_record_field_changes(bench: Bench) -> None:
    tool = show_arguments(bench, {"r": {"type": RECORD}})
    changed = assert_parted(
        lambda word: bench.run(tool, {"r": {"word": word, "inner": {"deep": "d"}}}),
        "a",
        "b",
        (words("d", "a"), words("d", "b")),
    )
    assert changed.record.jobs[0].differs == ("inputs.r.word",)


def test_miss_when_nested_record_field_changes(bench: Bench) -> None:
    tool = show_arguments(bench, {"r": {"type": RECORD}})
    changed = assert_parted(
        lambda deep: bench.run(tool, {"r": {"word": "w", "inner": {"deep": deep}}}),
        "a",
        "b",
        (words("a", "w"), words("b", "w")),
    )
    assert changed.record.jobs[0].differs == ("inputs.r.inner.deep",)


def test_miss_when_record_field_that_only_an_environment_variable_names_changes(
    bench: Bench,
) -> None:
    tool = bench.tool(
        body='echo "$FREE"',
        inputs={"r": {"type": RECORD}},
        requirements={"EnvVarRequirement": {"envDef": {"FREE": "$(inputs.r.free)"}}},
    )
    assert_parted(
        lambda free: bench.run(tool, {"r": {"word": "w", "inner": {"deep": "d"}, "free": free}}),
        "a",
        "b",
        ("a\n", "b\n"),
    )


@pytest.mark.parametrize("expression", ["Object.keys(inputs.r)", "JSON.stringify(inputs.r)"])
def test_miss_when_order_of_fields_changes_that_an_expression_sees(
    bench: Bench, expression: str
) -> None:
    tool = bench.tool(
        body='echo "$1" | tr -cd ab',
        inputs={"r": "Any"},
        arguments=[
            *bench.script('echo "$1" | tr -cd ab'),
            {"valueFrom": f"${{return '' + {expression};}}"},
        ],
        requirements={"InlineJavascriptRequirement": {}},
    )
    assert_parted(
        lambda r: bench.run(tool, {"r": r}), {"a": 1, "b": 1}, {"b": 1, "a": 1}, ("ab", "ba")
    )


def test_miss_when_order_of_inputs_changes_that_an_expression_sees(bench: Bench) -> None:
    tool = bench.tool(
        inputs={"a": "int", "b": "int"},
        arguments=[
            *bench.script('echo "$1" | tr -cd ab'),
            {"valueFrom": "${return Object.keys(inputs).join();}"},
        ],
        requirements={"InlineJavascriptRequirement": {}},
    )
    assert_parted(
        lambda job: bench.run(tool, job), {"a": 1, "b": 1}, {"b": 1, "a": 1}, ("ab", "ba")
    )


def test_miss_when_value_inside_any_changes(bench: Bench) -> None:
    tool = show_arguments(bench, {"x": bound("Any", valueFrom="$(self.deep[1].y)")})
    assert_parted(
        lambda y: bench.run(tool, {"x": {"deep": [0, {"y": y}]}}),
        "a",
        "b",
        (words("a"), words("b")),
    )


def test_miss_when_file_inside_any_changes(bench: Bench) -> None:
    tool = bench.tool(inputs={"x": bound("Any", valueFrom="$(self.deep.path)")})
    path = bench.folder / "in.txt"

    def run(text: str) -> Run:
        path.write_text(text)
        return bench.run(tool, {"x": {"deep": file(path)}})

    assert_parted(run, "one", "two", ("one", "two"))


def test_miss_when_input_that_no_expression_or_binding_names_changes(bench: Bench) -> None:
    # The whole input object counts: a tool may be told of its inputs in ways that this
    # program does not know of.
    tool = bench.tool(body="cat $1; echo", inputs={"f": bound("File"), "x": "string"})
    path = bench.write("in.txt", "one")
    assert_parted(
        lambda x: bench.run(tool, {"f": file(path), "x": x}), "a", "b", ("one\n", "one\n")
    )
