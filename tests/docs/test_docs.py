"""The documentation says what the program does."""

from __future__ import annotations

import argparse
import json
import re
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

import cwl_memo
from cwl_memo.core.outcome import MissCause, Reason
from cwl_memo.core.settings import Settings
from cwl_memo.cwl.arguments import add_memo_arguments
from tests.docs.pages import ROOT, files_of, pages, run_session, session_of, shown_lines

DOCS = ROOT / "docs"
README = ROOT / "README.md"
TUTORIAL = DOCS / "tutorial.md"

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_HOSTS = ("www.commonwl.org", "github.com", "keepachangelog.com", "semver.org", "toml.io")


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def anchors_of(page: Path) -> set[str]:
    """Return the anchors that MkDocs gives to the headings of a page."""
    headings = _HEADING.findall(
        re.sub(r"^```.*?^```$", "", text_of(page), flags=re.MULTILINE | re.DOTALL)
    )
    plain = (re.sub(r"[^\w\s-]", "", heading).strip().lower() for heading in headings)
    return {re.sub(r"[-\s]+", "-", heading) for heading in plain}


def options() -> list[argparse.Action]:
    parser = argparse.ArgumentParser(add_help=False)
    add_memo_arguments(parser)
    return parser._actions


# sessions


@pytest.mark.parametrize(
    "page",
    [
        README,
        DOCS / "how-to" / "settings-and-projects.md",
        pytest.param(TUTORIAL, marks=pytest.mark.slow),
        pytest.param(DOCS / "reference" / "api.md", marks=pytest.mark.slow),
        pytest.param(DOCS / "how-to" / "share-a-run.md", marks=pytest.mark.slow),
        pytest.param(DOCS / "how-to" / "provenance.md", marks=pytest.mark.slow),
        pytest.param(DOCS / "how-to" / "run-caches.md", marks=pytest.mark.slow),
        pytest.param(DOCS / "how-to" / "find-non-deterministic-tools.md", marks=pytest.mark.slow),
        pytest.param(DOCS / "how-to" / "look-at-a-run.md", marks=pytest.mark.slow),
        pytest.param(DOCS / "how-to" / "take-back-a-result.md", marks=pytest.mark.slow),
        pytest.param(DOCS / "how-to" / "free-space.md", marks=pytest.mark.slow),
        pytest.param(DOCS / "how-to" / "plan-a-run.md", marks=pytest.mark.slow),
        pytest.param(DOCS / "how-to" / "team-bucket.md", marks=pytest.mark.slow),
    ],
    ids=lambda page: page.stem,
)
def test_a_session_gives_what_its_page_shows(page: Path, tmp_path: Path) -> None:
    folder, programs = tmp_path / "words", tmp_path / "programs"
    folder.mkdir()
    programs.mkdir()
    for name, text in (files_of(TUTORIAL) | files_of(page)).items():
        (folder / name).write_text(text, encoding="utf-8")
    # The other pages begin where the tutorial has made its data.
    steps = ([] if page == TUTORIAL else session_of(TUTORIAL)[:1]) + session_of(page)
    assert len(steps) > 3
    answers = run_session(steps, folder, programs)
    assert len(answers) == len(steps)
    for step, (code, output) in zip(steps, answers, strict=True):
        assert code == 0, f"{step.command}: exit code {code}\n{output}"
        rest = iter(shown_lines(output))
        for shown in shown_lines("\n".join(step.shown)) if step.checked else []:
            # In the order of the page; what the page leaves out may stand between.
            assert shown in rest, f"{step.command}: {shown!r} is not in\n{output}"


def test_the_workflow_of_the_sessions_is_whole() -> None:
    assert {"split.cwl", "sort.cwl", "count.cwl", "words.cwl", "embed.py"} <= set(
        files_of(TUTORIAL)
    )


def test_the_readme_is_short_and_begins_with_the_two_commands() -> None:
    sentence, _, rest = text_of(README).partition("\n\n")
    assert sentence.count(".") == 1
    assert re.match(r"```\nmake demo .*\nmake test .*\n```\n", rest)
    assert len(text_of(README).splitlines()) <= 150


# nothing is left out


def test_every_outcome_has_its_section() -> None:
    codes = {item.code for kind in (MissCause, Reason) for item in kind}
    assert codes <= anchors_of(DOCS / "concepts" / "outcomes.md")
    extra = set(re.findall(r"^### (.+)$", text_of(DOCS / "concepts" / "outcomes.md"), re.MULTILINE))
    assert extra == codes


def test_every_outcome_is_listed_in_the_programs_own_words() -> None:
    listed = text_of(DOCS / "reference" / "reasons.md")
    for item in (*MissCause, *Reason):
        assert f"| `{item.code}` | {item.sentence} |" in listed


@pytest.mark.parametrize("page", ["cli.md", "settings.md"])
def test_every_memoization_option_is_in_the_reference(page: str) -> None:
    listed = text_of(DOCS / "reference" / page)
    for action in options():
        for option in action.option_strings:
            assert re.search(rf"^\|.*`{option}[ `]", listed, re.MULTILINE), option


def test_every_setting_is_listed_with_its_variable_and_default() -> None:
    rows = text_of(DOCS / "reference" / "settings.md").splitlines()
    for name, value in vars(Settings()).items():
        if name == "intermediate_files":
            continue  # a project's, which has no variable
        row = next(row for row in rows if f"| `{name}` |" in row)
        assert f"`CWL_MEMO_{name.upper()}`" in row
        shown = {"salt": "empty", "max_age": "empty", "max_size": "`20GB`"}.get(
            name, f"`{getattr(value, 'value', value)}`"
        )
        assert row.rstrip(" |").endswith(f"| {shown}")


def test_every_public_name_is_in_the_api_reference() -> None:
    listed = text_of(DOCS / "reference" / "api.md")
    for name in cwl_memo.__all__:
        assert name == "__version__" or re.search(rf"`{name}\b", listed), name


def test_the_generated_pages_are_those_of_the_program(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["generate.py", "--check"])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(DOCS / "generate.py"), run_name="__main__")
    assert end.value.code == 0, capsys.readouterr().out


# links


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(_CODE.sub("", text_of(page))):
        if link.startswith("https://"):
            assert link.split("/")[2] in _HOSTS, link
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.is_file(), link
        assert not anchor or anchor in anchors_of(target), link
        # What lies beside the pages is not part of the built site.
        assert DOCS not in page.parents or DOCS in target.parents, link


def test_the_site_has_every_page() -> None:
    def names(nav: Any) -> list[str]:
        if isinstance(nav, str):
            return [nav]
        items = nav.values() if isinstance(nav, dict) else nav
        return [name for item in items for name in names(item)]

    configuration = YAML(typ="safe").load(text_of(DOCS / "mkdocs" / "mkdocs.yml"))
    found = [str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")]
    assert sorted(names(configuration["nav"])) == sorted(found)


# the key


def test_the_page_of_the_key_names_the_fields_in_their_order() -> None:
    # How the page says that the key is made, tests/golden/independent tries out.
    names = re.search(
        r"exactly these ten members:\n\n(.+?)\n\n", text_of(DOCS / "reference/key.md"), re.DOTALL
    )
    vector = ROOT / "conformance/vectors/fingerprints/tool/bare/vector.json"
    assert names is not None
    fingerprint = json.loads(text_of(vector))["expected"]["fingerprint"]
    assert re.findall(r"`(\w+)`", names[1]) == list(fingerprint)
