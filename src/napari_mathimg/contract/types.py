"""Annotated parameter types: bounds, step, unit, and the rules behind "auto"."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin

import annotated_types
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True)
class Role:
    """How an image reaches the function: its region, the same region, whole, or only its statistic.

    One that is optional comes last, and is None where it is not given.
    """

    name: Literal["image", "aligned", "whole", "reference"]
    optional: bool = False


Image: TypeAlias = Annotated[Array, Role("image")]
AlignedImage: TypeAlias = Annotated[Array, Role("aligned")]
OptionalAlignedImage: TypeAlias = Annotated[Array | None, Role("aligned", optional=True)]
WholeImage: TypeAlias = Annotated[Array, Role("whole")]
Reference: TypeAlias = Annotated[Any, Role("reference")]


@dataclass(frozen=True)
class Number(annotated_types.GroupedMetadata):
    """Bounds, with the step and the unit a form needs."""

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    step: float = 1.0
    unit: str = ""

    def __iter__(self) -> Iterator[annotated_types.BaseMetadata]:
        """Yield the bounds as pydantic understands them."""
        if self.ge is not None:
            yield annotated_types.Ge(self.ge)
        if self.gt is not None:
            yield annotated_types.Gt(self.gt)
        if self.le is not None:
            yield annotated_types.Le(self.le)


@dataclass(frozen=True)
class Choices(annotated_types.GroupedMetadata):
    """The names a text may be, from a rule, for choices too many to write down; `kind` says what they are."""

    rule: Callable[[], tuple[str, ...]]
    kind: str = ""

    def __iter__(self) -> Iterator[annotated_types.BaseMetadata]:
        """Yield the requirement as pydantic understands it."""
        yield annotated_types.Predicate(lambda name: name in self.rule())


@dataclass(frozen=True)
class Label:
    """What a form calls a parameter whose name the field abbreviates, and its choices or parts, in their order."""

    text: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class When:
    """The parameter counts only where another one has one of some values, or none of those in `but`.

    `hides` says that it is shown only there.
    """

    other: str
    values: tuple[Any, ...] = ()
    but: tuple[Any, ...] = ()
    hides: bool = False

    def applies(self, value: Any) -> bool:
        """Whether the parameter counts where the other one has a value."""
        return value not in self.but if self.but else value in self.values


@dataclass(frozen=True)
class PerAxis:
    """One value for all axes of the item, or one for each.

    `length` says that they may be given in world units, `odd` that the nearest odd numbers of pixels are then taken.
    """

    length: bool = False
    odd: bool = False


@dataclass(frozen=True)
class PlaneLength:
    """A length in any direction of a plane; it may be given in world units where its pixels are square."""


@dataclass(frozen=True)
class Auto:
    """The rule, by argument names, that turns "auto" into numbers before the run; `slow` where that can be felt."""

    rule: Callable[..., Any]
    slow: bool = False


@dataclass(frozen=True)
class Suggestion:
    """A value worth offering, from the pixel's size along each axis of the item."""

    label: str
    help: str
    rule: Callable[[tuple[float, ...]], Any]


@dataclass(frozen=True)
class Picked:
    """The parameter is a place in the image that may be pointed at: a point of a plane, or an end of a box."""

    what: Literal["point", "start", "stop"]


@dataclass(frozen=True)
class FromNoise:
    """The value worth taking for a noise whose standard deviation is a share of the value range."""

    rule: Callable[[float], Any] = float


@dataclass(frozen=True)
class FromShape:
    """Corners worth taking from an outline that is drawn in the image.

    They are moved to the middle of a plane that is just large enough; the parameter `size` is its shape.
    """

    size: str


