"""The input object as plain dicts and lists.

cwltool reads it with ruamel.yaml, whose lists copy the table of their line numbers once for
each element whenever they are copied: a scatter of N jobs costs N squared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cwl_memo.cwl.door import Process, RuntimeContext
from cwl_memo.cwl.surroundings import without_directories

__all__ = ["as_plain", "check_input_object"]


def as_plain(value: Any) -> Any:
    """Return a CWL value without the line numbers of its lists, objects and quoted texts.

    Its numbers are what they were: one remembers how it was written, which a command line shows.
    """
    if isinstance(value, Mapping):
        return {as_plain(name): as_plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [as_plain(item) for item in value]
    # A quoted text remembers its quotes, and is copied as an object.
    return str(value) if isinstance(value, str) else value


def check_input_object(process: Process, job_order: Any, context: RuntimeContext) -> None:
    """See that an input object suits a process, making no directory for its job.

    :raises ValidationException: what cwltool says of it if not.
    :raises WorkflowException: the same.
    """
    context = without_directories(context)
    context.toplevel = True  # it looks for secondaryFiles then
    process._init_job(job_order, context)  # noqa: SLF001
