"""What runners have in common that overlook a part of their inputs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import patch

from cwl_memo.cli.main import main
from cwl_memo.core.facts import JobFacts
from cwl_memo.core.fingerprint import Fingerprint, fingerprint
from cwl_memo.memo import Memo


def run_blind_to(member: str) -> int:
    """Run cwl-memo with keys that do not see a member of the objects in the inputs."""

    def seen(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: seen(item) for name, item in value.items() if name != member}
        if isinstance(value, list):
            return [seen(item) for item in value]
        return value

    def half_blind(_: Memo, facts: JobFacts) -> Fingerprint:
        return fingerprint(replace(facts, inputs=seen(facts.inputs)))

    with patch.object(Memo, "fingerprint", half_blind):
        return main()
