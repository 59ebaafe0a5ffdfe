"""The surface of cwltool that cwl-memo stands on, name by name.

What fails here with a new release of cwltool has to be looked at before the range in
``setup.cfg`` may be widened.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from typing import Any

import pytest

from cwl_memo import cwl
from cwl_memo.cwl import door


def parameters(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)


SIGNATURES: list[tuple[Callable[..., Any], list[str]]] = [
    (door.CommandLineTool.job, ["self", "job_order", "output_callbacks", "runtimeContext"]),
    (
        door.CommandLineTool.collect_output_ports,
        ["self", "ports", "builder", "outdir", "rcode", "compute_checksum", "jobname", "readers"],
    ),
    (door.CommandLineTool.make_job_runner, ["self", "runtimeContext"]),
    (door.Process._init_job, ["self", "joborder", "runtime_context"]),
    (door.Process.get_requirement, ["self", "feature"]),
    (door.default_make_tool, ["toolpath_object", "loadingContext"]),
    (door.StdFsAccess.open, ["self", "fn", "mode"]),
    (door.StdFsAccess.exists, ["self", "fn"]),
    (door.StdFsAccess.isfile, ["self", "fn"]),
    (door.StdFsAccess.size, ["self", "fn"]),
    (door.StdFsAccess.realpath, ["self", "path"]),
    (door.abspath, ["src", "basedir"]),
    (
        door.SingleJobExecutor.run_jobs,
        ["self", "process", "job_order_object", "logger", "runtime_context"],
    ),
    (
        door.MultithreadedJobExecutor.run_jobs,
        ["self", "process", "job_order_object", "logger", "runtime_context"],
    ),
    (door.terminate_processes, []),
    (door.MultithreadedJobExecutor.select_resources, ["self", "request", "runtime_context"]),
    (
        door.ExpressionJob,
        ["builder", "script", "output_callback", "requirements", "hints", "outdir", "tmpdir"],
    ),
    (door.ExpressionJob.run, ["self", "runtimeContext", "tmpdir_lock"]),
    (door.check_adjust, ["accept_re", "builder", "file_o"]),
    (door.visit_class, ["rec", "cls", "op"]),
    (door.shortname, ["inputid"]),
    (door.scanner, ["scan"]),
    (door.uri_file_path, ["url"]),
    (door.arg_parser, []),
    (door.versionstring, []),
    (door.downloadHttpFile, ["httpurl"]),
    (door.SecretStore.has_secret, ["self", "value"]),
    (
        door.ProvenanceProfile.evaluate,
        ["self", "process", "job", "job_order_object", "research_obj"],
    ),
    (
        door.ProvenanceProfile.start_process,
        ["self", "process_name", "when", "process_run_id"],
    ),
    (door.ProvenanceProfile.declare_artefact, ["self", "value"]),
    (door.ProvenanceProfile.used_artefacts, ["self", "job_order", "process_run_id", "name"]),
]


@pytest.mark.parametrize(
    ("function", "expected"), SIGNATURES, ids=[f.__qualname__ for f, _ in SIGNATURES]
)
def test_signature_is_the_one_used(function: Callable[..., Any], expected: list[str]) -> None:
    assert parameters(function) == expected


def test_make_path_mapper_may_be_static_or_not() -> None:
    # Static until 2026, a method since; called through the instance it is the same.
    found = parameters(door.CommandLineTool.make_path_mapper)
    assert [name for name in found if name != "self"] == [
        "reffiles",
        "stagedir",
        "runtimeContext",
        "separateDirs",
    ]


@pytest.mark.parametrize(
    "name",
    ["argsl", "args", "executor", "loadingContext", "runtimeContext", "stdout", "stderr"],
)
def test_main_takes_what_it_is_handed(name: str) -> None:
    assert name in parameters(door.cwltool_main)


@pytest.mark.parametrize(
    "name",
    [
        "basedir",
        "compute_checksum",
        "default_container",
        "default_stderr",
        "default_stdout",
        "force_docker_pull",
        "job_script_provider",
        "log_dir",
        "make_fs_access",
        "move_outputs",
        "mpi_config",
        "mutation_manager",
        "name",
        "outdir",
        "podman",
        "preserve_environment",
        "preserve_entire_environment",
        "research_obj",
        "secret_store",
        "select_resources",
        "set_log_dir",
        "singularity",
        "stagedir",
        "tmpdir",
        "toplevel",
        "use_container",
        "user_space_docker_cmd",
        "validate_only",
    ],
)
def test_runtime_context_has_what_is_read_of_it(name: str) -> None:
    assert hasattr(door.RuntimeContext(), name)


@pytest.mark.parametrize(
    "name",
    [
        "collect_outputs",
        "generatemapper",
        "joborder",
        "pathmapper",
        "stagedir",
        "stdout",
        "stderr",
        "successCodes",
        "temporaryFailCodes",
        "permanentFailCodes",
        "builder",
        "name",
        "outdir",
    ],
)
def test_jobs_are_given_what_is_read_of_them(name: str) -> None:
    source = inspect.getsource(door.JobBase.__init__) + inspect.getsource(door.JobBase)
    assert f"self.{name}" in source


def test_executors_gather_directories_and_outputs() -> None:
    executor = door.SingleJobExecutor()
    assert executor.output_dirs == set()
    assert executor.final_output == []
    assert executor.final_status == []


def subclassed() -> set[type]:
    """Return the classes of cwltool's that cwl-memo derives classes from."""
    modules = [
        importlib.import_module(f"{cwl.__name__}.{found.name}")
        for found in pkgutil.iter_modules(cwl.__path__)
    ]
    return {
        base
        for module in modules
        for derived in vars(module).values()
        if isinstance(derived, type) and derived.__module__ == module.__name__
        for base in derived.__bases__
        if base.__module__.startswith("cwltool.")
    }


def test_classes_are_derived_only_from_those_that_allow_it_when_compiled() -> None:
    assert subclassed()
    for base in subclassed() - {door.StdFsAccess}:  # whose module is not compiled
        source = inspect.getsource(base)
        assert source.startswith("@mypyc_attr(allow_interpreted_subclasses=True)"), base


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (door.WorkflowJob, "receive_output"),
        (door.WorkflowStep, "receive_output"),
        (door.ReceiveScatterOutput, "receive_scatter_output"),
        (door.WorkflowJobLoopStep, "loop_callback"),
    ],
)
def test_steps_are_told_of_outputs_by_methods_of_their_own(kind: type, name: str) -> None:
    # The callback that a job is given is a partial of these, from which its place is read.
    assert hasattr(kind, name)


def test_a_step_of_a_running_workflow_tells_how_far_it_is() -> None:
    module = importlib.import_module("cwltool.workflow_job")
    source = inspect.getsource(module.WorkflowJobStep) + inspect.getsource(door.WorkflowJob)
    for name in ("submitted", "completed", "step", "steps", "state", "tool", "id"):
        assert f"self.{name}" in source
    source = inspect.getsource(door.ReceiveScatterOutput)
    assert "self.output_callback" in source


def test_loading_contexts_have_the_factory() -> None:
    assert hasattr(door.LoadingContext(), "construct_tool_object")


def test_file_names_are_checked_strictly_or_not_at_all() -> None:
    strict, relaxed = door.PathCheckingMode.STRICT, door.PathCheckingMode.RELAXED
    assert strict.value.match("a.txt")
    assert not strict.value.match("a b.txt")
    assert relaxed.value.match("a b.txt")


def test_every_name_of_the_door_is_used_and_exported() -> None:
    assert set(door.__all__) <= set(dir(door))
