"""Memo: joins what core decides with what the store holds."""

from cwl_memo.memo.claims import Unclaimed
from cwl_memo.memo.execution import Execution
from cwl_memo.memo.memo import Memo

__all__ = ["Execution", "Memo", "Unclaimed"]
