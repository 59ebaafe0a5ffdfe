"""The effective requirements and hints of a tool, and which of them bear on a job."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from cwl_memo.core.canonical import JSON
from cwl_memo.cwl.document import by_content
from cwl_memo.cwl.door import supportedProcessRequirements

__all__ = ["CUDA", "MPI", "SECRETS", "WORK_REUSE", "effective", "find", "lasting"]

_CWLTOOL: Final = "http://commonwl.org/cwltool#"
CUDA: Final = f"{_CWLTOOL}CUDARequirement"
MPI: Final = f"{_CWLTOOL}MPIRequirement"
SECRETS: Final = f"{_CWLTOOL}Secrets"

WORK_REUSE: Final = (
    "WorkReuse",
    f"{_CWLTOOL}WorkReuse",
    "http://arvados.org/cwl#ReuseRequirement",
)
"""CWL's own name (v1.1 and later) and the two extensions that v1.0 had for it.

cwltool rewrites the extensions in documents, but not in ``cwltool:overrides`` nor in
``cwl:requirements``; they are honoured wherever they stand.
"""

_ELSEWHERE: Final = frozenset(
    {
        "DockerRequirement",  # field image; dockerOutputDirectory is taken from it
        "InlineJavascriptRequirement",  # only as far as expressions exist
        "SchemaDefRequirement",  # types are written out where they are used
        "SoftwareRequirement",  # only with a resolver
        "ResourceRequirement",  # field runtime
        "NetworkAccess",  # only with a container: nothing else enforces it
        "LoadListingRequirement",  # only where a listing can be seen
        SECRETS,
        *WORK_REUSE,
    }
)

_NO_BEARING: Final = frozenset(
    {
        "ScatterFeatureRequirement",
        "SubworkflowFeatureRequirement",
        "MultipleInputFeatureRequirement",
        "StepInputExpressionRequirement",
        "InplaceUpdateRequirement",  # refused where it is on; off, it changes nothing
        # cwltool acts on the CWL names alone; in a v1.0 document it rewrites these.
        f"{_CWLTOOL}TimeLimit",
        f"{_CWLTOOL}NetworkAccess",
        f"{_CWLTOOL}LoadListingRequirement",
        f"{_CWLTOOL}InplaceUpdateRequirement",
        f"{_CWLTOOL}Loop",
        f"{_CWLTOOL}ProcessGenerator",
    }
)


def effective(
    requirements: Iterable[Mapping[str, Any]], hints: Iterable[Mapping[str, Any]]
) -> dict[str, Mapping[str, Any]]:
    """Return the requirement or hint of each class that cwltool acts on.

    The most specific comes last in either list; requirements override hints (CWL v1.2
    Workflow, section 4.6.4).
    """
    result: dict[str, Mapping[str, Any]] = {}
    for item in [*reversed(list(requirements)), *reversed(list(hints))]:
        result.setdefault(str(item["class"]), item)
    return result


def find(
    names: Iterable[str],
    requirements: Iterable[Mapping[str, Any]],
    hints: Iterable[Mapping[str, Any]],
) -> Mapping[str, Any] | None:
    """Return the most specific requirement, else hint, that has one of the names."""
    wanted = frozenset(names)
    both = (*reversed(list(requirements)), *reversed(list(hints)))
    return next((item for item in both if _class_of(item) in wanted), None)


def _class_of(item: Mapping[str, Any]) -> str:
    """Return the class that was meant.

    cwltool reads ``cwltool:overrides`` with the words of CWL v1.0 only, and takes a class
    that is newer for a file beside the document.
    """
    name = str(item["class"])
    return name.rpartition("/")[2] if name.startswith("file://") and "#" not in name else name


def lasting(
    found: Mapping[str, Mapping[str, Any]], file_facts: Callable[[Any], JSON]
) -> dict[str, JSON]:
    """Return the requirements that bear on what every job of a tool does, by class.

    Files that the document itself names in them count by content (``file_facts``).
    A class that this version of cwl-memo has never heard of, but cwltool acts on, is
    kept whole: better a needless miss than a wrong hit.
    """
    result: dict[str, JSON] = {}
    for name, item in found.items():
        if name in _NO_BEARING or name in _ELSEWHERE:
            continue
        if name not in supportedProcessRequirements:
            continue
        fields = {
            field: by_content(value, file_facts)
            for field, value in item.items()
            if field != "class" and value is not None
        }
        if name == "EnvVarRequirement":
            fields = {"envDef": {d["envName"]: d["envValue"] for d in fields["envDef"]}}
        if name == "ToolTimeLimit" and fields.get("timelimit") == 0:
            continue  # zero means no limit
        result[name] = fields
    return result
