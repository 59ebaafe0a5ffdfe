"""The types that a tool declares for its outputs."""

from __future__ import annotations

import logging
from typing import Any, Final

from cwl_memo.cwl.door import INPUT_OBJ_VOCAB, validate_ex
from cwl_memo.errors import FormatError

__all__ = ["check_declared"]

_SILENT: Final = logging.getLogger("cwl_memo.declared")
"""For what cwltool says of fields that nobody declared: an execution has said so."""
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False


def check_declared(names: Any, outputs: Any) -> None:
    """See that an output object has the types that its tool declares, by cwltool's own check.

    What cwltool collects has passed it; what an entry says may be anything.

    :param names: the schemas that cwltool has made of the tool.
    :raises FormatError: if it has not.
    """
    schema = names.get_name("outputs_record_schema", None)
    if not validate_ex(
        schema, outputs, strict=False, logger=_SILENT, vocab=INPUT_OBJ_VOCAB, raise_ex=False
    ):
        raise FormatError("not of the types that the tool declares", "output")
