"""``cwl-memo-toil`` without the UDP port that Toil's leader opens on all addresses."""

from __future__ import annotations

import sys

from toil.realtimeLogger import RealtimeLogger

from cwl_memo.cli.toil import main

RealtimeLogger._startLeader = classmethod(lambda *_, **__: None)
RealtimeLogger._stopLeader = classmethod(lambda *_, **__: None)

if __name__ == "__main__":
    sys.exit(main())