def parts(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """Split a hint into the plain type and its annotations."""
    return (get_args(hint)[0], get_args(hint)[1:]) if get_origin(hint) is Annotated else (hint, ())


def annotation_of(hint: Any, kind: type) -> Any:
    """Return the annotation of a kind that a hint carries, or None."""
    return next((n for n in parts(hint)[1] if isinstance(n, kind)), None)


def options(hint: Any) -> tuple[Any, ...]:
    """Return the members of a union, or the hint alone."""
    plain = parts(hint)[0]
    return get_args(plain) if get_origin(plain) in (Union, UnionType) else (plain,) if plain is not hint else (hint,)


def describe(hint: Any) -> str:
    """Say in words what values a hint allows."""
    plain, _ = parts(hint)
    if choices := annotation_of(hint, Choices):
        if choices.kind:
            return str(choices.kind)
        names = choices.rule()
        return f"one of {len(names)} names, from {names[0]!r} to {names[-1]!r}"
    origin, arguments = get_origin(plain), get_args(plain)
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(describe(a) for a in arguments))
    if origin is Literal:
        return ("one of " if len(arguments) > 1 else "") + ", ".join(map(repr, arguments))
    if origin is tuple:
        count = "" if arguments[-1] is Ellipsis else f" of {len(arguments)}"
        return f"a sequence{count}, each {describe(arguments[0])}"
    if plain is bool:
        return "True or False"
    if plain in (int, float):
        return ("a whole number" if plain is int else "a finite number") + _bounds(annotation_of(hint, Number))
    return f"a {getattr(plain, '__name__', plain)}"


def _bounds(number: Number | None) -> str:
    if number is None:
        return ""
    low = (
        f"at least {_in_full(number.ge)}"
        if number.ge is not None
        else f"greater than {_in_full(number.gt)}"
        if number.gt is not None
        else ""
    )
    high = f"at most {_in_full(number.le)}" if number.le is not None else ""
    return ", ".join(["", *filter(None, (low, high))])


def _in_full(bound: float) -> str:
    """Write a bound; "2.14748e+09" would be another number."""
    return f"{bound:.0f}" if float(bound).is_integer() and abs(bound) < 1e10 else f"{bound:g}"


def gone(value: Any) -> Any:
    """Return a parameter as functions get it: "auto" and one-for-all-axes were turned into numbers before."""
    return value


def middle(shape: tuple[int, ...]) -> tuple[float, ...]:
    """Return the point halfway between the first and the last pixel."""
    return tuple((n - 1) / 2 for n in shape)


def outer_corners(shape: tuple[int, ...]) -> tuple[tuple[float, float], ...]:
    """Return the corners of a plane's outer pixels, clockwise from the upper left."""
    bottom, right = shape[0] - 0.5, shape[1] - 0.5
    return (-0.5, -0.5), (-0.5, right), (bottom, right), (bottom, -0.5)


def _filtering(sigma: float) -> float:
    return 0.8 * sigma if sigma > 0 else 0.1


def _positive(value: float) -> float:
    return max(value, 1e-6)


Gamma = Annotated[float, Number(ge=0, le=100, step=0.05)]
Gain = Annotated[float, Number(ge=0, le=1000, step=0.1)]
Degrees = Annotated[float, Number(ge=-3600, le=3600, step=1, unit="°")]
Shear = Annotated[float, Number(ge=-89, le=89, step=1, unit="°")]
Coordinate = Annotated[float, Number(ge=-1e6, le=1e6, step=1, unit="px")]
Length = Annotated[float, Number(ge=0, le=10_000, step=0.1, unit="px")]
Lengths = Annotated[Length | tuple[Length, ...], PerAxis(length=True)]
Truncation = Annotated[float, Number(gt=0, le=20, step=0.5, unit="σ")]
WindowSize = Annotated[float, Number(ge=1, le=1023, step=2, unit="px")]
WindowSizes = Annotated[WindowSize | tuple[WindowSize, ...], PerAxis(length=True, odd=True)]
Fraction = Annotated[float, Number(ge=0, le=1, step=0.005, unit="of the value range")]
Variance = Annotated[float, Number(ge=0, le=100, step=0.005, unit="of the value range²"), Label("variance")]
RelativeVariance = Annotated[float, Number(ge=0, le=100, step=0.005, unit="of the value²"), Label("variance")]
NearVariance = Annotated[float, Number(ge=0, le=100, step=0.005, unit="of the value range²"), Label("variance near")]
FarVariance = Annotated[float, Number(ge=0, le=100, step=0.005, unit="of the value range²"), Label("variance far")]
Corner = Annotated[Literal["upper left", "upper right", "lower right", "lower left"], Label("corner")]
Photons = Annotated[float, Number(gt=0, le=1e9, step=16), Label("photons at full scale")]
Offset = Annotated[float, Number(ge=-10, le=10, step=0.01, unit="of the value range")]
NoiseLevel = Annotated[
    Literal["auto"] | Fraction, Label("noise"), When("method", ("BayesShrink", "VisuShrink")), FromNoise()
]
NoisePower = Annotated[Literal["auto"] | Variance, Label("noise variance"), FromNoise(lambda sigma: sigma * sigma)]
Threshold = Annotated[float, Number(ge=0, le=100, step=0.01, unit="of the value range"), When("method", ("fixed",))]
Shifts = Annotated[int, Number(ge=0, le=15, step=1, unit="px"), Label("shifts")]
OddSize = Annotated[int, Number(ge=1, le=255, step=2, unit="px")]
OddSizes = Annotated[OddSize | tuple[OddSize, ...], PerAxis(length=True, odd=True)]
TVWeight = Annotated[float, Number(gt=0, le=100, step=0.05, unit="of the value range"), FromNoise(_positive)]


