"""What the tests of the driver share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.fakes import Fake, maker


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    """Makes a runner of what it is to do, a shell script; an honest one without that."""
    return maker(tmp_path)
