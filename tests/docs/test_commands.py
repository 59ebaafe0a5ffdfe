"""Every command that a page prints outside of a session does what the page says of it."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from cwl_memo.core.signature import SigningKey
from cwl_memo.store.local import open_store
from cwl_memo.store.shared.opening import open_shared
from tests.docs.pages import ROOT, Step, pages, run_session

pytestmark = pytest.mark.slow

_FENCE: Final = re.compile(
    r"(?P<session><!-- session(?:: unchecked)? -->\n)?"
    r"^```(?P<kind>console|bash|)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_COMMAND: Final = re.compile(
    r"(?:cwl-memo(?!-toil|\.json)|export CWL_MEMO\w*=)(?!.*: error:)(?!\\n)"
)

TOOL: Final = """\
cwlVersion: v1.2
class: CommandLineTool
baseCommand: echo
inputs: {word: {type: string, inputBinding: {}}}
outputs: {said: stdout}
stdout: said.txt
"""
FILES: Final = {
    "align.cwl": TOOL,
    "workflow.cwl": """\
cwlVersion: v1.2
class: Workflow
inputs: {word: string}
outputs: {said: {type: File, outputSource: align/said}}
steps: {align: {run: align.cwl, in: {word: word}, out: [said]}}
""",
    "job.yml": "word: hello\n",
    "other.yml": "word: hello again\n",
    "words.cwl": TOOL.replace("echo", "cat").replace("word: {type: string", "text: {type: File"),
    "book.txt": "a book\n",
    "scan.cwl": TOOL.replace("echo", "cat").replace("word: {type: string", "text: {type: File"),
    "stamp.cwl": TOOL.replace("echo", "cat").replace("word: {type: string", "words: {type: File"),
    "dir.cwl": TOOL.replace("echo", "ls").replace(
        "word: {type: string", "folder: {type: Directory"
    ),
    "data/a": "one\n",
    "date.cwl": TOOL.replace("baseCommand", "hints: {WorkReuse: {enableReuse: false}}\nbaseCommand")
    .replace("echo", "date")
    .replace("{word: {type: string, inputBinding: {}}}", "[]"),
    "cwl-memo.toml": 'salt = "2026"\n',
    "my-runner": """\
#!/bin/sh
export CWL_MEMO_STORE="$2"
outdir="$4"
shift 4
exec cwl-memo run --outdir "$outdir" "$@"
""",
}
BEFORE: Final = (
    "cwl-memo run --memo-tag project=wheat workflow.cwl job.yml",
    "cwl-memo run workflow.cwl other.yml",
    "cwl-memo run workflow.cwl job.yml",
)
"""What a user of the commands has done before."""

_BEFORE_SOME: Final = (
    (r"cache (?!create)|--memo-cache ", "cwl-memo cache create nightly; cwl-memo cache create dev"),
    (r"project (?!create)", "cwl-memo project create genomes"),
    (r"unpin ", "cwl-memo pin --run latest; cwl-memo pin --run -2"),
    (r"import ", "cwl-memo export latest paper.tar.zst"),
    (r"key (?!new)|sign-with ", "cwl-memo key new laptop; cwl-memo key new lead"),
    (
        r"--vouch ",
        (
            "cwl-memo key new laptop; mkdir -p .config/cwl-memo; "
            "echo 'sign_with = \"laptop\"' >> .config/cwl-memo/settings.toml"
        ),
    ),
    (r"--distrust (\S+)", r"cwl-memo shared set URL --trust \1 --sign-with lead"),
    (r"--memo-store \.cwl-memo ", "cwl-memo run --memo-store .cwl-memo workflow.cwl other.yml"),
)
"""What some commands need that others must not find."""


_SIGNER: Final = SigningKey.from_seed(bytes(range(32)))
"""Who signed what is in the shared store of the pages."""


def commands() -> Iterator[tuple[str, str]]:
    """Yield each command of a page that is no session, with the name of the page."""
    others = [ROOT / "conformance" / "README.md"]
    for page in [*pages(), *others]:
        if page.name in ("CHANGELOG.md", "CONTRIBUTING.md"):
            continue
        for block in _FENCE.finditer(page.read_text(encoding="utf-8")):
            if block["session"]:
                continue
            for line in block["text"].replace("\\\n", " ").splitlines():
                command = line.removeprefix("$ ").strip()
                if _COMMAND.match(command):
                    yield str(page.relative_to(ROOT)), command


COMMANDS: Final = list(dict.fromkeys(commands()))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the commands of :data:`BEFORE` were typed."""
    home = tmp_path_factory.mktemp("reader") / "home"
    for name, text in FILES.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text, encoding="utf-8")
    (home / "my-runner").chmod(0o755)
    for code, output in typed(home, list(BEFORE)):
        assert code == 0, output
    _share(home)
    return home


