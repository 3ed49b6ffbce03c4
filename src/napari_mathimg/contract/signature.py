"""A signature as a specification: typed parameters with bounds, checked and turned into numbers."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from .types import Auto, PerAxis, annotation_of, describe


@dataclass(frozen=True)
class Parameter:
    """A parameter of an operation: its name, annotated type and default."""

    name: str
    hint: Any
    default: Any


@dataclass(frozen=True)
class Signature:
    """A function whose keywords are its parameters, each with an annotated type and a default."""

    id: str
    title: str
    function: Callable[..., Any]
    parameters: Mapping[str, Parameter]

    @cached_property
    def model(self) -> type[BaseModel]:
        """A pydantic model of the parameters."""
        fields: dict[str, Any] = {p.name: (p.hint, p.default) for p in self.parameters.values()}
        return create_model(self.id, __config__=ConfigDict(extra="forbid", strict=True, allow_inf_nan=False), **fields)

    def validate(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return all parameters, checked.

        Raises
        ------
        ValueError
            ``name=value: requirement`` for the first parameter that is unknown or out of bounds.
        """
        try:
            checked = self.model(**{name: _plain(value) for name, value in given.items()})
        except ValidationError as error:
            name = str(error.errors()[0]["loc"][0])
            if name not in self.parameters:
                known = ", ".join(self.parameters) or "none"
                raise ValueError(f"{name}={given[name]!r}: {self.id} has no such parameter; it has {known}") from None
            raise ValueError(f"{name}={given[name]!r}: {describe(self.parameters[name].hint)}") from None
        return {name: getattr(checked, name) for name in self.parameters}

    def resolve(self, given: Mapping[str, Any], shape: tuple[int, ...], known: Mapping[str, Any]) -> dict[str, Any]:
        """Return all parameters, checked, with "auto" and one-for-all-axes turned into numbers."""
        out = self.validate(given)
        for name, p in self.parameters.items():
            auto = annotation_of(p.hint, Auto)
            if auto and isinstance(out[name], str) and out[name] == "auto":
                out[name] = call(auto.rule, {**known, "shape": shape, **out})
            if annotation_of(p.hint, PerAxis):
                value = out[name] if isinstance(out[name], tuple) else (out[name],) * len(shape)
                if len(value) != len(shape):
                    raise ValueError(f"{name}={value!r}: one value, or {len(shape)} for {len(shape)} axes")
                out[name] = value
        return out


@cache
def arguments(function: Callable[..., Any]) -> dict[str, bool]:
    """Names a function asks for, and whether each goes by position."""
    asked = inspect.signature(function).parameters.values()
    return {p.name: p.kind is p.POSITIONAL_ONLY for p in asked}


def call(function: Callable[..., Any], known: Mapping[str, Any]) -> Any:
    """Call a function with those of the known values that it names."""
    names = arguments(function)
    positional = [known[n] for n, first in names.items() if first]
    return function(*positional, **{n: known[n] for n, first in names.items() if not first})


def _plain(value: Any) -> Any:
    """NumPy values and lists as numbers and tuples."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    return tuple(_plain(v) for v in value) if isinstance(value, list | tuple) else value
