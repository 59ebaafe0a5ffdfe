"""Progress on a terminal, for verbs that may take long."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from cwl_memo.store.protocol import Progress

__all__ = ["shown_progress"]


@contextmanager
def shown_progress(title: str) -> Iterator[Progress | None]:
    """Show a bar on stderr while the body runs; None, and nothing shown, if it is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(file=sys.stderr), transient=True) as bar:
        task = bar.add_task(title, total=None)

        def show(done: int, total: int, /) -> None:
            bar.update(task, completed=done, total=total)

        yield show