def _share(home: Path) -> None:
    """Make the shared store of the pages: no test asks anything of the network."""
    store = open_store(home / ".cache/cwl-memo", readonly=True)
    shared = open_shared((home / "shared").as_uri(), sign_with=_SIGNER)
    try:
        for entry in filter(None, map(store.get_entry, store.keys())):
            shared.publish(entry, lambda digest: io.BytesIO(store.read_blob(digest)))
    finally:
        shared.close()
        store.close()


def typed(home: Path, lines: list[str]) -> list[tuple[int, str]]:
    """Type lines in a home; return exit code and output of each."""
    programs = home / "bin"
    programs.mkdir(exist_ok=True)
    if not (programs / "my-runner").exists():
        shutil.copy2(home / "my-runner", programs)
    with pytest.MonkeyPatch.context() as patched:
        for name in [name for name in os.environ if name.startswith(("CWL_MEMO", "XDG_"))]:
            patched.delenv(name)
        patched.setenv("HOME", str(home))
        return run_session([Step(line, [], checked=False) for line in lines], home, programs)


def as_typed(command: str, key: str, home: Path) -> str:
    """Return a command with the reader's own names in the place of those of the page."""
    command = re.sub(r"\s#.*$", "", command)
    command = re.sub(r"\b(?:3f9ac1|4283dbcd1230)\b", key[:12], command)
    command = command.replace("/data/memo", ".cache/cwl-memo").replace(" RUNNER", " cwl-memo")
    shared = (home / "shared").as_uri()
    command = re.sub(r"s3://(?:lab|team)/memo\b|file:///shared/memo\b", shared, command)
    command = re.sub(r"ed25519:\S+|(?<=--signed-by )KEY|(?<=trust )KEY", _SIGNER.public, command)
    asks = re.match(r"cwl-memo (clear|invalidate)\b", command)
    if asks and "--dry-run" not in command and "--yes" not in command:
        command += " --yes"  # the answer to the question
    if command.startswith("cwl-memo conformance") and "--list" not in command:
        command += " --only miss-value-string"  # one case of hundreds
    # The shell is in the home, of which the disk that all machines see is a folder.
    return command.replace("file:///shared/team/cwl-memo", "file://$PWD/shared")


@pytest.mark.parametrize(("page", "command"), COMMANDS)
def test_a_printed_command_works(home: Path, tmp_path: Path, page: str, command: str) -> None:
    mine = tmp_path / "home"
    shutil.copytree(home, mine, symlinks=True)
    [(_, listed)] = typed(mine, ["cwl-memo ls --json"])
    key = json.loads(listed)["entries"][0]["key"]
    line = as_typed(command, key, mine)
    before = [
        found.expand(needed).replace("URL", (mine / "shared").as_uri())
        for pattern, needed in _BEFORE_SOME
        if (found := re.search(pattern, line))
    ]
    *_, (code, output) = typed(mine, [*before, line])
    # A plan and an audit answer by their status, and one page shows an error.
    expected = {0, 1} if re.match(r"cwl-memo (plan|audit)\b", line) else {0}
    assert code in ({2} if "--cachedir cache" in line else expected), f"{page}: {output}"


def test_no_page_is_passed_over() -> None:
    assert {"docs/reference/cli.md", "docs/index.md", "conformance/README.md"} <= {
        page for page, _ in COMMANDS
    }
    assert len(COMMANDS) > 50
