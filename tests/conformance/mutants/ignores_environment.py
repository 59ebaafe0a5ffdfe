"""A runner that does not see the environment variables which a job is given."""

from __future__ import annotations

import sys
from dataclasses import replace
from unittest.mock import patch

from cwl_memo.cli.main import main
from cwl_memo.core.facts import JobFacts
from cwl_memo.core.fingerprint import Fingerprint, fingerprint
from cwl_memo.memo import Memo


def without_environment(_: Memo, facts: JobFacts) -> Fingerprint:
    others = {
        name: value for name, value in facts.requirements.items() if name != "EnvVarRequirement"
    }
    return fingerprint(replace(facts, requirements=others, environment={}))


if __name__ == "__main__":
    with patch.object(Memo, "fingerprint", without_environment):
        sys.exit(main())
