"""The distortion that the parameters of `correct_distortion` describe, its check and its automatic scale."""

from .distortion import COEFFICIENTS, Bending, LensMap, bending, filling_scale

Shape = tuple[int, ...]
Pair = tuple[float, float]


def distortion_of(
    model: str, k1: float, k2: float, k3: float, p1: float, p2: float, a: float, b: float, c: float
) -> Bending:
    """Return the distortion of a model, from the coefficients of all models.

    Raises
    ------
    ValueError
        If the coefficients turn the center inside out.
    """
    coefficients = {"k1": k1, "k2": k2, "k3": k3, "p1": p1, "p2": p2, "a": a, "b": b, "c": c}
    return bending(model, [coefficients[name] for name in COEFFICIENTS[model]])


def distortion_scale(
    shape: Shape, model: str, k1: float, k2: float, k3: float, p1: float, p2: float, a: float, b: float, c: float,
    center: Pair, radius: float, inverse: bool, order: int,
) -> float | None:  # fmt: skip
    """Return the scale that leaves no empty border; None if there is none, which `check_distortion` reports."""
    try:
        lens = distortion_of(model, k1, k2, k3, p1, p2, a, b, c)
        return filling_scale(shape, [LensMap(center, radius, (lens,), inverse=inverse)], float(order == 3))
    except ValueError:
        return None


def check_distortion(
    shape: Shape, model: str, k1: float, k2: float, k3: float, p1: float, p2: float, a: float, b: float, c: float,
    center: Pair, radius: float, inverse: bool, order: int, scale: float | None,
) -> None:  # fmt: skip
    """Raise ValueError for coefficients that turn the center inside out, or leave no automatic scale."""
    lens = distortion_of(model, k1, k2, k3, p1, p2, a, b, c)
    if scale is None:
        filling_scale(shape, [LensMap(center, radius, (lens,), inverse=inverse)], float(order == 3))
