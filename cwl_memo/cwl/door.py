"""Every cwltool name that cwl-memo uses, imported in one place.

``tests/cwl/test_door.py`` asserts the signature of each; a release of cwltool that
changes one is noticed there and nowhere else.
"""

from __future__ import annotations

from pathlib import Path

import cwltool
import schema_salad
from cwl_utils.errors import SubstitutionError
from cwl_utils.expression import scanner
from cwltool import singularity as _singularity
from cwltool.argparser import arg_parser, get_default_args
from cwltool.builder import INPUT_OBJ_VOCAB, Builder
from cwltool.command_line_tool import (
    CommandLineTool,
    ExpressionJob,
    PathCheckingMode,
    check_adjust,
)
from cwltool.context import LoadingContext, RuntimeContext, getdefault
from cwltool.cwlprov.provenance_profile import ProvenanceProfile
from cwltool.errors import UnsupportedRequirement, WorkflowException
from cwltool.executors import JobExecutor, MultithreadedJobExecutor, SingleJobExecutor
from cwltool.job import CommandLineJob, JobBase
from cwltool.load_tool import jobloaderctx
from cwltool.main import _terminate_processes as terminate_processes
from cwltool.main import init_job_order, setup_schema
from cwltool.main import main as cwltool_main
from cwltool.main import run as cwltool_run
from cwltool.mutation import MutationManager
from cwltool.pathmapper import PathMapper
from cwltool.process import (
    SCHEMA_CACHE,
    Process,
    compute_checksums,
    get_schema,
    shortname,
    supportedProcessRequirements,
)
from cwltool.secrets import SecretStore
from cwltool.software_requirements import get_container_from_software_requirements
from cwltool.stdfsaccess import StdFsAccess, abspath
from cwltool.update import INTERNAL_VERSION, ORIGINAL_CWLVERSION
from cwltool.utils import downloadHttpFile, versionstring, visit_class
from cwltool.workflow import WorkflowStep, default_make_tool
from cwltool.workflow_job import ReceiveScatterOutput, WorkflowJob, WorkflowJobLoopStep
from rdflib.term import BNode
from ruamel.yaml.main import YAML
from ruamel.yaml.representer import RoundTripRepresenter
from ruamel.yaml.scalarfloat import ScalarFloat
from schema_salad import schema as salad_schema
from schema_salad.exceptions import ValidationException
from schema_salad.fetcher import DefaultFetcher
from schema_salad.ref_resolver import Loader, file_uri, uri_file_path
from schema_salad.sourceline import cmap
from schema_salad.validate import validate_ex

FINDS_FIRST_SIF = hasattr(_singularity, "SingularityImagePuller")
"""Whether this cwltool takes the first image file that fits; until 2026 it took the last."""

__all__ = [
    "FINDS_FIRST_SIF",
    "INPUT_OBJ_VOCAB",
    "INTERNAL_VERSION",
    "ORIGINAL_CWLVERSION",
    "SCHEMA_CACHE",
    "YAML",
    "BNode",
    "Builder",
    "CommandLineJob",
    "CommandLineTool",
    "DefaultFetcher",
    "ExpressionJob",
    "JobBase",
    "JobExecutor",
    "Loader",
    "LoadingContext",
    "MultithreadedJobExecutor",
    "MutationManager",
    "PathCheckingMode",
    "PathMapper",
    "Process",
    "ProvenanceProfile",
    "ReceiveScatterOutput",
    "RoundTripRepresenter",
    "RuntimeContext",
    "ScalarFloat",
    "SecretStore",
    "SingleJobExecutor",
    "StdFsAccess",
    "SubstitutionError",
    "UnsupportedRequirement",
    "ValidationException",
    "WorkflowException",
    "WorkflowJob",
    "WorkflowJobLoopStep",
    "WorkflowStep",
    "abspath",
    "arg_parser",
    "check_adjust",
    "cmap",
    "compute_checksums",
    "cwltool_main",
    "cwltool_run",
    "default_make_tool",
    "downloadHttpFile",
    "file_uri",
    "get_container_from_software_requirements",
    "get_default_args",
    "get_schema",
    "getdefault",
    "init_job_order",
    "jobloaderctx",
    "salad_schema",
    "scanner",
    "schema_sources",
    "setup_schema",
    "shortname",
    "supportedProcessRequirements",
    "terminate_processes",
    "uri_file_path",
    "validate_ex",
    "versionstring",
    "visit_class",
]


def schema_sources() -> list[str]:
    """Return what CWL's schemas come from: which cwltool, read by which schema-salad."""
    sources = []
    for package in (cwltool, schema_salad):
        folder = Path(str(package.__file__)).parent
        # A checkout keeps its version while it is worked on.
        changed = [
            path.stat().st_mtime_ns
            for path in (folder, folder / "process.py", folder / "schema.py")
            if path.exists()
        ]
        sources += [str(folder), *map(str, changed)]
    return sources
