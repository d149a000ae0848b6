"""A progress bar on stderr, for what takes long: only where somebody watches."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def progress(what: str, total: int | None = None, is_wanted: bool = True) -> Iterator[Callable[..., None]]:
    """A function that takes how much is done, and the total if it is not known from the start."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    is_shown = is_wanted and console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=not is_shown) as bar:
        task = bar.add_task(what, total=total)

        def tell(done: int, of: int | None = None) -> None:
            bar.update(task, completed=done, **({} if of is None else {"total": of}))

        yield tell
