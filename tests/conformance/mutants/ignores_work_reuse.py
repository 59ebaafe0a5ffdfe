"""A runner that reuses jobs whether the document allows it or not."""

from __future__ import annotations

import sys
from unittest.mock import patch

from cwl_memo.cli.main import main
from cwl_memo.core import policy

if __name__ == "__main__":
    with patch.object(policy, "refusal", lambda _traits, _settings: None):
        sys.exit(main())
