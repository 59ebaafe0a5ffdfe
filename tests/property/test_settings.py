"""Whoever says what: the highest layer that says anything wins."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cwl_memo.core.project import ProjectRules, StoreProject, bind
from cwl_memo.core.setting import SETTINGS, Layer, Origin, Value, resolve
from cwl_memo.core.settings import IntermediateFiles, Retention

words = st.text(max_size=3)
layers = st.dictionaries(
    st.sampled_from([layer for layer in Layer if layer is not Layer.DEFAULT]),
    st.dictionaries(st.sampled_from(list(SETTINGS)), words),
)
kept = st.just(IntermediateFiles()) | st.builds(
    IntermediateFiles, st.just(Retention.LIMITED), st.integers(1, 120)
)


@given(layers, st.randoms())
def test_the_highest_layer_that_says_anything_wins(
    said: dict[Layer, dict[str, str]], chance: Any
) -> None:
    given_layers = [
        {name: Value(text, Origin(layer, layer.value)) for name, text in values.items()}
        for layer, values in said.items()
    ]
    chance.shuffle(given_layers)
    result = resolve(given_layers)
    assert list(result) == list(SETTINGS)
    for name, setting in SETTINGS.items():
        saying = [layer for layer in Layer if name in said.get(layer, {})]
        expected = said[saying[-1]][name] if saying else setting.default
        assert result[name].value == expected
        assert result[name].origin.layer is (saying[-1] if saying else Layer.DEFAULT)


def hours(files: IntermediateFiles) -> float:
    return files.duration_hours or float("inf")


@given(
    st.builds(ProjectRules, st.just("p"), st.none() | st.booleans(), st.none() | kept),
    st.builds(StoreProject, st.just("p"), st.just(("ada",)), st.booleans(), kept),
)
def test_nothing_that_holds_is_looser_than_the_file_or_the_store(
    said: ProjectRules, store: StoreProject
) -> None:
    bound = bind(said, store)
    held = bound.rules
    assert held.use_memoization is not None
    assert held.intermediate_files is not None
    assert not held.use_memoization or (store.use_memoization and said.use_memoization is not False)
    assert hours(held.intermediate_files) <= hours(store.intermediate_files)
    if said.intermediate_files is not None:
        assert hours(held.intermediate_files) <= hours(said.intermediate_files)
    assert (bound.loosened == ()) == (
        said.use_memoization in (None, held.use_memoization)
        and said.intermediate_files in (None, held.intermediate_files)
    )
