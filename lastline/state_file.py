"""What a program keeps between two runs: JSON files written all or nothing, plain data as JSON and back."""

import dataclasses
import functools
import json
import typing
from pathlib import Path
from typing import Any, TypeVar

_Kind = TypeVar("_Kind")


def read_file(path: Path | None) -> dict[str, Any]:
    """A state file's content; empty if there is none or it is damaged: all of it can be rebuilt."""
    if path is None or not path.is_file():
        return {}
    try:
        data = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def write_file(path: Path, data: dict[str, Any], indent: int | None = 1) -> None:
    """Write a state file, all or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    draft.write_text(json.dumps(data, indent=indent) + "\n")
    draft.replace(path)


def as_plain(worth: Any) -> Any:
    """Dataclasses, dicts, sets, lists and tuples as JSON's lists; numbers, texts and truths as they are.

    A dataclass is the list of its fields, a dict the list of its pairs, so keys need not be texts.
    """
    if dataclasses.is_dataclass(worth):
        return [as_plain(getattr(worth, field.name)) for field in dataclasses.fields(worth)]
    if isinstance(worth, dict):
        return [[as_plain(key), as_plain(part)] for key, part in worth.items()]
    if isinstance(worth, set):
        return [as_plain(part) for part in sorted(worth)]
    if isinstance(worth, list | tuple):
        return [as_plain(part) for part in worth]
    if isinstance(worth, int | str):
        return worth
    raise TypeError(f"{type(worth).__name__} is no plain data")


def of_plain(kind: type[_Kind], data: Any) -> _Kind:
    """What `as_plain` was given. Raises TypeError or ValueError if the data is not of that type."""
    return _reader(kind)(data)


@functools.cache
def _reader(kind: Any) -> typing.Callable[[Any], Any]:
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        readers = [_reader(hints[field.name]) for field in dataclasses.fields(kind)]
        return lambda data: kind(*(read(part) for read, part in zip(readers, _list(data), strict=True)))
    origin, parts = (
        typing.get_origin(kind),
        [_reader(part) for part in typing.get_args(kind) if part is not ...],
    )
    if origin is dict:
        key, worth = parts
        return lambda data: {key(k): worth(w) for k, w in map(_list, _list(data))}
    if origin in (list, set) or (origin is tuple and typing.get_args(kind)[-1] is ...):
        (part,) = parts
        return lambda data: origin(part(each) for each in _list(data))
    if origin is tuple:
        return lambda data: tuple(read(part) for read, part in zip(parts, _list(data), strict=True))
    if kind in (int, str, bool):
        return lambda data: _exactly(kind, data)
    raise TypeError(f"{kind} is no plain data")


def _list(data: Any) -> list[Any]:
    return _exactly(list, data)


def _exactly(kind: Any, data: Any) -> Any:
    if type(data) is not kind:
        raise TypeError(f"{data!r} is not of type {kind.__name__}")
    return data
