"""Fingerprints as the runner makes them: up to the lookup, without executing a job."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from cwltool import process

from cwl_memo.core.canonical import JSON
from cwl_memo.core.fingerprint import Fingerprint
from cwl_memo.core.outcome import Refusal
from cwl_memo.cwl.door import RuntimeContext, WorkflowException
from cwl_memo.cwl.runner import run
from cwl_memo.cwl.tool import MemoMixin

__all__ = ["PORTABLE", "Keyed", "fingerprint_of", "keyed"]

PORTABLE = ("--memo-image", "name", "--memo-host-tools", "name")
"""What is keyed by name is the same on every machine."""


@dataclass(frozen=True)
class Keyed:
    """What the first job of a run would be looked up by.

    :param outputs: the outputs section, of which the fingerprint has the digest.
    """

    fingerprint: Fingerprint
    outputs: JSON


def keyed(arguments: Sequence[str], environ: Mapping[str, str]) -> Keyed | Refusal:
    """Return what the first job of ``cwl-memo run ARGUMENTS`` would be looked up by.

    :param environ: the whole environment of the run.
    """
    found: list[Keyed | Refusal] = []

    def job(self: Any, job_order: Any, _: Any, context: RuntimeContext) -> Iterator[None]:
        attempt = self._judge(job_order, context.copy())
        refused: Refusal | None = attempt.refused
        found.append(refused or Keyed(attempt.wanted, attempt.gathered.facts.outputs))
        if found:
            raise WorkflowException("keyed, and that is all")
        yield

    with pytest.MonkeyPatch.context() as patch, mock.patch.dict(os.environ, environ, clear=True):
        patch.setattr(MemoMixin, "job", job)
        patch.setattr("cwltool.main.use_standard_schema", _keep_standard_schema)
        run(arguments, prog="cwl-memo", write_report=lambda _path, _record: None)
    assert found, "no job was reached: what was captured tells why"
    return found[0]


def _keep_standard_schema(version: str) -> None:
    """Have cwltool read its schema once, not for each run: nine tenths of the time."""
    if version in process.custom_schemas:
        process.use_standard_schema(version)


def fingerprint_of(document: Path, job: dict[str, Any], store: Path) -> Fingerprint:
    """Return the fingerprint of a tool's job, by names of programs and images.

    :param job: the input object; its locations are relative to the document.
    :param store: where a store may be made.
    """
    given = document.parent / "given.json"
    given.write_text(json.dumps(job))
    found = keyed([*PORTABLE, "--memo-store", str(store), str(document), str(given)], os.environ)
    assert isinstance(found, Keyed), found
    return found.fingerprint
