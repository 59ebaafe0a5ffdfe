"""What setup.cfg and pyproject.toml promise."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]


def setup_cfg() -> ConfigParser:
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def required() -> set[str]:
    lines = setup_cfg()["options"]["install_requires"].splitlines()
    return {normal(re.split(r"[ <>=!~\[;]", line)[0]) for line in lines if line.strip()}


def imported(node: ast.AST) -> Iterator[str]:
    """Yield the top names of all that is imported when code runs and is not of Python itself."""
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    names = []
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        names = [node.module]
    for name in names:
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names and top != "cwl_memo":
            yield top
    for child in ast.iter_child_nodes(node):
        yield from imported(child)


def test_what_is_imported_is_required_and_nothing_else() -> None:
    owners = packages_distributions()
    modules = (ROOT / "cwl_memo").rglob("*.py")
    names = {name for path in modules for name in imported(ast.parse(path.read_bytes()))}
    found = {name: {normal(owner) for owner in owners.get(name, [name])} for name in names}
    missing = {name for name, distributions in found.items() if not distributions & required()}
    assert missing == set()
    assert required() - set().union(*found.values()) == set()


def test_the_tools_take_the_oldest_supported_python_as_theirs() -> None:
    oldest = setup_cfg()["options"]["python_requires"].removeprefix(">=")
    configuration = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'target-version = "py{oldest.replace(".", "")}"' in configuration
    assert f'python_version = "{oldest}"' in configuration
