"""Which words of a tool may name a program, and what they mean on a machine."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cwl_memo.cwl.host import (
    MANY_WORDS,
    HostPrograms,
    host_identity,
    named_host,
    words_of_command,
    words_of_text,
)

# words of a command -----------------------------------------------------------------


def test_the_program_of_a_plain_command_is_its_only_word() -> None:
    # /usr/bin/sort may be upgraded without a miss of samtools.
    words = words_of_command(["samtools", "sort", "-o"], ["out.bam", "sort"], shell=False)
    assert words == ["samtools"]


def test_a_base_command_may_be_a_single_string() -> None:
    assert words_of_command("echo", None, shell=False) == ["echo"]


def test_the_first_argument_is_the_program_where_there_is_no_base_command() -> None:
    assert words_of_command(None, ["bwa", "mem"], shell=False) == ["bwa"]
    assert words_of_command([], [{"valueFrom": "bwa"}, "sort"], shell=False) == ["bwa"]


def test_positions_decide_which_argument_is_the_program() -> None:
    arguments = [{"position": 2, "valueFrom": "sort"}, {"position": 1, "valueFrom": "samtools"}]
    assert words_of_command(None, arguments, shell=False) == ["samtools"]


def test_every_argument_may_be_the_program_where_an_expression_places_them() -> None:
    arguments = [{"position": "$(inputs.n)", "valueFrom": "sort"}, "samtools"]
    assert {"sort", "samtools"} <= set(words_of_command(None, arguments, shell=False))
    assert words_of_command("bwa", arguments, shell=False) == ["bwa"]


def test_both_branches_of_an_expression_that_names_the_program_are_words() -> None:
    words = words_of_command("$(inputs.fast ? 'pigz' : 'gzip')", None, shell=False)
    assert {"pigz", "gzip"} <= set(words)


def test_no_command_has_no_words() -> None:
    assert words_of_command(None, None, shell=False) == []


@pytest.mark.parametrize(
    "base",
    [
        ["sh", "-c"],
        ["/bin/bash", "-ec"],
        ["env", "LC_ALL=C"],
        ["xargs"],
        ["timeout", "60"],
        ["nice", "-n", "10"],
        ["parallel"],
        ["python3", "-c"],
        ["python3.11", "-c"],
        ["Rscript", "-e"],
    ],
)
def test_every_word_that_a_launcher_reads_may_be_a_program(base: list[str]) -> None:
    words = words_of_command([*base, "bwa mem ref.fa r.fq | samtools sort>o"], None, shell=False)
    assert words[0] == base[0]
    assert {"bwa", "samtools", "sort"} <= set(words)


def test_the_words_of_a_shell_command_requirement_are_words_and_so_is_the_shell() -> None:
    arguments = [{"shellQuote": False, "valueFrom": "| samtools view -b"}]
    words = words_of_command(["bwa", "mem"], arguments, shell=True)  # noqa: S604 - runs nothing
    assert words[:2] == ["/bin/sh", "bwa"]
    assert "samtools" in words


def test_keywords_and_builtins_of_a_shell_are_no_programs() -> None:
    text = "for f in *; do echo $f; test -e x && printf y; done; if true; then gzip x; fi"
    words = words_of_command(["sh", "-c", text], None, shell=False)
    assert not {"for", "in", "do", "done", "echo", "test", "printf", "if", "true"} & set(words)
    assert "gzip" in words


def test_a_builtin_s_name_is_a_program_where_no_shell_reads_it() -> None:
    assert "echo" in words_of_command(["env", "echo", "hi"], None, shell=False)
    assert words_of_command("true", None, shell=False) == ["true"]
    assert "true" in words_of_command("true", None, shell=True)  # noqa: S604


@pytest.mark.parametrize(
    "text",
    ["$(samtools view)", "`samtools`", "a|samtools&", "(samtools;)", "'samtools'", "X=samtools y"],
)
def test_a_program_is_found_behind_any_sign_of_the_shell(text: str) -> None:
    assert "samtools" in words_of_text(text)


@pytest.mark.parametrize("text", ["--sort", "-n", "12", "1.5", "a/b", "./x", "../x", "~/x", "[ ]"])
def test_options_numbers_and_relative_paths_are_no_words(text: str) -> None:
    assert words_of_text(text) == []


@pytest.mark.parametrize(
    ("argument", "path"),
    [
        ("/opt/tools/x.py", "/opt/tools/x.py"),
        ("--db=/data/db", "/data/db"),
        ("-I/usr/include", "/usr/include"),
        ("/data/my file", "/data/my file"),
    ],
)
def test_an_absolute_path_in_the_static_text_is_a_word(argument: str, path: str) -> None:
    assert path in words_of_command(["tool", argument], None, shell=False)
    assert path in words_of_command("tool", [argument], shell=False)
    assert path in words_of_command("tool", [{"prefix": argument}], shell=False)
    assert path in words_of_command(["sh", "-c", f"x {argument}"], [argument], shell=False)


def test_words_stand_once_and_in_the_order_of_the_document() -> None:
    words = words_of_command(["sh", "-c", "b; a; b"], ["c"], shell=False)
    assert words == ["sh", "b", "a", "c"]


def test_no_word_is_one_too_many() -> None:
    text = " ".join(f"w{i}" for i in range(2 * MANY_WORDS))
    words = words_of_command(["sh", "-c", text], None, shell=False)
    assert len(words) == 2 * MANY_WORDS + 1
    assert words[:3] == ["sh", "w0", "w1"]


# what words mean --------------------------------------------------------------------


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:8]


def of(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()[:8]


def no_digest(path: Path) -> str:
    raise AssertionError(path)


@pytest.fixture
def install(tmp_path: Path) -> Callable[..., Path]:
    """Put a program into a folder."""

    def install(name: str, content: str, folder: str = "bin", mode: int = 0o755) -> Path:
        path = tmp_path / folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
        path.chmod(mode)
        return path

    return install


def test_a_word_on_path_means_the_content_of_its_program(install: Callable[..., Path]) -> None:
    program = install("samtools", "v1")
    assert host_identity(["samtools"], str(program.parent), digest) == {"samtools": of("v1")}
    install("samtools", "v2")
    assert host_identity(["samtools"], str(program.parent), digest) == {"samtools": of("v2")}


def test_a_program_is_the_same_in_another_place(install: Callable[..., Path]) -> None:
    one, two = install("samtools", "v1", "one"), install("samtools", "v1", "two")
    identities = [host_identity(["samtools"], str(p.parent), digest) for p in (one, two)]
    assert identities[0] == identities[1] != {}


def test_the_first_folder_of_path_that_has_the_program_counts(install: Callable[..., Path]) -> None:
    install("tool", "not executable", "zero", 0o644)
    one, two = install("tool", "1", "one"), install("tool", "2", "two")
    path = f"{one.parent.parent}/zero:/nowhere:{two.parent}:{one.parent}"
    assert host_identity(["tool"], path, digest) == {"tool": of("2")}


def test_links_are_followed(install: Callable[..., Path], tmp_path: Path) -> None:
    seen: list[Path] = []

    def watching(path: Path) -> str:
        seen.append(path)
        return digest(path)

    real = install("samtools-1.20", "v1", "opt")
    (tmp_path / "samtools").symlink_to(real)
    assert host_identity(["samtools"], str(tmp_path), watching) == {"samtools": of("v1")}
    assert seen == [real.resolve()]


def test_the_names_of_one_multicall_program_stay_apart(
    install: Callable[..., Path], tmp_path: Path
) -> None:
    busybox = install("busybox", "b")
    for name in ("gzip", "sort"):
        (busybox.parent / name).symlink_to("busybox")
    path = str(busybox.parent)
    assert host_identity(["gzip"], path, digest) != host_identity(["sort"], path, digest)


def test_an_absolute_path_means_the_file_there(install: Callable[..., Path]) -> None:
    script = str(install("x.py", "print()", mode=0o644))
    assert host_identity([script], "", digest) == {script: of("print()")}


def test_words_that_lead_to_no_file_are_left_out(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    words = ["nowhere", str(tmp_path), "/nowhere", str(loop), "/" + "x" * 5000, "a\0b", "/a\0b"]
    assert host_identity(words, str(tmp_path), no_digest) == {}


def test_what_the_kernel_says_is_not_read() -> None:
    assert host_identity(["/proc/cpuinfo", "/dev/null", "/sys/power/state"], "", no_digest) == {}


def test_a_pipe_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o755)
    words = ["pipe", str(tmp_path / "pipe")]
    assert host_identity(words, str(tmp_path), no_digest) == {}


def test_relative_words_and_folders_lead_into_the_workspace(
    install: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = install("tool", "x")
    monkeypatch.chdir(program.parent)
    assert host_identity(["./tool", "bin/tool"], str(program.parent), no_digest) == {}
    monkeypatch.chdir(program.parent.parent)
    assert host_identity(["tool"], ":bin:.", no_digest) == {}


def test_nothing_is_found_on_an_empty_path() -> None:
    assert host_identity(["sh"], "", no_digest) == {}


@pytest.mark.parametrize(
    ("line", "interpreter"),
    [
        ("#!/usr/bin/env python3", "python3"),
        ("#! /usr/bin/env python3", "python3"),
        ("#!/usr/bin/env\tpython3", "python3"),
        ("#!/usr/bin/env -S LC_ALL=C python3 -u", "python3"),
        ("#!{bin}/python3 -u", "{bin}/python3"),
    ],
)
def test_a_script_brings_along_its_interpreter(
    install: Callable[..., Path], line: str, interpreter: str
) -> None:
    folder = install("python3", "3.11").parent
    text = line.replace("{bin}", str(folder)) + "\nprint()\n"
    install("tool", text)
    name = interpreter.replace("{bin}", str(folder))
    expected = {"tool": of(text), f"#!{name}": of("3.11")}
    assert host_identity(["tool"], str(folder), digest) == expected


@pytest.mark.parametrize("line", ["#!", "#!/usr/bin/env", "#!/nowhere/sh", "#!/usr/bin/env 'x"])
def test_a_script_without_a_known_interpreter_stands_alone(
    install: Callable[..., Path], line: str
) -> None:
    folder = install("tool", line).parent
    assert host_identity(["tool"], str(folder), digest) == {"tool": of(line)}


def test_an_interpreter_s_own_interpreter_is_not_followed(install: Callable[..., Path]) -> None:
    install("inner", "bytes")
    install("outer", "#!/usr/bin/env inner\n")
    folder = install("tool", "#!/usr/bin/env outer\n").parent
    assert set(host_identity(["tool"], str(folder), digest)) == {"tool", "#!outer"}


def test_a_program_that_may_not_be_read_changes_with_its_size(
    install: Callable[..., Path],
) -> None:
    def unreadable(path: Path) -> str:
        raise PermissionError(path)

    folder = install("tool", "1").parent
    before = host_identity(["tool"], str(folder), unreadable)
    install("tool", "12")
    after = host_identity(["tool"], str(folder), unreadable)
    assert before["tool"].startswith("unreadable:1:")
    assert before != after


def test_a_program_that_vanishes_is_no_error(install: Callable[..., Path]) -> None:
    def vanishing(path: Path) -> str:
        path.unlink()
        return digest(path)

    folder = install("tool", "1").parent
    assert host_identity(["tool"], str(folder), vanishing) == {"tool": "gone"}


def test_by_name_nothing_is_read_and_only_the_program_counts() -> None:
    assert named_host(["samtools", "/opt/x"]) == {"samtools": "name"}
    assert named_host([]) == {}


def test_programs_that_can_be_run_but_not_read_are_told_apart(tmp_path: Path) -> None:
    """Their content may change without a trace, so that no run is replayed with them."""
    for name in ("open", "closed"):
        program = tmp_path / name
        program.write_text("#!/nowhere\n")
        program.chmod(0o755)
    told: list[tuple[dict[str, str], list[str]]] = []

    def digest(file: Path) -> tuple[str, None]:
        if file.name == "closed":
            raise PermissionError(13, "no", str(file))
        return "blake3:" + 64 * "0", None

    programs = HostPrograms(lambda _path, found_at, unread: told.append((found_at, unread)))
    programs.identity(["open", "closed", "none"], str(tmp_path), digest)
    ((found_at, unread),) = told
    assert unread == ["closed"]
    assert found_at["none"] == ""
    assert found_at["open"] == str(tmp_path.resolve() / "open")


def test_programs_are_looked_at_once_until_a_job_was_executed(tmp_path: Path) -> None:
    program = tmp_path / "hello"
    program.write_text("#!/nowhere\n")
    program.chmod(0o755)
    asked: list[Path] = []

    def digest(file: Path) -> tuple[str, None]:
        asked.append(file)
        return "blake3:" + 64 * "0", None

    programs = HostPrograms()
    for _ in range(2):
        programs.identity(["hello"], str(tmp_path), digest)
    assert len(asked) == 1
    programs.forget()
    programs.identity(["hello"], str(tmp_path), digest)
    assert len(asked) == 2
