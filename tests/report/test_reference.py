"""The reference pages that are made from the program."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.main import verbs
from cwl_memo.core.outcome import MissCause, Reason
from cwl_memo.report.schema import report_schema

SCRIPT = Path(__file__).parents[2] / "docs" / "generate.py"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_reasons_has_every_reason_and_every_cause(generate: ModuleType) -> None:
    page = generate.pages()["reasons.md"]
    for reason in Reason:
        assert f"| `{reason.code}` | {reason.sentence} | {reason.remedy} |" in page
    for cause in MissCause:
        assert f"| `{cause.code}` | {cause.sentence} |" in page


def test_the_page_of_the_command_line_has_every_verb_and_the_options_of_run(
    generate: ModuleType,
) -> None:
    page = generate.pages()["cli.md"]
    for verb in verbs():
        assert f"\n## cwl-memo {verb.name}\n\n{verb.description}\n" in page
    assert "| `--memo-report FILE.json` |" in page
    assert "| `--sort when\\|seconds\\|size\\|tool\\|job\\|key` |" in page


def test_the_page_of_exit_codes_has_every_code(generate: ModuleType) -> None:
    page = generate.pages()["exit-codes.md"]
    for code in ExitCode:
        assert f"| {code.status} | {code.meaning} |" in page


def test_the_page_of_the_schema_has_every_property(generate: ModuleType) -> None:
    page = generate.pages()["report-schema.md"]
    schema = report_schema()
    for part in (schema, *schema["$defs"].values()):
        for name, described in part["properties"].items():
            assert f"| `{name}` |" in page
            assert f"| {described['description']} |" in page


def edit(page: Path) -> None:
    page.write_text("edited by hand")


@pytest.mark.parametrize("spoil", [edit, Path.unlink])
def test_a_page_that_is_out_of_date_is_named_and_written_anew(
    spoil: Callable[[Path], None],
    generate: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = tmp_path / "reasons.md"
    assert generate.main([], tmp_path) == 0
    assert generate.main(["--check"], tmp_path) == 0
    capsys.readouterr()
    spoil(page)
    assert generate.main(["--check"], tmp_path) == 1
    assert capsys.readouterr().out == f"out of date: {page}\n"
    assert generate.main([], tmp_path) == 0
    assert page.read_text() == generate.pages()["reasons.md"]
