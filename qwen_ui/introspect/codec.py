"""Dataclasses to JSON and back, by the types of their fields, so that a new field needs nothing here.

What is read comes from anybody: whatever does not fit its type is refused.
"""

import dataclasses
import math
import types
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

DIGITS = 5
"""Of each number, from its first that is not 0 on."""


def plain(value: Any) -> Any:
    """The value as JSON has it."""
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, np.ndarray):
        return {"shape": list(value.shape), "values": [plain(each) for each in value.ravel().tolist()]}
    if isinstance(value, frozenset):
        return [plain(each) for each in sorted(value)]
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value


def read(value: Any, kind: Any) -> Any:
    """The value of that type. Raises `TypeError`, `ValueError` or `LookupError` for another."""
    origin, inner = get_origin(kind), get_args(kind)
    if dataclasses.is_dataclass(kind):
        return _read_fields(value, kind)
    if origin is np.ndarray:
        return _read_array(value, np.dtype(get_args(inner[1])[0]))
    if origin in (tuple, frozenset):
        return _read_items(_of(value, list), origin, inner)
    if origin is Literal:
        return inner[inner.index(value)]
    if origin in (Union, types.UnionType):
        return None if value is None else read(value, next(each for each in inner if each is not type(None)))
    return _number(value) if kind is float else _of(value, kind)


def _read_fields(value: Any, kind: Any) -> Any:
    given, types_of = _of(value, dict), get_type_hints(kind)
    return kind(**{field.name: read(given[field.name], types_of[field.name]) for field in dataclasses.fields(kind)})


def _read_array(value: Any, dtype: "np.dtype[Any]") -> Any:
    numbers = [_number(each) for each in _of(value["values"], list)]
    shape = [_of(size, int) for size in _of(value["shape"], list)]
    return np.array(numbers, dtype).reshape(shape)


def _read_items(items: list[Any], origin: Any, inner: tuple[Any, ...]) -> Any:
    if origin is frozenset or inner[-1] is Ellipsis:
        return origin(read(each, inner[0]) for each in items)
    return tuple(read(each, kind) for each, kind in zip(items, inner, strict=True))


def _number(value: Any) -> float:
    return math.nan if value is None else float(_of(value, (int, float)))


def _of(value: Any, kind: Any) -> Any:
    """The value itself, which is of that type."""
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"{kind} was expected, not {type(value).__name__}")
    return value
