"""What must miss: changes of the command that a document describes."""

from __future__ import annotations

from typing import Any

import pytest

from .bench import Bench, Run
from .parted import assert_parted, bound, file, show_arguments, words

SHOW = "printf '%s|' \"$@\""


def changed_tool(bench: Bench, job: Any = None, **options: Any) -> Any:
    """Return a run of a tool that is written anew with the fields given."""

    def run(fields: dict[str, Any]) -> Run:
        fields = {"inputs": {}, **fields}
        tool = bench.tool(**{**options, **fields})
        return bench.run(tool, job or {})

    return run


def arguments(bench: Bench, *more: Any, body: str = SHOW) -> dict[str, Any]:
    return {"arguments": [*bench.script(body), *more]}


def test_miss_when_base_command_changes(bench: Bench) -> None:
    run = changed_tool(bench)
    one = {"baseCommand": ["sh", "-c"], **arguments(bench, body="echo $-")}
    other = {"baseCommand": ["sh", "-u", "-c"], **arguments(bench, body="echo $-")}
    cold, changed = run(one), run(other)
    assert (cold.executed, changed.executed) == (1, 1)
    assert "u" in changed.text()
    assert "u" not in cold.text()
    assert run(one).executed == 0


def test_miss_when_script_in_an_argument_changes(bench: Bench) -> None:
    run = changed_tool(bench)
    changed = assert_parted(
        run,
        arguments(bench, body="echo one"),
        arguments(bench, body="echo two"),
        ("one\n", "two\n"),
    )
    assert changed.record.jobs[0].differs == ("tool.arguments[0]",)


@pytest.mark.parametrize(
    ("one", "other", "texts"),
    [
        pytest.param(["a"], ["b"], ("a|", "b|"), id="value"),
        pytest.param(["a", "b"], ["b", "a"], ("a|b|", "b|a|"), id="order"),
        pytest.param(["a"], ["a", "b"], ("a|", "a|b|"), id="one-more"),
        pytest.param(["a b"], ["a", "b"], ("a b|", "a|b|"), id="parting"),
        pytest.param(
            [{"valueFrom": "a", "position": 2}, {"valueFrom": "b", "position": 1}],
            [{"valueFrom": "a", "position": 1}, {"valueFrom": "b", "position": 2}],
            ("b|a|", "a|b|"),
            id="position",
        ),
        pytest.param(
            [{"valueFrom": "a", "prefix": "-x"}],
            [{"valueFrom": "a", "prefix": "-y"}],
            ("-x|a|", "-y|a|"),
            id="prefix",
        ),
        pytest.param(
            [{"valueFrom": "a", "prefix": "-x"}],
            [{"valueFrom": "a", "prefix": "-x", "separate": False}],
            ("-x|a|", "-xa|"),
            id="separate",
        ),
        pytest.param(
            [{"valueFrom": "$(['a', 'b'])", "itemSeparator": ","}],
            [{"valueFrom": "$(['a', 'b'])", "itemSeparator": ";"}],
            ("a,b|", "a;b|"),
            id="item-separator",
        ),
        pytest.param(
            ["$(inputs.x)"], ["$(inputs.y)"], ("in-x|", "in-y|"), id="parameter-reference"
        ),
        pytest.param(["$(inputs.x)"], ["\\$(inputs.x)"], ("in-x|", "$(inputs.x)|"), id="escape"),
        pytest.param(
            [{"valueFrom": "${return 1 + 1;}"}],
            [{"valueFrom": "${return 1 + 2;}"}],
            ("2|", "3|"),
            id="expression",
        ),
    ],
)
def test_miss_when_arguments_change(
    bench: Bench, one: list[Any], other: list[Any], texts: tuple[str, str]
) -> None:
    run = changed_tool(
        bench,
        {"x": "in-x", "y": "in-y"},
        requirements={"InlineJavascriptRequirement": {}},
    )
    inputs = {"inputs": {"x": "string", "y": "string"}}
    assert_parted(
        run,
        {**inputs, **arguments(bench, *one)},
        {**inputs, **arguments(bench, *other)},
        texts,
    )


def test_miss_when_quoting_for_the_shell_changes(bench: Bench) -> None:
    def run(quote: bool) -> Run:
        line = {"valueFrom": "a; echo b", "shellQuote": quote}
        return bench.run(
            bench.tool(
                baseCommand=None,
                inputs={},
                arguments=[
                    {"valueFrom": f"echo ran >> {bench.counter};", "shellQuote": False},
                    "echo",
                    line,
                ],
                requirements={"ShellCommandRequirement": {}},
            ),
            {},
        )

    assert_parted(run, True, False, ("a; echo b\n", "a\nb\n"))


