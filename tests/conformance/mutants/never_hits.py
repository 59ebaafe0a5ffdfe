"""A runner that records what jobs give and never finds it again."""

from __future__ import annotations

import sys
from unittest.mock import patch

from cwl_memo.cli.main import main
from cwl_memo.core.fingerprint import Fingerprint
from cwl_memo.core.outcome import Miss, MissCause
from cwl_memo.memo import Memo


def nothing(_memo: Memo, wanted: Fingerprint, _label: str) -> Miss:
    return Miss(wanted.key, MissCause.NO_ENTRY)


if __name__ == "__main__":
    with patch.object(Memo, "lookup", nothing):
        sys.exit(main())
