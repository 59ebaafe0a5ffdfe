"""``cwl-memo show``: one entry, whole."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from typing import Any, Final

from cwl_memo.cli.exit_codes import ExitCode, NothingMatchesError
from cwl_memo.cli.output import short_time, terminal_width, write_json, write_lines
from cwl_memo.cli.selection import SHORT_KEY, find_entry
from cwl_memo.cli.shared_opening import add_shared_argument, catalogue_to_search
from cwl_memo.cli.state import State, said
from cwl_memo.cli.verb import Verb
from cwl_memo.core.canonical import JSON
from cwl_memo.core.entry import Entry, Tree, TreeNode
from cwl_memo.core.explain import format_bytes, format_seconds
from cwl_memo.errors import StoreDamagedError, UsageError
from cwl_memo.report.table import Column, printable, table
from cwl_memo.store.catalogue import Catalogue, Signed
from cwl_memo.store.recorded import LOGS, read_log
from cwl_memo.store.tree_blob import read_tree

__all__ = ["VERB"]


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("key", metavar="KEY", help="a reuse key, or its first 6 digits or more")
    parser.add_argument(
        "--log", choices=LOGS, help="print what the job wrote there, byte for byte, and no more"
    )
    add_shared_argument(parser)


def _run(arguments: Namespace) -> int:
    if arguments.log and arguments.json:
        raise UsageError("--log prints a log as it is; leave out --json")
    with catalogue_to_search(arguments, readonly=True) as store:
        entry = find_entry(store, arguments.key)
        if arguments.log:
            _print_log(store, entry, arguments.log)
            return ExitCode.OK.status
        state = State.of(store, entry, store.pins().get(entry.key))
        tree = _workspace(store, entry)
        signer = store.signer(entry.key) if isinstance(store, Signed) else None
    if arguments.json:
        write_json({**_document(entry, tree, state), "signer": signer})
    else:
        write_lines(_text(entry, tree, state, signer))
    return ExitCode.OK.status


def _workspace(store: Catalogue, entry: Entry) -> Tree | None:
    """Return the tree of the workspace; None where it was not kept, or is gone."""
    if entry.tree is None:
        return None
    try:
        return read_tree(store, entry)
    except StoreDamagedError:
        return None


def _print_log(store: Catalogue, entry: Entry, log: str) -> None:
    found = read_log(store, entry, log)
    if found is None:
        raise NothingMatchesError(f"no {log} was recorded for {entry.key.hex[:SHORT_KEY]}")
    sys.stdout.flush()
    sys.stdout.buffer.write(found.data)


def _document(entry: Entry, tree: Tree | None, state: State) -> JSON:
    document: dict[str, Any] = entry.to_json()
    # The digest of the tree's blob says nothing to a reader; its nodes do.
    document["tree"] = None if tree is None else tree.to_json()["nodes"]
    document["size"] = entry.size
    return {**document, **state.to_json()}


def _text(entry: Entry, tree: Tree | None, state: State, signer: str | None) -> list[str]:
    origin = entry.origin
    ran = " ".join(part for part in (origin.runner, origin.host and f"on {origin.host}") if part)
    facts = {
        "key": entry.key.hex,
        "tool": origin.tool,
        "job": origin.job,
        "run": origin.run,
        "started": short_time(origin.started),
        "took": format_seconds(origin.seconds),
        "executed": f"by {ran}" if ran else "",
        "exit code": str(entry.exit_code),
        "size": format_bytes(entry.size),
        "state": state.sentence,
        "signed": "" if signer is None else f"by {signer}" if signer else "by nobody",
        "pinned": "" if state.pin is None else said(state.pin),
    }
    lines = [f"{name:<10} {printable(value)}" for name, value in facts.items() if value]
    for variant in entry.variants:
        lines += ["", "outputs", *_indented(variant.output)]
    lines += ["", *_workspace_text(tree)]
    short = entry.key.hex[:SHORT_KEY]
    lines += ["", f"logs: cwl-memo show {short} --log stdout, or --log stderr"]
    return [*lines, "", "fingerprint", *_indented(entry.fingerprint)]


def _indented(value: JSON) -> list[str]:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return [f"  {printable(line)}" for line in text.splitlines()]


def _workspace_text(tree: Tree | None) -> list[str]:
    if tree is None:
        return ["workspace: not kept"]
    columns = (Column("SIZE", right=True), Column("WORKSPACE", least=20))
    return table(columns, [_node_cells(node) for node in tree.nodes], terminal_width())


def _node_cells(node: TreeNode) -> list[str]:
    name = node.path + {"directory": "/", "input": " (input)"}.get(node.kind.value, "")
    if node.target:
        name += f" -> {node.target}"
    return [format_bytes(node.size) if node.digest is not None else "", name]


VERB: Final = Verb(
    name="show",
    summary="show one entry: its fingerprint, outputs, workspace and logs",
    description="Show everything that is recorded under a reuse key: the fields that the key "
    "was made of, the output object, the files of the workspace, the exit code, and where and "
    "when the job was executed.",
    examples=(
        ("cwl-memo show 3f9ac1", "the entry whose key begins so"),
        ("cwl-memo show 3f9ac1 --log stderr", "what the job wrote to its standard error"),
    ),
    add_arguments=_add_arguments,
    run=_run,
)
