"""A runner that always hits: what a tool gave first is what it gives ever after."""

from __future__ import annotations

import sys
from unittest.mock import patch

from cwl_memo.cli.main import main
from cwl_memo.core.facts import JobFacts
from cwl_memo.core.fingerprint import Fingerprint, fingerprint
from cwl_memo.memo import Memo


def by_name_of_the_tool(_: Memo, facts: JobFacts) -> Fingerprint:
    label = facts.traits.label
    return fingerprint(JobFacts(traits=facts.traits, tool=label, outputs=label))


if __name__ == "__main__":
    with patch.object(Memo, "fingerprint", by_name_of_the_tool):
        sys.exit(main())
