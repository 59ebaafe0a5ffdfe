"""What is known of a job before it is looked up, gathered outside and judged here."""

from __future__ import annotations

from dataclasses import dataclass, field

from cwl_memo.core.canonical import JSON

__all__ = ["JobFacts", "JobTraits"]


@dataclass(frozen=True)
class JobTraits:
    """What decides whether a job may be reused at all; cheap to gather.

    :param label: of the tool, stable across edits of it: ``align.cwl``, ``wf.cwl#main/align``.
    :param work_reuse: the effective, evaluated ``enableReuse``.
    :param inplace_update: the effective ``inplaceUpdate``.
    :param network: whether the tool may use the network.
    :param directory_inputs: where in the input object a Directory stands.
    :param directory_outputs: which outputs are declared to hold a Directory.
    :param nondeterministic: the expressions that call ``Math.random`` or read the clock.
    """

    label: str
    work_reuse: bool = True
    inplace_update: bool = False
    network: bool = False
    directory_inputs: tuple[str, ...] = ()
    directory_outputs: tuple[str, ...] = ()
    nondeterministic: tuple[str, ...] = ()


@dataclass(frozen=True)
class JobFacts:
    """Everything that decides a job's result, by field of the fingerprint.

    The fields are those of the fingerprint (see docs/concepts/reuse-key.md); each is
    JSON. ``outputs`` is kept apart: it decides what is collected, not what the tool does.
    """

    traits: JobTraits
    tool: JSON
    outputs: JSON
    requirements: JSON = field(default_factory=dict)
    inputs: JSON = field(default_factory=dict)
    cwl_version: str | None = None
    image: JSON = None
    host: JSON = field(default_factory=dict)
    runtime: JSON = field(default_factory=dict)
    environment: JSON = field(default_factory=dict)
    options: JSON = field(default_factory=dict)
