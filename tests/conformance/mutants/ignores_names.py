"""A runner that takes two files of one content for one file, whatever they are called."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from cwl_memo.cli.main import main
from cwl_memo.core.facts import JobFacts
from cwl_memo.core.fingerprint import Fingerprint, fingerprint
from cwl_memo.memo import Memo


def without_names(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_names(item) for key, item in value.items() if key != "basename"}
    if isinstance(value, list):
        return [without_names(item) for item in value]
    return value


def by_content_alone(_: Memo, facts: JobFacts) -> Fingerprint:
    return fingerprint(replace(facts, inputs=without_names(facts.inputs)))


if __name__ == "__main__":
    with patch.object(Memo, "fingerprint", by_content_alone):
        sys.exit(main())
