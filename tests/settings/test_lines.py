"""The lines of a TOML file."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwl_memo.errors import SettingsFileError
from cwl_memo.settings.lines import lines_of_keys, parse_toml


@pytest.mark.parametrize(
    ("data", "line", "what"),
    [
        (b"a = 1\nb = no\n", 2, "Invalid value"),
        (b"a = 1\n\n\nb\n", 4, "Expected '=' after a key"),
        (b"a = 1\na = 2\n", 2, "Cannot overwrite a value"),
        (b'a = """\nx', 2, "Unterminated string"),
        (b"a = 1\nb = '\xff'\n", 2, "not UTF-8"),
        (b"a = 1\r\nb = c\r\n", 2, "Invalid value"),
    ],
)
def test_what_is_no_toml_is_told_with_its_line(data: bytes, line: int, what: str) -> None:
    with pytest.raises(SettingsFileError) as error:
        parse_toml(data, "f.toml")
    assert str(error.value).startswith(f"f.toml:{line}: ")
    assert what in str(error.value)
    assert "(at" not in str(error.value)


def test_a_file_that_is_nested_too_deeply_is_an_error() -> None:
    with pytest.raises(SettingsFileError, match=r"f\.toml"):
        parse_toml(b"a = " + b"[" * 20_000, "f.toml")


TEXT = """\
# a = 1
a = 1

long = \"\"\"
b = 2
[fake]
\"\"\"
b = [
  3,  # c = 1
]
x.y = 1
[project]  # of all
name = "n"
inner = {retention = "LIMITED",   duration = 3}
[[many]]
z = 1
["quoted name".sub]
w = 1
"""


def test_each_key_has_the_line_on_which_it_stands() -> None:
    parse_toml(TEXT.encode(), "f")
    lines = lines_of_keys(TEXT)
    assert lines == {
        ("a",): 2,
        ("long",): 4,
        ("b",): 8,
        ("x",): 11,
        ("x", "y"): 11,
        ("project",): 12,
        ("project", "name"): 13,
        ("project", "inner"): 14,
        ("project", "inner", "retention"): 14,
        ("project", "inner", "duration"): 14,
        ("many",): 15,
        ("many", "z"): 16,
        ("quoted name",): 17,
        ("quoted name", "sub"): 17,
        ("quoted name", "sub", "w"): 18,
    }


def test_after_a_value_of_very_many_lines_no_line_is_told() -> None:
    text = "a = 1\nb = [\n" + "1,\n" * 200 + "]\nc = 1\n"
    parse_toml(text.encode(), "f")
    assert lines_of_keys(text) == {("a",): 1}


keys = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=5)
noise = st.lists(st.sampled_from(["", "# x = 1", "  ", "\t# ["]), max_size=3)


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


@given(st.dictionaries(keys, keys, max_size=5), st.lists(noise, min_size=5, max_size=5))
def test_lines_are_found_whatever_the_keys_are_and_what_stands_between(
    said: dict[str, str], between: list[list[str]]
) -> None:
    lines: list[str] = []
    expected = {}
    for (key, value), more in zip(said.items(), between, strict=False):
        lines += more
        lines.append(f"{quoted(key)} = {quoted(value)}")
        expected[key,] = len(lines)
    text = "\n".join(lines)
    assert parse_toml(text.encode(), "f")[1] == said
    assert lines_of_keys(text) == expected
