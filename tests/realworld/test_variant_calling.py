"""Joint variant calling with bwa, samtools and bcftools: each run executes what it must, no more.

The outputs of every run are byte for byte those of plain cwltool on the same inputs.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

WORKFLOW = Path(__file__).parent / "workflow" / "variants.cwl"
TOOLS = ("bwa", "samtools", "bcftools", "wgsim")
MISSING = [tool for tool in TOOLS if shutil.which(tool) is None]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (Debian: bwa samtools bcftools)"
    ),
]

SAMPLES = ("anna", "ben", "carla")
PER_SAMPLE = ("align", "index_bam", "flagstat")
ONCE = frozenset({"bwa_index", "faidx", "call", "stats"})


def jobs_of_sample(number: int) -> frozenset[str]:
    """Name the jobs of the sample that is `number`-th in the scatter."""
    return frozenset(tool if number == 1 else f"{tool}_{number}" for tool in PER_SAMPLE)


EVERY_JOB = ONCE.union(*map(jobs_of_sample, (1, 2, 3)))


def unset_settings() -> dict[str, str]:
    """Return the environment without the settings of cwl-memo and cwltool."""
    return {name: value for name, value in os.environ.items() if not name.startswith("CWL")}


@dataclass(frozen=True)
class Study:
    """A folder with reads, and what the workflow is asked to do with them."""

    folder: Path
    reference: Path
    samples: tuple[str, ...] = SAMPLES
    parameters: tuple[tuple[str, int], ...] = ()
    path: str = os.environ.get("PATH", os.defpath)

    def job(self) -> dict[str, Any]:
        def files(end: int) -> list[dict[str, str]]:
            reads = (self.folder / f"{sample}_{end}.fastq" for sample in self.samples)
            return [{"class": "File", "location": path.as_uri()} for path in reads]

        return {
            "reference": {"class": "File", "location": self.reference.as_uri()},
            "samples": list(self.samples),
            "forward": files(1),
            "backward": files(2),
            **dict(self.parameters),
        }

    def add_sample(self, sample: str, seed: int) -> None:
        """Simulate a sample's reads, from a genome that varies from the reference."""
        ends = [str(self.folder / f"{sample}_{end}.fastq") for end in (1, 2)]
        options = ["-h", "-N", "1500", "-1", "100", "-2", "100", "-r", "0.005", "-S", str(seed)]
        subprocess.run(
            ["wgsim", *options, str(self.reference), *ends], check=True, capture_output=True
        )

    def execute(self, name: str, *command: str) -> None:
        """Run the workflow into the folder `name`, with a runner's command."""
        job = self.folder / f"{name}.job.json"
        job.write_text(json.dumps(self.job()), encoding="utf-8")
        outdir = self.folder / name
        done = subprocess.run(
            [sys.executable, "-m", *command, "--outdir", str(outdir), str(WORKFLOW), str(job)],
            cwd=self.folder,
            env=unset_settings() | {"PATH": self.path, "HOME": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        (self.folder / f"{name}.outputs.json").write_text(done.stdout, encoding="utf-8")

    def plain(self, name: str) -> None:
        self.execute(name, "cwltool")

    def memo(self, name: str, *options: str) -> frozenset[str]:
        """Run with reuse; return the names of the jobs that were executed."""
        report = self.folder / f"{name}.report.json"
        store = ("--memo-store", str(self.folder / "store"))
        self.execute(name, "cwl_memo", "run", *store, "--memo-report", str(report), *options)
        jobs = json.loads(report.read_text(encoding="utf-8"))["jobs"]
        results = {job["name"]: job["result"] for job in jobs}
        assert len(results) == len(jobs), "two jobs of one name"
        assert set(results.values()) <= {"reused", "executed"}, results
        assert len(results) == len(ONCE) + len(PER_SAMPLE) * len(self.samples)
        return frozenset(name for name, result in results.items() if result == "executed")

    def delivered(self, name: str) -> dict[str, bytes]:
        """Return the bytes of every delivered file."""
        outdir = self.folder / name
        return {
            str(path.relative_to(outdir)): path.read_bytes()
            for path in outdir.rglob("*")
            if path.is_file()
        }

    def printed(self, name: str) -> str:
        """Return what the run printed, its output folder left out."""
        text = (self.folder / f"{name}.outputs.json").read_text(encoding="utf-8")
        return text.replace(str(self.folder / name), "OUTDIR")


def assert_same(study: Study, name: str, expected: str) -> None:
    """Both runs delivered the same files of the same bytes, and the same output object."""
    got, want = study.delivered(name), study.delivered(expected)
    assert sorted(got) == sorted(want)
    assert [file for file in want if got[file] != want[file]] == []
    assert json.loads(study.printed(name)) == json.loads(study.printed(expected))


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """Three samples that vary from a reference of two contigs."""
    rng = random.Random(1)
    reference = tmp_path / "reference.fa"
    contigs = ["".join(rng.choices("ACGT", k=length)) for length in (20_000, 10_000)]
    records = (f">contig{number}\n{bases}\n" for number, bases in enumerate(contigs, 1))
    reference.write_text("".join(records), encoding="ascii")
    study = Study(tmp_path, reference)
    for seed, sample in enumerate((*SAMPLES, "dora"), 1):
        study.add_sample(sample, seed)
    return study


def test_plain_cwltool_gives_the_same_bytes_twice(study: Study) -> None:
    # Without this, no comparison below would say anything about reuse.
    study.plain("plain")
    study.plain("again")
    assert_same(study, "again", "plain")


@pytest.mark.parametrize("options", [(), ("--parallel",)], ids=["serial", "parallel"])
def test_cold_run_executes_every_job_and_warm_run_none(
    study: Study, options: tuple[str, ...]
) -> None:
    study.plain("plain")
    assert study.memo("cold", *options) == EVERY_JOB
    assert study.memo("warm", *options) == frozenset()
    assert_same(study, "cold", "plain")
    assert_same(study, "warm", "plain")


def test_every_run_prints_what_plain_cwltool_prints(study: Study) -> None:
    study.plain("plain")
    study.memo("cold")
    study.memo("warm")
    assert study.printed("cold") == study.printed("plain")
    assert study.printed("warm") == study.printed("plain")


@pytest.mark.parametrize("place", [1, 4], ids=["first", "last"])
def test_added_sample_executes_its_own_chain_and_the_joint_steps(study: Study, place: int) -> None:
    study.memo("cold")
    samples = list(SAMPLES)
    samples.insert(place - 1, "dora")
    grown = replace(study, samples=tuple(samples))
    grown.plain("plain")
    assert grown.memo("grown") == jobs_of_sample(place) | {"call", "stats"}
    assert_same(grown, "grown", "plain")


def test_moved_reference_executes_nothing(study: Study) -> None:
    study.memo("cold")
    folder = study.folder / "elsewhere" / "genomes"
    folder.mkdir(parents=True)
    moved = replace(study, reference=study.reference.rename(folder / "reference.fa"))
    moved.plain("plain")
    assert moved.memo("moved") == frozenset()
    assert_same(moved, "moved", "plain")


def test_changed_parameter_executes_its_tool_and_what_depends_on_changed_outputs(
    study: Study,
) -> None:
    study.memo("cold")
    shallower = replace(study, parameters=(("max_depth", 5),))
    shallower.plain("plain")
    assert shallower.memo("shallower") == {"call", "stats"}
    assert shallower.delivered("plain")["joint.vcf"] != study.delivered("cold")["joint.vcf"]
    assert_same(shallower, "shallower", "plain")


def test_changed_parameter_spares_what_depends_on_equal_outputs_only(study: Study) -> None:
    # With shorter seeds bwa places a few reads elsewhere: some of the alignments change.
    study.memo("cold")
    other = replace(study, parameters=(("min_seed", 18),))
    other.plain("plain")
    old, new = study.delivered("cold"), other.delivered("plain")
    changed = [
        n for n, sample in enumerate(SAMPLES, 1) if old[f"{sample}.bam"] != new[f"{sample}.bam"]
    ]
    assert 0 < len(changed) < len(SAMPLES)
    expected = {"align", "align_2", "align_3", "call"}.union(*map(jobs_of_sample, changed))
    if old["joint.vcf"] != new["joint.vcf"]:
        expected.add("stats")
    assert other.memo("other") == expected
    assert_same(other, "other", "plain")


def test_parameter_set_back_executes_nothing(study: Study) -> None:
    study.memo("cold")
    replace(study, parameters=(("max_depth", 5),)).memo("shallower")
    assert study.memo("back") == frozenset()
    assert_same(study, "back", "cold")


def upgrade(study: Study, program: str) -> Study:
    """Put another executable of the same name and behaviour before the installed one."""
    installed = shutil.which(program, path=study.path)
    assert installed is not None
    folder = study.folder / f"new-{program}"
    folder.mkdir()
    shutil.copy(installed, folder)
    with (folder / program).open("ab") as executable:
        executable.write(b"\0")
    return replace(study, path=f"{folder}{os.pathsep}{study.path}")


def test_upgraded_program_executes_the_tools_that_call_it(study: Study) -> None:
    # samtools is the second program of align's pipe, bcftools stands in the text of call's shell.
    study.memo("cold")
    align, index_bam, flagstat = ({f"{tool}{n}" for n in ("", "_2", "_3")} for tool in PER_SAMPLE)
    for program, executed in (
        ("samtools", {"faidx"} | align | index_bam | flagstat),
        ("bcftools", {"call", "stats"}),
        ("bwa", {"bwa_index"} | align),
    ):
        upgraded = upgrade(study, program)
        assert upgraded.memo(f"upgraded-{program}") == executed
        assert_same(upgraded, f"upgraded-{program}", "cold")


def test_upgraded_program_executes_nothing_where_programs_count_by_name(study: Study) -> None:
    by_name = ("--memo-host-tools", "name")
    study.memo("cold", *by_name)
    assert upgrade(study, "samtools").memo("upgraded", *by_name) == frozenset()
