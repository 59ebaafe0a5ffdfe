"""Canonical bytes: one form for one value, another for any other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwl_memo.core.canonical import canonical_bytes, preimage
from cwl_memo.core.digest import digest_of_value

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=12,
)


def test_order_of_names_does_not_matter() -> None:
    assert canonical_bytes({"b": 1, "a": [2]}) == canonical_bytes({"a": [2], "b": 1})
    assert canonical_bytes({"b": 1, "a": [2]}) == b'{"a":[2],"b":1}'


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (1, True),
        (0, False),
        (0.0, -0.0),
        ("1", 1),
        (None, "null"),
        ([], {}),
        ([1, 2], [2, 1]),
        ("\u00e9", "e\u0301"),
        (["ab"], ["a", "b"]),
        ("\ud800", "\ufffd"),
    ],
)
def test_values_that_reach_a_tool_differently_differ(one: object, other: object) -> None:
    assert canonical_bytes(one) != canonical_bytes(other)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"bytes", {1, 2}])
def test_what_is_not_json_is_refused(value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        canonical_bytes(value)


@given(json_values, json_values)
def test_equal_bytes_mean_equal_values(one: object, other: object) -> None:
    """The bytes are injective: only what is the same value, of the same type, meets."""
    if canonical_bytes(one) == canonical_bytes(other):
        assert repr(_sorted(one)) == repr(_sorted(other))


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return [(name, _sorted(value[name])) for name in sorted(value)]
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def test_domains_and_versions_never_meet() -> None:
    assert preimage("a", 1, {}) != preimage("b", 1, {}) != preimage("b", 2, {})
    assert digest_of_value("reuse-key", {}) != digest_of_value("outputs-section", {})
