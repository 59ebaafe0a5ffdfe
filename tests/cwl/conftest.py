"""Engines for the tests of images: scripts, and a real podman."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cwl.engines import Podman, Programs


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "podman: needs podman and busybox; made without network")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return Programs(tmp_path / "bin")


@pytest.fixture
def podman(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Podman]:
    for program in ("podman", "busybox"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (Debian: podman runc busybox-static)")
    if os.geteuid() == 0 and shutil.which("runc"):
        # Inside another container, root may have to do without raised limits and crun.
        conf = tmp_path / "containers.conf"
        limits = 'default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]'
        conf.write_text(f'[containers]\n{limits}\n[engine]\nruntime = "runc"\n')
        monkeypatch.setenv("CONTAINERS_CONF", str(conf))
    engine = Podman(tmp_path)
    try:
        engine.run("info")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"podman does not work here: {error.stderr.strip()[:300]}")
    yield engine
    engine.remove_all()
