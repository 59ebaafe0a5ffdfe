"""What setup.cfg and pyproject.toml promise."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
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


EXTRAS = ("bundles", "shared", "toil")
"""What a user may ask for beside the rest; the other extras are for those who work on it."""

OURS = {"cwl_memo", "cwl_memo_conformance"}
PYTHON = sys.stdlib_module_names | {"compression"}  # which is since 3.14
IF_THERE = {"boto3"}
"""Used where somebody has it, and asked of nobody."""


def distributions(lines: str) -> set[str]:
    return {
        normal(re.split(r"[ <>=!~\[;]", line)[0]) for line in lines.splitlines() if line.strip()
    }


def required() -> set[str]:
    return distributions(setup_cfg()["options"]["install_requires"])


def extra() -> set[str]:
    extras = setup_cfg()["options.extras_require"]
    return set().union(*(distributions(extras[name]) for name in EXTRAS))


def imported(node: ast.AST, *, lazily: bool = False) -> Iterator[tuple[str, bool]]:
    """Yield the top names of all that is imported when code runs and is not of Python itself.

    With each comes whether the module can be imported without it: the import is in a function,
    or says what is missing when it fails.
    """
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    for name in names_of(node):
        top = name.partition(".")[0]
        if top not in PYTHON | OURS:
            yield top, lazily
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        lazily = True
    guarded = set(node.body) if isinstance(node, ast.Try) and is_guard(node) else set()
    for child in ast.iter_child_nodes(node):
        yield from imported(child, lazily=lazily or child in guarded)


def is_guard(node: ast.Try) -> bool:
    return any("ImportError" in ast.unparse(h.type) for h in node.handlers if h.type is not None)


def names_of(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [node.module]
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
        return [
            a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)
        ]
    return []


def found_in(sources: Iterable[bytes]) -> dict[bool, dict[str, set[str]]]:
    """Return what is imported, with the distributions that it may be of.

    Under False what a module cannot do without, under True what comes later, if at all.
    """
    owners = packages_distributions()
    found: dict[bool, dict[str, set[str]]] = {False: {}, True: {}}
    for source in sources:
        for name, lazily in imported(ast.parse(source)):
            found[lazily][name] = {normal(owner) for owner in owners.get(name, [name])}
    return found


def modules() -> Iterable[bytes]:
    return (path.read_bytes() for path in (ROOT / "cwl_memo").rglob("*.py"))


def test_what_is_imported_is_required_and_nothing_else() -> None:
    found = found_in(modules())
    eager, lazy = found[False], found[True]
    assert {name for name, owners in eager.items() if not owners & required()} == set()
    allowed = required() | extra()
    assert {name for name, owners in lazy.items() if not owners & allowed} == IF_THERE
    assert required() - set().union(*eager.values(), *lazy.values()) == set()
    assert extra() - set().union(*lazy.values()) == set()


def test_an_import_counts_as_what_it_is() -> None:
    source = b"""
import one
from two.a import b
if TYPE_CHECKING:
    import three
class C:
    import four
    def f(self):
        import five
        importlib.import_module("six.a")
try:
    import seven
except ImportError as error:
    import eight
try:
    import nine
except ValueError:
    pass
"""
    found = found_in([source])
    assert set(found[False]) == {"one", "two", "four", "eight", "nine"}
    assert set(found[True]) == {"five", "six", "seven"}


def test_the_tools_take_the_oldest_supported_python_as_theirs() -> None:
    oldest = setup_cfg()["options"]["python_requires"].removeprefix(">=")
    configuration = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'target-version = "py{oldest.replace(".", "")}"' in configuration
    assert f'python_version = "{oldest}"' in configuration
