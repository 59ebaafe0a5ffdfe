"""A user with a home directory, and a project to work in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cwl_memo.core.setting import Value
from cwl_memo.settings.load import LoadedSettings, load_settings


class Desk:
    """Where a user works: a home, a project, and the directory in it where they are."""

    def __init__(self, home: Path, project: Path) -> None:
        self.home = home
        self.user_file = home / ".config" / "cwl-memo" / "settings.toml"
        self.project = project
        self.project_file = project / "cwl-memo.toml"
        self.here = project / "deep" / "below"
        self.here.mkdir(parents=True)

    def user_says(self, *lines: str) -> None:
        self.user_file.parent.mkdir(parents=True, exist_ok=True)
        self.user_file.write_text("\n".join(lines) + "\n")

    def project_says(self, *lines: str) -> None:
        self.project_file.write_text("\n".join(lines) + "\n")

    def trust(self) -> None:
        self.user_says(f'trusted_projects = ["{self.project.parent}"]')

    def load(self, environ: dict[str, str] | None = None, **choices: object) -> LoadedSettings:
        variables = {"HOME": str(self.home), **(environ or {})}
        return load_settings(directory=self.here, environ=variables, choices=choices)

    def value(self, name: str) -> Value:
        return self.load().values[name]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk with nothing on it."""
    home = Path(os.environ["HOME"])
    return Desk(home, tmp_path / "work" / "project")