@pytest.mark.parametrize(
    ("one", "other", "texts"),
    [
        pytest.param({"prefix": "-x"}, {"prefix": "-y"}, ("-x|a|b|", "-y|a|b|"), id="prefix"),
        pytest.param({"prefix": "-x"}, {}, ("-x|a|b|", "a|b|"), id="no-prefix"),
        pytest.param({"position": 1}, {"position": 9}, ("a|b|end|", "end|a|b|"), id="position"),
        pytest.param(
            {"position": "$(1)"},
            {"position": "$(9)"},
            ("a|b|end|", "end|a|b|"),
            id="position-by-expression",
        ),
        pytest.param(
            {"itemSeparator": ","}, {"itemSeparator": ":"}, ("a,b|", "a:b|"), id="item-separator"
        ),
        pytest.param({}, {"itemSeparator": ":"}, ("a|b|", "a:b|"), id="joined"),
        pytest.param({"valueFrom": "c"}, {"valueFrom": "d"}, ("c|", "d|"), id="value-from"),
        pytest.param(
            {"prefix": "-x", "itemSeparator": ","},
            {"prefix": "-x", "itemSeparator": ",", "separate": False},
            ("-x|a,b|", "-xa,b|"),
            id="separate",
        ),
    ],
)
def test_miss_when_input_binding_changes(
    bench: Bench, one: dict[str, Any], other: dict[str, Any], texts: tuple[str, str]
) -> None:
    end = texts[0].endswith("end|") or texts[1].endswith("end|")

    def run(binding: dict[str, Any]) -> Run:
        tool = bench.tool(
            inputs={"xs": {"type": "string[]", "inputBinding": binding}},
            arguments=[
                *[{"valueFrom": text, "position": -2} for text in bench.script(SHOW)],
                *([{"valueFrom": "end", "position": 5}] if end else []),
            ],
            requirements={"InlineJavascriptRequirement": {}},
        )
        return bench.run(tool, {"xs": ["a", "b"]})

    assert_parted(run, one, other, texts)


def test_miss_when_binding_is_taken_away(bench: Bench) -> None:
    run = changed_tool(bench, {"x": "a"}, body="echo $#")
    assert_parted(
        run, {"inputs": {"x": bound("string")}}, {"inputs": {"x": "string"}}, ("1\n", "0\n")
    )


def test_miss_when_binding_of_array_items_changes(bench: Bench) -> None:
    def run(prefix: str) -> Run:
        items = {"type": "array", "items": "string", "inputBinding": {"prefix": prefix}}
        return bench.run(show_arguments(bench, {"xs": bound(items)}), {"xs": ["a", "b"]})

    assert_parted(run, "-x", "-y", (words("-x", "a", "-x", "b"), words("-y", "a", "-y", "b")))


def test_miss_when_load_contents_is_turned_on(bench: Bench) -> None:
    path = bench.write("in.txt", "one")

    def run(load: bool) -> Run:
        binding = bound("File", valueFrom="${return self.contents || 'nothing';}")
        tool = show_arguments(
            bench,
            {"f": {**binding, "loadContents": load}},
            requirements={"InlineJavascriptRequirement": {}},
        )
        return bench.run(tool, {"f": file(path)})

    assert_parted(run, False, True, (words("nothing"), words("one")))


def test_miss_when_type_changes(bench: Bench) -> None:
    run = changed_tool(bench, bench.write("job.yml", "x: 5\n"), body="echo $#")
    for kinds in (("int", "Any"), (["boolean", "int"], ["int", "boolean"])):
        cold, changed = (run({"inputs": {"x": bound(kind)}}) for kind in kinds)
        assert (cold.executed, changed.executed) == (1, 1)


def test_miss_when_order_of_a_union_decides_the_binding(bench: Bench) -> None:
    left = {"type": "enum", "symbols": ["a"], "inputBinding": {"prefix": "-left"}}
    right = {"type": "enum", "symbols": ["a", "b"], "inputBinding": {"prefix": "-right"}}
    run = changed_tool(bench, {"x": "a"}, body=SHOW)
    assert_parted(
        run,
        {"inputs": {"x": {"type": [left, right]}}},
        {"inputs": {"x": {"type": [right, left]}}},
        (words("-left", "a"), words("-right", "a")),
    )


def test_miss_when_default_changes(bench: Bench) -> None:
    def run(default: str) -> Run:
        return bench.run(show_arguments(bench, {"x": {**bound("string"), "default": default}}), {})

    changed = assert_parted(run, "a", "b", (words("a"), words("b")))
    assert changed.record.jobs[0].differs == ("inputs.x",)


# streams


