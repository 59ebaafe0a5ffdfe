"""A runner that looks at a file and not at those that go with it."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from cwl_memo.cli.main import main
from cwl_memo.core.facts import JobFacts
from cwl_memo.core.fingerprint import Fingerprint, fingerprint
from cwl_memo.memo import Memo


def alone(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: alone(item) for key, item in value.items() if key != "secondaryFiles"}
    if isinstance(value, list):
        return [alone(item) for item in value]
    return value


def by_files_alone(_: Memo, facts: JobFacts) -> Fingerprint:
    return fingerprint(replace(facts, inputs=alone(facts.inputs)))


if __name__ == "__main__":
    with patch.object(Memo, "fingerprint", by_files_alone):
        sys.exit(main())
