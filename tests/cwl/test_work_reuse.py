"""Which WorkReuse is in force, as far as no run shows it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from cwl_memo.cwl.work_reuse import of_run

FORBIDS: dict[str, Any] = {"class": "WorkReuse", "enableReuse": False}
PERMITS: dict[str, Any] = {"class": "http://commonwl.org/cwltool#WorkReuse", "enableReuse": True}
SCRIPT: dict[str, Any] = {"class": "InlineJavascriptRequirement"}


def test_nothing_but_work_reuse_is_overruled() -> None:
    process = SimpleNamespace(requirements=[SCRIPT, PERMITS, FORBIDS])
    found = of_run(cast("Any", process))
    assert found is not None
    assert found.item == FORBIDS
    assert found.overruled == (PERMITS,)