# cwltool leaves the file open that it gives to a tool as standard input.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_miss_when_content_of_stdin_changes(bench: Bench) -> None:
    tool = bench.tool(body="cat", inputs={"f": "stdin"})
    path = bench.folder / "in.txt"

    def run(text: str) -> Run:
        path.write_text(text)
        return bench.run(tool, {"f": file(path)})

    assert_parted(run, "one", "two", ("one", "two"))


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_miss_when_stdin_comes_from_another_input(bench: Bench) -> None:
    one, two = bench.write("1/in.txt", "one"), bench.write("2/in.txt", "two")

    def run(name: str) -> Run:
        tool = bench.tool(
            body="cat", inputs={"a": "File", "b": "File"}, stdin=f"$(inputs.{name}.path)"
        )
        return bench.run(tool, {"a": file(one), "b": file(two)})

    assert_parted(run, "a", "b", ("one", "two"))


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize("how", ["literal", "expression"])
def test_miss_when_name_of_a_stream_changes(bench: Bench, stream: str, how: str) -> None:
    body = "echo told; echo told >&2"
    outputs = {"out": {"type": "File", "outputBinding": {"glob": "*.txt"}}}

    def run(name: str) -> Run:
        text = f"{name}.txt" if how == "literal" else "$(inputs.name).txt"
        streams: dict[str, Any] = {"stdout": None, stream: text}
        tool = bench.tool(body=body, inputs={"name": "string"}, outputs=outputs, **streams)
        return bench.run(tool, {"name": name if how == "expression" else "same"})

    changed = assert_parted(run, "one", "two", ("told\n", "told\n"))
    assert changed.output["out"]["basename"] == "two.txt"
    assert run("one").output["out"]["basename"] == "one.txt"


def test_miss_when_stream_is_redirected_to_another_file(bench: Bench) -> None:
    run = changed_tool(bench, body="echo out; echo err >&2")
    assert_parted(
        run,
        {"stdout": "out.txt"},
        {"stdout": "other.txt", "stderr": "out.txt"},
        ("out\n", "err\n"),
    )


# exit codes


@pytest.mark.parametrize(
    ("field", "code", "one", "other"),
    [
        ("successCodes", 3, [0, 3], [0]),
        ("temporaryFailCodes", 0, [4], [0]),
        ("permanentFailCodes", 0, [4], [0]),
    ],
)
def test_miss_when_an_exit_code_no_longer_means_success(
    bench: Bench, field: str, code: int, one: list[int], other: list[int]
) -> None:
    def run(codes: list[int]) -> Run:
        fields: dict[str, Any] = {field: codes}
        return bench.run(bench.tool(body=f"echo done; exit {code}", inputs={}, **fields), {})

    cold, changed, back = run(one), run(other), run(one)
    assert (cold.code, cold.executed, cold.text()) == (0, 1, "done\n")
    assert (changed.code != 0, changed.executed, changed.results) == (True, 1, ["failed"])
    assert (back.code, back.executed, back.text()) == (0, 0, "done\n")


def test_miss_when_a_further_exit_code_means_success(bench: Bench) -> None:
    run = changed_tool(bench, body="echo done")
    cold, changed = run({"successCodes": [0]}), run({"successCodes": [0, 3]})
    assert (cold.executed, changed.executed) == (1, 1)
    assert changed.record.jobs[0].differs == ("tool.successCodes",)


# the document's own files


@pytest.mark.parametrize("directive", ["$import", "$include"])
def test_miss_when_imported_or_included_text_changes(bench: Bench, directive: str) -> None:
    part = bench.folder / "part.yml"
    value: Any = {directive: "part.yml"}
    tool = bench.tool(
        body=SHOW,
        inputs={},
        **arguments(bench, {"valueFrom": value} if directive == "$include" else value),
    )

    def run(text: str) -> Run:
        part.write_text(text if directive == "$include" else f"valueFrom: {text}\n")
        return bench.run(tool, {})

    assert_parted(run, "one", "two", (words("one"), words("two")))


def test_miss_when_imported_inputs_change(bench: Bench) -> None:
    tool = bench.tool(body=SHOW, inputs=[{"$import": "x.yml"}])

    def run(prefix: str) -> Run:
        bench.write("x.yml", {"id": "x", **bound("string", prefix=prefix)})
        return bench.run(tool, {"x": "a"})

    assert_parted(run, "-x", "-y", (words("-x", "a"), words("-y", "a")))


def test_miss_when_version_of_the_document_changes_how_a_backslash_is_read(
    bench: Bench,
) -> None:
    def run(version: str) -> Run:
        fields = arguments(bench, "a\\b$(inputs.x)")
        tool = bench.tool(cwlVersion=version, inputs={"x": "string"}, **fields)
        return bench.run(tool, {"x": "!"})

    assert_parted(run, "v1.1", "v1.2", (words("ab!"), words("a\\b!")))
