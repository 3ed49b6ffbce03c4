"""A signature as a specification: typed parameters with bounds, checked and resolved to numbers."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from .per_index import per_index
from .requirements import describe, nearest_names
from .types import Auto, Choices, FromLayer, PerAxis, When, annotation_of

NOISE = frozenset(
    {"noise_level", "noise_levels"}
)  # names that are measured before a run for the rules that ask for them


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

    @cached_property
    def from_layer(self) -> dict[str, str]:
        """The parameters that a dock takes from the layer, and what of it each is: "size" or "frame"."""
        found = {name: annotation_of(p.hint, FromLayer) for name, p in self.parameters.items()}
        return {name: note.what for name, note in found.items() if note is not None}

    def validate(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Check parameters against their types and fill in the defaults.

        Parameters
        ----------
        given
            Values by parameter name. Instead of a value, there may be one for each index along an axis:
            ``{"per": axis, "values": [...]}``.

        Returns
        -------
        dict
            A value for every parameter, as plain Python numbers, strings and tuples; where there is one for each index,
            such a mapping.

        Raises
        ------
        ValueError
            ``name=value: must be ...`` for the first parameter that is unknown or has a value it cannot have.
        """
        each = {name: found for name, value in given.items() if (found := per_index(name, value)) is not None}
        checked = self._checked({name: value for name, value in given.items() if name not in each})
        for name, values in each.items():
            known = tuple(self._checked({name: value})[name] for value in values.values)
            checked[name] = replace(values, values=known).plain()
        return checked

    def _checked(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Check single values, and fill in the defaults."""
        try:
            checked = self.model(**{name: _as_plain_value(value) for name, value in given.items()})
        except ValidationError as error:
            name = str(error.errors()[0]["loc"][0])
            raise ValueError(f"{name}={given[name]!r}: {self._requirement(name, given[name])}") from None
        return {name: getattr(checked, name) for name in self.parameters}

    def _requirement(self, name: str, value: Any) -> str:
        """Say what is wrong with a parameter that the model refused."""
        if name not in self.parameters:
            names = ", ".join(self.parameters)
            its = f"its parameters are {names}" if names else "it has no parameters"
            return f"{self.id} has no such parameter; {its}"
        hint = self.parameters[name].hint
        choices = annotation_of(hint, Choices)
        return f"must be {describe(hint)}{nearest_names(value, choices.rule()) if choices else ''}"

    def resolve(self, given: Mapping[str, Any], shape: tuple[int, ...], known: Mapping[str, Any]) -> dict[str, Any]:
        """Check parameters, compute those that are "auto", and give each axis its own value.

        Parameters
        ----------
        given
            Values by parameter name.
        shape
            Shape of an item of the image.
        known
            Further names that the rules behind "auto" may ask for.

        Returns
        -------
        dict
            A value for every parameter.

        Raises
        ------
        ValueError
            As `validate` does, and for a parameter whose number of values is not the number of axes.
        """
        out = self.validate(given)
        for name, rule in self.rules_of_auto(out):
            out[name] = call(rule, {**known, "shape": shape, **out})
        for name, p in self.parameters.items():
            if annotation_of(p.hint, PerAxis):
                value = out[name] if isinstance(out[name], tuple) else (out[name],) * len(shape)
                if len(value) != len(shape):
                    raise ValueError(
                        f"{name}={value!r}: must be one value, or {len(shape)} values for {len(shape)} axes"
                    )
                out[name] = value
        return out

    def rules_of_auto(self, given: Mapping[str, Any]) -> list[tuple[str, Callable[..., Any]]]:
        """Return the parameters that are "auto" and their rules, in an order in which they can be resolved.

        Those that follow from the noise are left out where they have no effect, so that nothing is measured for them.
        """
        waiting: dict[str, Auto] = {}
        for name, p in self.parameters.items():
            auto, when = annotation_of(p.hint, Auto), annotation_of(p.hint, When)
            is_auto = isinstance(given[name], str) and given[name] == "auto"
            if auto and is_auto and not (when and _asks_for_noise(auto.rule) and not when.applies(given[when.other])):
                waiting[name] = auto
        ordered = [(name, waiting.pop(name).rule) for name, auto in [*waiting.items()] if auto.sees_auto]
        while waiting:
            name = next(n for n, auto in waiting.items() if not set(arguments(auto.rule)) & ({*waiting} - {n}))
            ordered.append((name, waiting.pop(name).rule))
        return ordered

    def noise_names(self, given: Mapping[str, Any]) -> set[str]:
        """Return those of the names "noise_level" and "noise_levels" that the rules of "auto" ask for."""
        return {name for _, rule in self.rules_of_auto(given) for name in arguments(rule) if name in NOISE}


@cache
def arguments(function: Callable[..., Any]) -> dict[str, bool]:
    """Return the names of a function's arguments, and whether each is positional-only."""
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.kind is p.POSITIONAL_ONLY for p in parameters}


def call(function: Callable[..., Any], known: Mapping[str, Any]) -> Any:
    """Call a function with those of the known values that its arguments name."""
    names = arguments(function)
    positional = [known[name] for name, is_positional in names.items() if is_positional]
    keywords = {name: known[name] for name, is_positional in names.items() if not is_positional}
    return function(*positional, **keywords)


def _asks_for_noise(rule: Callable[..., Any]) -> bool:
    return not NOISE.isdisjoint(arguments(rule))


def _as_plain_value(value: Any) -> Any:
    """Turn NumPy values into Python numbers, and lists and arrays into tuples."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    return tuple(_as_plain_value(v) for v in value) if isinstance(value, list | tuple) else value