ColorSigma = Annotated[
    float,
    Number(gt=0, le=10, step=0.01, unit="of the value range"),
    Label("value σ"),
    FromNoise(lambda sigma: _positive(2 * sigma)),  # M. Zhang and B. K. Gunturk, IEEE Trans. Image Processing 17 (2008)
]
SpatialSigma = Annotated[float, Number(ge=0, le=30, step=0.1, unit="px")]
SpatialSigmas = Annotated[SpatialSigma | tuple[SpatialSigma, ...], PerAxis(length=True), Label("spatial σ")]
PatchNoise = Annotated[float, Number(ge=0, le=10, step=0.01, unit="of the value range"), Label("noise"), FromNoise()]
Filtering = Annotated[float, Number(gt=0, le=10, step=0.01, unit="of the value range")]
AutoFiltering = Annotated[Literal["auto"] | Filtering, Auto(_filtering), Label("strength h")]
PatchSize = Annotated[int, Number(ge=1, le=31, step=2, unit="px")]
PatchSizes = Annotated[PatchSize | tuple[PatchSize, ...], PerAxis(length=True, odd=True), Label("patch")]
Distance = Annotated[int, Number(ge=1, le=50, step=1, unit="px")]
Distances = Annotated[Distance | tuple[Distance, ...], PerAxis(length=True), Label("distance")]
Iterations = Annotated[int, Number(ge=1, le=1000, step=10), Label("iterations")]
Isotropic = Annotated[bool, Label("isotropic")]
Balance = Annotated[float, Number(ge=0, le=1e6, step=0.005)]
Boundary = Annotated[Literal["reflect", "zero", "periodic"], Label("boundary")]
PsfCenter = Annotated[Literal["centroid", "array"], Label("PSF center")]
Background = Annotated[float, Number(ge=0, le=1e20, step=1)]
VariationWeight = Annotated[float, Number(ge=0, le=0.1, step=0.001), Label("TV weight")]
RelativeChange = Annotated[float, Number(ge=0, le=1, step=0.0001), Label("stop at change")]
SampleChange = Annotated[float, Number(ge=0, le=1, step=0.0001), Label("stop at change")]
KeepEvery = Annotated[int, Number(ge=0, le=1000, step=1), Label("keep every")]
Burnin = Annotated[int, Number(ge=0, le=1000, step=5), Label("burn-in")]
Share = Annotated[float, Number(ge=0, le=1, step=0.005)]
SaltShare = Annotated[float, Number(ge=0, le=1, step=0.05), Label("salt, of salt and pepper")]
Value = Annotated[float, Number(ge=-1e20, le=1e20, step=1)]
Fill = Annotated[float, Number(ge=-1e20, le=1e20, step=1), Label("fill value"), When("mode", ("constant",))]
Smoothing = Annotated[bool, Label("anti-aliasing"), When("order", (1, 3))]
GrowCanvas = Annotated[bool, Label("grow the canvas")]
Inverse = Annotated[bool, Label("inverse curve")]
LowLevel = Annotated[Literal["auto"] | Value, Auto(lambda values: values.low)]
HighLevel = Annotated[Literal["auto"] | Value, Auto(lambda values: values.high)]
ValuePair = tuple[Value, Value]
ClipTo = Annotated[Literal["none"] | ValuePair, Label("clip", ("low", "high"))]
Saturation = Annotated[Literal["none"] | Background, Label("saturation")]
Bins = Annotated[int, Number(ge=2, le=65536, step=16), Label("bins")]
TileBins = Annotated[int, Number(ge=2, le=16384, step=16), Label("bins")]
Seed = Annotated[int, Number(ge=0, le=2**31 - 1, step=1)]
Radians = Annotated[float, Number(ge=-100, le=100, step=0.5, unit="rad")]
Radius = Annotated[float, Number(gt=0, le=1e6, step=10, unit="px"), PlaneLength()]
Order = Annotated[Literal[0, 1, 3], Label("interpolation", ("nearest", "linear", "cubic"))]
Edge = Annotated[Literal["constant", "nearest", "reflect", "mirror", "grid-wrap"], Label("edge mode")]
Scale = Annotated[float, Number(gt=0, le=1000, step=0.1)]
Factors = Annotated[
    Scale | tuple[Scale, ...],
    PerAxis(),
    Suggestion(
        "Isotropic",
        "Factors that make the pixels of every axis as small as the smallest.",
        lambda spacing: tuple(s / min(spacing) for s in spacing),
    ),
]
PlaneScale = tuple[Scale, Scale]
PlaneShear = tuple[Shear, Shear]
Point = tuple[Coordinate, Coordinate]
Size = Annotated[int, Number(ge=1, le=10_000_000, step=1, unit="px")]
Center = Annotated[Literal["auto"] | Point, Auto(middle), Picked("point")]
Corners = Annotated[Literal["auto"] | tuple[Point, ...], Auto(outer_corners)]
Levels = Annotated[int, Number(ge=1, le=30, step=1)]
SurfaceDegree = Annotated[int, Number(ge=0, le=10, step=1), Label("degree")]
Targets = Annotated[Literal["rectangle"] | tuple[Point, ...], Label("targets")]
Measure = Annotated[float, Number(gt=0, le=1e9, step=1)]
PhysicalSize = Annotated[Literal["source"] | tuple[Measure, Measure], Label("physical size")]
Aspect = Annotated[Literal["edges", "perspective"], Label("proportions", ("edge lengths", "perspective"))]
Step = Annotated[float, Number(ge=-1e15, le=1e15, step=1)]
Frame = Annotated[tuple[tuple[Step, Step], tuple[Step, Step]], Label("pixel frame")]
Canvas = Annotated[Literal["rectangle"] | Literal["whole"] | tuple[Size, Size], Label("canvas")]
AffineCenter = Annotated[
    Literal["auto"] | Point, Auto(lambda shape, inverse: (0.0, 0.0) if inverse else middle(shape)), Picked("point")
]
Entry = Annotated[float, Number(ge=-1e9, le=1e9, step=0.001)]
BoxSize = Annotated[int, Number(ge=1, le=1023, step=1, unit="px")]
BoxSizes = Annotated[BoxSize | tuple[BoxSize, ...], PerAxis(length=True)]
DiskRadius = Annotated[float, Number(ge=0, le=255, step=0.5, unit="px")]
Radii = Annotated[DiskRadius | tuple[DiskRadius, ...], PerAxis(length=True)]
PathLength = Annotated[float, Number(ge=0, le=1023, step=1, unit="px"), When("polygon", ("none",)), PlaneLength()]
PathAngle = Annotated[float, Number(ge=-3600, le=3600, step=1, unit="°"), When("polygon", ("none",))]
Outline = Annotated[Literal["none"] | tuple[Point, ...], Label("polygon"), FromShape("polygon_size")]
OutlineSide = Annotated[int, Number(ge=1, le=1023, step=1, unit="px")]
OutlineSize = Annotated[tuple[OutlineSide, OutlineSide], Label("array"), When("polygon", but=("none",))]
Matrix = tuple[tuple[Entry, Entry, Entry], tuple[Entry, Entry, Entry], tuple[Entry, Entry, Entry]]
Shape = Annotated[Literal["auto"] | Size | tuple[Size, ...], PerAxis(), Auto(lambda shape: shape), Label("size")]
Index = Annotated[int, Number(ge=0, le=10_000_000, step=1, unit="px")]
Starts = Annotated[
    Literal["auto"] | Index | tuple[Index, ...], PerAxis(), Auto(lambda shape: (0,) * len(shape)), Picked("start")
]
Stops = Annotated[Literal["auto"] | Size | tuple[Size, ...], PerAxis(), Auto(lambda shape: shape), Picked("stop")]
Tiles = Annotated[
    Literal["auto"] | Size | tuple[Size, ...],
    PerAxis(),
    Auto(lambda shape: tuple(max(n // 8, 1) for n in shape)),
]
