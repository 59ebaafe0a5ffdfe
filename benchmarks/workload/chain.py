"""W2 and W5: jobs in a chain, each of which needs the one before."""

from __future__ import annotations

from pathlib import Path

from benchmarks.outputs import Delivered, sha1
from benchmarks.runner import Language
from benchmarks.state import State

from .model import Workload, cwl_files, put, put_documents, put_json

__all__ = ["Chain"]


class Chain(Workload):
    """A chain of N jobs that each append a word.

    :param breaks: whether it fails at four fifths of its length until it is mended; else an
        edit changes the last word.
    """

    unit = "N"
    languages: frozenset[Language] = frozenset({"cwl", "snakemake", "doit", "wdl"})

    def __init__(self, name: str, *, breaks: bool) -> None:
        self.name = name
        self.title = "chain that fails at 4/5, is mended, runs again" if breaks else "chain of N"
        self.scenarios = ("fails", "mended") if breaks else ("cold", "replay", "step")
        self._breaks = breaks

    def jobs(self, state: State) -> int:
        """Return N."""
        return state.size

    def write(self, folder: Path, state: State) -> None:
        """Write documents of as many steps as there are words."""
        put_documents("chain", folder, state)
        text = folder / "data" / "text.txt"
        put(text, "begin\n")
        words = self._words(state)
        put_json(folder / "workflow.cwl", _cwl(words))
        put(folder / "workflow.wdl", _wdl(words))
        put_json(folder / "job.json", {"text": str(text), "words": words})
        put_json(folder / "job.cwl.json", {"text": cwl_files([text])[0]})
        put_json(folder / "job.wdl.json", {"main.text": str(text)})

    def expected(self, state: State) -> Delivered:
        """Return the text of all words."""
        lines = ["begin", *self._words(state), ""]
        return ((f"{state.size:03}.txt", sha1("\n".join(lines).encode())),)

    def _words(self, state: State) -> list[str]:
        words = [f"link-{number}" for number in range(1, state.size + 1)]
        if not self._breaks:
            words[-1] = state.edition
        else:
            words[state.size * 4 // 5 - 1] = state.edition if state.edits % 2 else "fail"
        return words


def _cwl(words: list[str]) -> dict[str, object]:
    steps = {}
    text = "text"
    for number, word in enumerate(words, 1):
        step = f"link{number:03}"
        steps[step] = {
            "run": "link.cwl",
            "in": {
                "text": text,
                "word": {"default": word},
                "name": {"default": f"{number:03}.txt"},
            },
            "out": ["longer"],
        }
        text = f"{step}/longer"
    return {
        "cwlVersion": "v1.2",
        "class": "Workflow",
        "inputs": {"text": "File"},
        "steps": steps,
        "outputs": {"longest": {"type": "File", "outputSource": text}},
    }


def _wdl(words: list[str]) -> str:
    calls = []
    text = "text"
    for number, word in enumerate(words, 1):
        call = f"link{number:03}"
        inputs = f'text = {text}, word = "{word}", name = "{number:03}.txt"'
        calls.append(f"  call link as {call} {{ input: {inputs} }}\n")
        text = f"{call}.longer"
    return f"""\
version 1.0

workflow main {{
  input {{
    File text
  }}
{"".join(calls)}  output {{
    File longest = {text}
  }}
}}

task link {{
  input {{
    File text
    String word
    String name
  }}
  command <<< (cat ~{{text}}; echo ~{{word}}; test ~{{word}} != fail) > ~{{name}} >>>
  output {{
    File longer = name
  }}
}}
"""
