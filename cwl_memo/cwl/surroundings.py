"""What the runner, rather than the document, gives to a job."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from cwl_memo.core.canonical import JSON
from cwl_memo.core.digest import digest_of_bytes
from cwl_memo.cwl import requirement
from cwl_memo.cwl.document import plain
from cwl_memo.cwl.door import Builder, PathCheckingMode, RuntimeContext
from cwl_memo.cwl.expression import RESOURCES, ExpressionUse

__all__ = ["environment", "options", "output_rules", "resources", "without_directories"]


def without_directories(context: RuntimeContext, outdir: str = "/out") -> RuntimeContext:
    """Return a context in which cwltool looks at a job and makes no directory for it.

    :param outdir: where the job's outputs are, if they are anywhere.
    """
    context = context.copy()
    context.outdir, context.tmpdir, context.stagedir = outdir, "/tmp", "/stage"  # noqa: S108
    context.mutation_manager = None
    return context


def resources(builder: Builder | None, use: ExpressionUse) -> dict[str, JSON]:
    """Return the fields of ``runtime`` that expressions name, evaluated."""
    if builder is None or not use.resources:
        return {}
    return {
        name: plain(builder.resources[name])
        for name in RESOURCES
        if name in use.resources and name in builder.resources
    }


def output_rules(version: str, use: ExpressionUse) -> dict[str, JSON]:
    """Return the rules of collecting outputs that a version of CWL has for itself."""
    rules: dict[str, JSON] = {}
    if version.startswith("v1.3"):
        rules["undeclared"] = "discarded"
    if use.any and version == "v1.0":
        rules["exitCode"] = "absent"
    if use.versioned:
        rules["cwlVersion"] = version
    return rules


def environment(
    context: RuntimeContext, *uses: ExpressionUse, besides: tuple[str, ...] = ()
) -> dict[str, JSON]:
    """Return the variables let through to the tool, by digest.

    Digests, since among them may be passwords that are nobody's business.

    :param besides: how the names of variables begin that do not count among all of them.
    """
    names: set[str] = set()
    if context.preserve_entire_environment:
        names.update(name for name in os.environ if not name.startswith(besides))
    elif context.preserve_environment:
        names.update(context.preserve_environment)
    if any(use.locale for use in uses):
        names.update(("TZ", "LANG", "LC_ALL"))
    return {
        name: str(digest_of_bytes(os.environ[name].encode("utf-8", "surrogateescape")))
        for name in sorted(names)
        if name in os.environ and name not in ("_", "SHLVL") and not name.startswith("CWL_MEMO_")
    }


def options(
    context: RuntimeContext,
    found: Mapping[str, Any],
    inputs: Mapping[str, JSON],
    mode: PathCheckingMode,
    *,
    container: bool,
) -> dict[str, JSON]:
    """Return the runner's options that change what a job sees, where not default.

    :param found: the effective requirements, by class.
    :param inputs: the facts of the input object.
    :param mode: which file names are accepted.
    """
    given: dict[str, JSON] = {}
    if mode is PathCheckingMode.RELAXED:
        accepts = PathCheckingMode.STRICT.value.match
        if not all(map(accepts, _file_names(inputs))):
            # Without the option cwltool rejects the job, and no entry is to say otherwise.
            given["relax_path_checks"] = True
    if container:
        for name in (
            "custom_net",
            "no_read_only",
            "no_match_user",
            "strict_memory_limit",
            "strict_cpu_limit",
            "docker_outdir",
            "docker_tmpdir",
            "docker_stagedir",
        ):
            value = getattr(context, name, None)
            if value:
                given[name] = plain(value)
    if requirement.MPI in found:
        mpi = context.mpi_config
        given["mpi"] = {
            "runner": mpi.runner,
            "nproc_flag": mpi.nproc_flag,
            "default_nproc": mpi.default_nproc,
            "extra_flags": plain(mpi.extra_flags),
            "env_set": plain(mpi.env_set),
            "env_pass": sorted(mpi.env_pass),
            "env_pass_regex": sorted(mpi.env_pass_regex),
        }
    return given


def _file_names(facts: JSON) -> Iterator[str]:
    """Yield the names of all Files and Directories of an input object, by its facts."""
    if isinstance(facts, list):
        for item in facts:
            yield from _file_names(item)
    elif isinstance(facts, dict):
        if facts.get("class") in ("File", "Directory"):
            if "basename" in facts:
                yield str(facts["basename"])
            yield from _names_in_tree(facts.get("tree"))
        for item in facts.values():
            yield from _file_names(item)


def _names_in_tree(tree: JSON) -> Iterator[str]:
    # Names of facts come along; cwltool accepts them all.
    if isinstance(tree, dict):
        for name, item in tree.items():
            yield name
            yield from _names_in_tree(item)
