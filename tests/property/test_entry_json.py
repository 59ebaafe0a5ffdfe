"""Entries and trees survive being written and read."""

from __future__ import annotations

import contextlib
import json

from hypothesis import given
from hypothesis import strategies as st

from cwl_memo.core.canonical import canonical_bytes
from cwl_memo.core.digest import Digest, ReuseKey
from cwl_memo.core.entry import BlobRef, Entry, NodeKind, Origin, OutputVariant, Tree, TreeNode
from cwl_memo.core.mode import Mode
from cwl_memo.errors import FormatError

hexadecimal = st.binary(min_size=32, max_size=32).map(bytes.hex)
digests = st.builds(Digest, hexadecimal)
sizes = st.integers(0, 1 << 62)
modes = st.builds(Mode, st.booleans(), st.none() | st.integers(0, 0o777))
blobs = st.lists(st.builds(BlobRef, digests, sizes), max_size=3).map(tuple)
# As a name of a file arrives in Python: surrogates stand for bytes that are not UTF-8.
texts = st.text(st.characters(exclude_categories=[]), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
objects = st.dictionaries(texts, values, max_size=3)

names = st.text(
    st.characters(exclude_categories=[], exclude_characters="/\0"), min_size=1, max_size=4
).filter(lambda name: name not in (".", ".."))

entries = st.builds(
    Entry,
    key=st.builds(ReuseKey, hexadecimal),
    fingerprint=objects,
    variants=st.lists(st.builds(OutputVariant, digests, objects, blobs), max_size=2).map(tuple),
    exit_code=st.integers(),
    tree=st.none() | digests,
    stdout=st.none() | digests,
    stderr=st.none() | digests,
    blobs=blobs,
    origin=st.builds(
        Origin, texts, texts, texts, texts, st.floats(0, 1e9), host=texts, runner=texts
    ),
    stdout_name=texts,
    stderr_name=texts,
    after=st.lists(digests, max_size=2).map(tuple),
    keep_until=st.none() | sizes,
)


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """Trees whose leaves stand in directories of their own, so that nothing collides."""
    nodes = []
    for number in range(draw(st.integers(0, 4))):
        parents = [str(number), *draw(st.lists(names, max_size=2))]
        path = "/".join([*parents, draw(names)])
        kind = draw(st.sampled_from(NodeKind))
        if kind in (NodeKind.FILE, NodeKind.INPUT):
            node = TreeNode(path, kind, draw(digests), draw(sizes), draw(modes))
        elif kind is NodeKind.SYMLINK:
            climbs = [".."] * draw(st.integers(0, len(parents)))
            node = TreeNode(path, kind, target="/".join([*climbs, draw(names)]))
        else:
            node = TreeNode(path, kind, mode=draw(modes))
        nodes.append(node)
    return Tree(tuple(nodes), partial=draw(st.booleans()))


@given(entries)
def test_an_entry_is_read_as_it_was_written(entry: Entry) -> None:
    assert Entry.from_json(entry.to_json()) == entry
    written = canonical_bytes(entry.to_json()).decode("utf-8", "surrogatepass")
    assert Entry.from_json(json.loads(written)) == entry


@given(trees())
def test_a_tree_is_read_as_it_was_written(tree: Tree) -> None:
    assert Tree.from_json(tree.to_json()) == tree
    written = canonical_bytes(tree.to_json()).decode("utf-8", "surrogatepass")
    assert Tree.from_json(json.loads(written)) == tree
    for node in tree.nodes:
        assert tree.find(node.path) == node


@given(entries, st.data())
def test_whatever_stands_in_a_field_the_entry_is_read_or_refused(
    entry: Entry, data: st.DataObject
) -> None:
    written = entry.to_json()
    place = data.draw(st.sampled_from([written, written["origin"], *written["variants"]]))
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(values)
    # Any other error would end a run.
    with contextlib.suppress(FormatError):
        Entry.from_json(written)


@given(trees(), st.data())
def test_whatever_stands_in_a_node_the_tree_is_read_or_refused(
    tree: Tree, data: st.DataObject
) -> None:
    written = tree.to_json()
    place = data.draw(st.sampled_from([written, *written["nodes"]]))
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(values)
    with contextlib.suppress(FormatError):
        Tree.from_json(written)
