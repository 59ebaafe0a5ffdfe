"""Fingerprints of documents, without running them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cwltool.load_tool import load_tool
from cwltool.utils import normalizeFilesDirs

from cwl_memo import MemoryStore, Session, Settings
from cwl_memo.core.fingerprint import Fingerprint
from cwl_memo.core.settings import HostTools, ImageIdentity
from cwl_memo.cwl.facts import Gathered

__all__ = ["fingerprint_of"]

PORTABLE = Settings(image=ImageIdentity.NAME, host_tools=HostTools.NAME)
"""What is keyed by name is the same on every machine."""


def fingerprint_of(
    document: Path, job: dict[str, Any], *, settings: Settings = PORTABLE, toplevel: bool = True
) -> Fingerprint:
    """Return the fingerprint that a job would be looked up by."""
    with Session(MemoryStore(), settings) as session:
        tool: Any = load_tool(str(document), session.loading_context())
        context = session.runtime_context()
        context.basedir = str(document.parent)
        context.toplevel = toplevel
        context.use_container = "DockerRequirement" in document.read_text()
        order = json.loads(
            json.dumps(job).replace('"location": "', f'"location": "{document.parent.as_uri()}/')
        )
        normalizeFilesDirs(order)
        traits = tool.memo_facts.traits(order, context)
        gathered = tool.memo_facts.gather(traits, order, context)
        assert isinstance(gathered, Gathered), gathered
        return session.memo.fingerprint(gathered.facts)
