"""The rules by which reuse is refused, before anything is hashed."""

from __future__ import annotations

from cwl_memo.core.digest import digest_of_bytes
from cwl_memo.core.facts import JobTraits
from cwl_memo.core.outcome import Reason, Refusal
from cwl_memo.core.settings import Directories, Mode, Network, Settings

__all__ = ["is_rechecked", "may_lookup", "may_record", "refusal"]


def may_lookup(settings: Settings) -> bool:
    """Tell whether entries may be reused."""
    return settings.mode in (Mode.READWRITE, Mode.READONLY)


def may_record(settings: Settings) -> bool:
    """Tell whether entries may be recorded."""
    return settings.mode in (Mode.READWRITE, Mode.RECACHE)


def refusal(traits: JobTraits, settings: Settings) -> Refusal | None:
    """Return why a job may be neither looked up nor recorded, or None if it may.

    The document's own word comes first: CWL v1.2 CommandLineTool section 5.14
    (WorkReuse) and 5.13 (InplaceUpdateRequirement: "enabling this feature implies that
    WorkReuse should not be enabled").
    """
    if settings.mode is Mode.OFF:
        return Refusal(Reason.TURNED_OFF)
    if not traits.work_reuse:
        return Refusal(Reason.WORK_REUSE_OFF)
    if traits.inplace_update:
        return Refusal(Reason.INPLACE_UPDATE)
    if traits.network and settings.network is Network.REFUSE:
        return Refusal(Reason.NETWORK_ACCESS)
    if settings.directories is Directories.REFUSE:
        if traits.directory_inputs:
            return Refusal(Reason.DIRECTORY_INPUT, ", ".join(traits.directory_inputs))
        if traits.directory_outputs:
            return Refusal(Reason.DIRECTORY_OUTPUT, ", ".join(traits.directory_outputs))
    if traits.nondeterministic:
        return Refusal(Reason.NONDETERMINISTIC_EXPRESSION, traits.nondeterministic[0])
    return None


def is_rechecked(rate: float, run: str, job: str, key: str) -> bool:
    """Tell whether a hit is one of the sample that is executed again.

    Each hit is drawn by itself, and the draw can be made again from the run's record.

    :param rate: the part of the hits that is drawn, 0 to 1.
    :param run: id of the run.
    :param job: name of the job in it.
    :param key: the job's reuse key.
    """
    if not 0 < rate < 1:
        return rate >= 1
    drawn = digest_of_bytes(f"recheck\0{run}\0{job}\0{key}".encode("utf-8", "surrogatepass"))
    return int(drawn.hex[:12], 16) / 16**12 < rate
