"""What becomes of a job: a hit, a miss or a refusal, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from cwl_memo.core.digest import Digest, ReuseKey
from cwl_memo.core.entry import Entry, OutputVariant

__all__ = ["Hit", "Miss", "MissCause", "Outcome", "Reason", "Refusal"]


class Reason(Enum):
    """Why a job may not be reused, or its result not be recorded.

    Each member has a stable ``code``, one ``sentence`` and one ``remedy``; the page of
    reasons in the documentation and the counters are made from here.
    """

    WORK_REUSE_OFF = (
        "work-reuse-off",
        "The document switches reuse off with WorkReuse.",
        "Remove WorkReuse, or set enableReuse to true, if equal inputs do give equal results.",
    )
    DIRECTORY_INPUT = (
        "directory-input",
        "A Directory stands in the input object.",
        "Use --memo-directories content to key Directories by everything in them.",
    )
    DIRECTORY_OUTPUT = (
        "directory-output",
        "The tool declares or returned a Directory.",
        "Use --memo-directories content to record Directories with everything in them.",
    )
    INPLACE_UPDATE = (
        "inplace-update",
        "InplaceUpdateRequirement lets the tool change its inputs, which a hit would not do.",
        "Remove InplaceUpdateRequirement, or accept that this job runs each time.",
    )
    NETWORK_ACCESS = (
        "network-access",
        "The tool may use the network, and the settings refuse to reuse such jobs.",
        "Use --memo-network allow, or set NetworkAccess to false in the tool.",
    )
    IMAGE_NOT_PINNED = (
        "image-not-pinned",
        "The content of the container image could not be found out.",
        "Pull the image first, name it by digest (name@sha256:…), or use --memo-image name.",
    )
    NONDETERMINISTIC_EXPRESSION = (
        "nondeterministic-expression",
        "An expression of the tool calls Math.random or reads the clock.",
        "Pass the value in as an input, or accept that this job runs each time.",
    )
    SECRET_OUTPUT = (
        "secret-output",
        "A secret input would stand in the recorded files or logs.",
        "Keep the tool from writing the secret, or accept that this job runs each time.",
    )
    STREAM_INPUT = (
        "stream-input",
        "An input is a pipe or a device, whose content can be read only once.",
        "Give the input as a regular file.",
    )
    TURNED_OFF = (
        "turned-off",
        "Memoization is switched off for this run.",
        "Leave out --no-memo and --memo-mode off.",
    )
    INPUT_UNREADABLE = (
        "input-unreadable",
        "An input could not be read to find its digest.",
        "Check that the file exists and may be read.",
    )
    PROVENANCE_UNSUPPORTED = (
        "provenance-unsupported",
        "The provenance of a reused job cannot be written here.",
        "Run without --provenance, or a tool by itself without --parallel.",
    )
    FAILED = (
        "failed",
        "The job did not succeed; failures are not recorded.",
        "Mend the job and run again.",
    )
    OUTPUT_OUTSIDE_WORKSPACE = (
        "output-outside-workspace",
        "An output lies outside the job's working directory and is not one of its inputs.",
        "Have the tool write its outputs into its working directory.",
    )
    INPUT_NOT_IN_KEY = (
        "input-not-in-key",
        "The job was given a file that its input object and document do not name.",
        "Name the file as an input instead of making its location in an expression.",
    )
    INPUT_CHANGED_DURING_RUN = (
        "input-changed-during-run",
        "An input was changed while the job ran, so its result belongs to no one input.",
        "Keep inputs unchanged during a run, and run again.",
    )
    NOT_DETERMINISTIC = (
        "not-deterministic",
        "A job of the tool gave other outputs when it was executed again in this run.",
        "Add WorkReuse with enableReuse: false to the tool, or have it give the same bytes.",
    )
    INVALIDATED_DURING_RUN = (
        "invalidated-during-run",
        "The job's entry was invalidated after the job had begun.",
        "Run again; the job is then executed and recorded.",
    )
    TOO_LARGE = (
        "too-large",
        "The job's files are larger than the store may become.",
        "Raise --memo-max-size.",
    )
    STORE_READ_ONLY = (
        "store-read-only",
        "The store may be read but not written, or the run asked to record nothing.",
        "Give write permission, choose another --memo-store, or use --memo-mode readwrite.",
    )
    STORE_FAILED = (
        "store-failed",
        "The store failed while the job was looked up or recorded.",
        "See the warning in the log; 'cwl-memo verify' checks the store.",
    )

    def __init__(self, code: str, sentence: str, remedy: str) -> None:
        self.code = code
        self.sentence = sentence
        self.remedy = remedy

    @classmethod
    def of(cls, code: str) -> Reason:
        """Return the reason with a code.

        :raises KeyError: if there is none.
        """
        for reason in cls:
            if reason.code == code:
                return reason
        raise KeyError(code)


class MissCause(Enum):
    """Why a lookup that was allowed found nothing."""

    NO_ENTRY = ("no-entry", "no entry yet")
    CHANGED = ("changed", "changed since the last entry")
    INVALIDATED = ("invalidated", "its entry was invalidated")
    EVICTED = ("evicted", "its recorded files were evicted")
    DAMAGED = ("damaged", "its entry was damaged and has been set aside")
    LOST = ("lost", "a file of its entry was lost after the job had been answered")
    DIFFERED = (
        "differed",
        "its entry gave other outputs when it was executed again, and has been set aside",
    )
    OUTPUTS_CHANGED = (
        "outputs-changed",
        "the outputs section changed and cannot be collected anew",
    )
    RECACHE = ("recache", "recache was asked for")
    NO_STORE = ("no-store", "there is no store")
    STORE_FAILED = ("store-failed", "the store failed")

    def __init__(self, code: str, sentence: str) -> None:
        self.code = code
        self.sentence = sentence

    @classmethod
    def of(cls, code: str) -> MissCause:
        """Return the cause with a code.

        :raises KeyError: if there is none.
        """
        for cause in cls:
            if cause.code == code:
                return cause
        raise KeyError(code)


@dataclass(frozen=True)
class Hit:
    """An entry was found, and its blobs are there and sound.

    :param entry: the entry.
    :param variant: the recorded output object; None where the outputs section is
        another than those recorded, and outputs are to be collected anew from the
        recorded workspace.
    :param is_shared: whether the entry comes from the store behind the local one.
    """

    entry: Entry
    variant: OutputVariant | None
    is_shared: bool = False


@dataclass(frozen=True)
class Miss:
    """Nothing was found; the job is executed and recorded.

    :param key: the reuse key that was looked up.
    :param cause: why nothing was found.
    :param differs: the fields in which the nearest earlier entry of the tool differs.
    :param nearest: the key of that entry.
    :param detail: why the entry was invalidated, or by which clock it was evicted.
    :param after: the tombstones of the key that are known now.
    """

    key: ReuseKey
    cause: MissCause
    differs: tuple[str, ...] = ()
    nearest: ReuseKey | None = None
    detail: str = ""
    after: tuple[Digest, ...] = ()


@dataclass(frozen=True)
class Refusal:
    """Reuse is not allowed; the job is executed and not recorded.

    :param reason: the rule.
    :param detail: what it met, as ``inputs.reference``.
    """

    reason: Reason
    detail: str = ""


Outcome: TypeAlias = Hit | Miss | Refusal
