"""What is known of a job once it has been executed."""

from __future__ import annotations

from dataclasses import dataclass

from cwl_memo.core.canonical import JSON
from cwl_memo.core.digest import Digest
from cwl_memo.core.entry import BlobRef, Origin
from cwl_memo.store.workspace import Workspace

__all__ = ["Execution"]


@dataclass(frozen=True)
class Execution:
    """What is known of a job once it has been executed.

    :param workspace: its working directory.
    :param output: the recorded output object.
    :param output_blobs: the blobs that the output object needs.
    :param exit_code: of the tool.
    :param origin: when, where and by what run.
    :param stdout: digest of the blob with the captured standard output, if any.
    :param stderr: the same for standard error.
    :param stdout_name: the file a redirected standard output went to.
    :param stderr_name: the same for standard error.
    :param after: the tombstones of the job's key that were known before it was executed.
    """

    workspace: Workspace
    output: JSON
    output_blobs: tuple[BlobRef, ...]
    exit_code: int
    origin: Origin
    stdout: BlobRef | None = None
    stderr: BlobRef | None = None
    stdout_name: str = ""
    stderr_name: str = ""
    after: tuple[Digest, ...] = ()
