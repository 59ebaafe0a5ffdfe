"""What the leader's machine can say of a job that another machine would execute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cwl_memo.cwl.facts import Gathered

__all__ = ["holds_elsewhere", "sets_variables"]


def holds_elsewhere(gathered: Gathered) -> bool:
    """Tell whether a job's facts are the same on a machine that has other programs and images.

    A program is another machine's own, as is what its engine has by the name of an image;
    an image named by its digest is the same wherever it is.
    """
    facts = gathered.facts
    if facts.host or facts.environment:
        return False
    image = facts.image
    return not gathered.container or (isinstance(image, Mapping) and "digest" in image)


def sets_variables(inputs: Any) -> bool:
    """Tell whether Toil would set variables for a job because its input object says so.

    It looks for them everywhere in the object, just before it executes the job.
    """
    if isinstance(inputs, Mapping):
        return inputs.get("class") == "EnvVarRequirement" or any(
            map(sets_variables, inputs.values())
        )
    if isinstance(inputs, Sequence) and not isinstance(inputs, str):
        return any(map(sets_variables, inputs))
    return False
