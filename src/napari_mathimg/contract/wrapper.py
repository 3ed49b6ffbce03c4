"""The declaration of a wrapper: a pointwise transform before an operation, and its inverse after it."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast, get_type_hints

import numpy as np

from .signature import Parameter, Signature, arguments, call
from .types import Array


@dataclass(frozen=True, repr=False)
class Wrapper(Signature):
    """A declared wrapper, as the decorator `wrapper` makes it; called with parameters, it is an option of a run."""

    inverse: Callable[..., Array]
    version: int
    module: str

    def __call__(self, **parameters: Any) -> "Around":
        """Return the wrapper with parameters, for ``Options(around=...)``.

        Raises
        ------
        ValueError
            ``name=value: must be ...`` for a parameter that is unknown or has a value it cannot have.
        """
        return Around(self, tuple(self.resolve(parameters, (), {}).items()))

    def __repr__(self) -> str:
        return f"<Wrapper {self.id!r}: {self.title}>"

    def __reduce__(self) -> Any:
        """Pickle as a reference to the declaration."""
        return _find_wrapper, (self.module, self.id)


@dataclass(frozen=True, repr=False)
class Around:
    """A wrapper with its parameters: what an operation sees is transformed, and its result is transformed back."""

    wrapper: Wrapper
    items: tuple[tuple[str, Any], ...]

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters by name."""
        return dict(self.items)

    def __repr__(self) -> str:
        return f"{self.wrapper.id}({', '.join(f'{name}={value!r}' for name, value in self.items)})"

    def forward(self, image: Array) -> Array:
        """Return floating-point values as the operation sees them, in the same type."""
        return self._applied(self.wrapper.function, image)

    def inverse(self, image: Array) -> Array:
        """Return floating-point values that the operation returned, transformed back, in the same type."""
        return self._applied(self.wrapper.inverse, image)

    def _applied(self, function: Callable[..., Array], image: Array) -> Array:
        out = np.asarray(call(function, {**self.parameters, "image": image}))
        if out.shape != image.shape:
            raise ValueError(f"{self.wrapper.id}: must return a block of shape {image.shape}, not {out.shape}")
        return np.ascontiguousarray(out, image.dtype)


WRAPPERS: dict[str, Wrapper] = {}  # those declared so far, by id: recipes name them, and import nothing


def wrapper(
    title: str, *, inverse: Callable[..., Array], version: int = 1
) -> Callable[[Callable[..., Array]], Wrapper]:
    """Declare a wrapper by its forward function of `image` and parameters; it must increase with the value.

    The forward function receives pixel values as floating point, before the value range is applied; an operation that
    it wraps sees transformed values, a transformed value range, and parameters in transformed units. Nothing is rounded
    between. A pixel of the result depends on the same pixels as without the wrapper.

    Parameters
    ----------
    title
        Title in menus and records.
    inverse
        Function of `image` and parameters of the forward function, which turns its values back.
    version
        Version, increased when the same parameters begin to give another result.

    Raises
    ------
    TypeError
        If a parameter has no annotation or no default, or if the inverse asks for another name.
    """

    def declare(function: Callable[..., Array]) -> Wrapper:
        hints = get_type_hints(function, include_extras=True)
        parameters: dict[str, Parameter] = {}
        for name, p in inspect.signature(function).parameters.items():
            if name != "image":
                if name not in hints or p.default is p.empty:
                    raise TypeError(f"{function.__name__}: parameter {name} must have an annotation and a default")
                parameters[name] = Parameter(name, hints[name], p.default)
        if unknown := {*arguments(inverse)} - {*parameters, "image"}:
            raise TypeError(
                f"{function.__name__}: its inverse asks for {', '.join(sorted(unknown))}, which it cannot get"
            )
        declared = Wrapper(function.__name__, title, function, parameters, inverse, version, function.__module__)
        WRAPPERS[declared.id] = declared
        return declared

    return declare


def _find_wrapper(module: str, name: str) -> Wrapper:
    return cast(Wrapper, getattr(import_module(module), name))
