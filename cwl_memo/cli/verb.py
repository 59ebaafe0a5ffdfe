"""What a verb of ``cwl-memo`` is made of."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Verb"]


@dataclass(frozen=True)
class Verb:
    """One verb: its words for people, its arguments, and what it does.

    :param name: as it is typed.
    :param summary: for the list of verbs; no capital, no full stop.
    :param description: whole sentences, for the verb's own help.
    :param examples: command lines, each with what it does.
    :param add_arguments: adds the arguments that only this verb has.
    :param run: does it and returns the exit code.
    :param has_store: whether it looks into a store, and so has the arguments that name one.
    :param verbs: the verbs below it, as in ``cache list``.
    :param is_group: whether one of them has to be given.
    """

    name: str
    summary: str
    description: str
    examples: tuple[tuple[str, str], ...]
    add_arguments: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], int]
    has_store: bool = True
    verbs: tuple[Verb, ...] = ()
    is_group: bool = False
