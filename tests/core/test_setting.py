"""The table of settings: what each may be, and who wins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cwl_memo.core.setting import SETTINGS, Kind, Layer, Origin, Value, nearest, resolve
from cwl_memo.core.settings import Directories, ImageIdentity, Mode, Settings, SharedMode
from cwl_memo.errors import UsageError


def test_the_defaults_of_the_table_are_those_of_settings() -> None:
    defaults = Settings()
    for name, setting in SETTINGS.items():
        assert setting.name == name
        if hasattr(defaults, name):
            assert setting.default == getattr(defaults, name)


def test_every_field_of_settings_is_in_the_table_but_what_only_a_project_says() -> None:
    assert set(vars(Settings())) - set(SETTINGS) == {"intermediate_files"}


def test_options_and_variables_are_made_of_the_name() -> None:
    made = {name: (s.flag, s.variable) for name, s in SETTINGS.items()}
    assert made["memo"] == ("--memo", "CWL_MEMO")
    assert made["host_tools"] == ("--memo-host-tools", "CWL_MEMO_HOST_TOOLS")
    assert made["trusted_projects"] == ("", "")


def test_the_help_of_an_option_has_its_default_and_its_variable() -> None:
    assert SETTINGS["image"].help.endswith("by its name alone. Default digest (CWL_MEMO_IMAGE)")
    assert SETTINGS["memo"].help.endswith("unless the project says otherwise (CWL_MEMO)")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("memo", "Yes", True),
        ("memo", "0", False),
        ("mode", "recache", Mode.RECACHE),
        ("max_size", "5kB", 5000),
        ("recheck", "5%", 0.05),
        ("salt", "x", "x"),
        ("store", "~/memo", "~/memo"),
    ],
)
def test_a_text_means_a_value(name: str, text: str, value: Any) -> None:
    assert SETTINGS[name].read_text(text) == value


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("memo", "maybe", "'maybe' is neither on nor off"),
        ("mode", "Off", "'Off' is none of readwrite, readonly, recache, off"),
        ("max_size", "big", "not a size"),
        ("recheck", "2", "not a rate"),
        ("store", "", "names no directory"),
    ],
)
def test_a_text_that_means_nothing_is_refused(name: str, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        SETTINGS[name].read_text(text)


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("memo", False, False),
        ("mode", "off", Mode.OFF),
        ("directories", "content", Directories.CONTENT),
        ("max_size", 0, 0),
        ("max_size", "1GiB", 2**30),
        ("recheck", 1, 1.0),
        ("recheck", 0.05, 0.05),
        ("recheck", "5%", 0.05),
        ("salt", "", ""),
        ("store", "memo", "memo"),
        ("trusted_projects", ["/a", "/b"], ("/a", "/b")),
        ("trusted_projects", [], ()),
    ],
)
def test_a_value_of_a_file_means_a_value(name: str, given: Any, value: Any) -> None:
    assert SETTINGS[name].read_toml(given) == value


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("memo", "on", '"on" is no switch; write true or false'),
        ("memo", 1, "1 is no switch"),
        ("mode", "fast", "'fast' is none of readwrite"),
        ("mode", True, "true is none of readwrite"),
        ("max_size", True, "true is no size"),
        ("max_size", -1, "-1 is no size"),
        ("max_size", 1.5, "1.5 is no size; write bytes, or a text as '20GB'"),
        ("max_size", "lots", "not a size"),
        ("recheck", True, "true is no rate; write 0 to 1, or a text as '5%'"),
        ("recheck", 1.5, "1.5 is no rate"),
        ("recheck", "all", "not a rate"),
        ("salt", 3, "3 is no text; write it in quotes"),
        ("store", {"a": ['"']}, r'\{a = \["\\""\]\} is no text'),
        ("store", "a\0b", "no NUL"),
        ("store", "", "names no directory"),
        ("trusted_projects", "/a", '"/a" is no list of folders'),
        ("trusted_projects", [1], r"\[1\] is no list of folders"),
    ],
)
def test_a_value_of_a_file_that_means_nothing_is_refused(
    name: str, given: Any, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        SETTINGS[name].read_toml(given)


def test_a_value_is_shown_as_a_file_has_it() -> None:
    show = SETTINGS["store"].show
    assert [show(v) for v in (True, Mode.OFF, "a\\b", ("x",), 3, None)] == [
        "true", '"off"', '"a\\\\b"', '["x"]', "3", "none",
    ]  # fmt: skip


def test_a_name_that_is_none_leads_to_the_nearest_or_to_all() -> None:
    assert nearest("max-size", SETTINGS) == "did you mean 'max_size'?"
    assert nearest("zzz", ["a", "b"]) == "there are a, b"


def test_only_what_costs_time_at_most_is_harmless() -> None:
    harmless = {name for name, setting in SETTINGS.items() if setting.harmless is None}
    assert harmless == {
        *("cache_behavior", "mode", "salt", "directories", "recheck", "replay", "shared_leases"),
    }
    assert SETTINGS["shared_mode"].harmless == frozenset({SharedMode.READONLY})
    assert SETTINGS["image"].is_harmless(ImageIdentity.DIGEST)
    assert not SETTINGS["image"].is_harmless(ImageIdentity.NAME)
    for name in (
        *("store", "cache", "max_size", "memo", "report", "trusted_projects", "shared"),
        *("shared_timeout", "trusted_keys", "sign_with"),
    ):
        assert SETTINGS[name].harmless == frozenset()


def test_every_choice_has_its_words() -> None:
    for setting in SETTINGS.values():
        assert bool(setting.words) == (setting.kind is Kind.CHOICE)


def said(layer: Layer, value: Any) -> dict[str, Value]:
    return {"salt": Value(value, Origin(layer, layer.value))}


def test_without_a_word_the_default_holds() -> None:
    value = resolve([])["salt"]
    assert (value.value, str(value.origin)) == ("", "default")


def test_each_layer_wins_over_those_before_it_in_whatever_order_they_come() -> None:
    layers = [said(layer, layer.value) for layer in Layer]
    for highest in range(1, len(layers)):
        for order in (layers[: highest + 1], layers[: highest + 1][::-1]):
            assert resolve(order)["salt"].value == list(Layer)[highest].value


def test_the_order_of_the_layers() -> None:
    assert [layer.value for layer in Layer] == [
        "default", "user-file", "project-file", "store", "environment", "command-line",
    ]  # fmt: skip


def test_the_table_is_not_of_this_machine() -> None:
    assert str(Path.home()) not in " ".join(setting.help for setting in SETTINGS.values())
