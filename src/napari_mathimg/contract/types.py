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
    """How an image reaches the function of an operation.

    Parameters
    ----------
    name
        "image": the region of the image itself. "aligned": the same region of a further image. "whole": all of a
        further image. "reference": only the statistic of a further image.
    optional
        Whether the image may be left out; it is then None. Optional images come last.
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
    """Bounds of a number, and the step and the unit that a form shows."""

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    step: float = 1.0
    unit: str = ""

    def __iter__(self) -> Iterator[annotated_types.BaseMetadata]:
        """Yield the bounds in the form that pydantic reads."""
        if self.ge is not None:
            yield annotated_types.Ge(self.ge)
        if self.gt is not None:
            yield annotated_types.Gt(self.gt)
        if self.le is not None:
            yield annotated_types.Le(self.le)


@dataclass(frozen=True)
class Choices(annotated_types.GroupedMetadata):
    """The names that a string may be, for choices too many to write down.

    Parameters
    ----------
    rule
        Function that returns the names.
    kind
        Phrase that describes them in error messages, such as "a camera"; "" to describe them by their number.
    """

    rule: Callable[[], tuple[str, ...]]
    kind: str = ""

    def __iter__(self) -> Iterator[annotated_types.BaseMetadata]:
        """Yield the requirement in the form that pydantic reads."""
        yield annotated_types.Predicate(lambda name: name in self.rule())


@dataclass(frozen=True)
class Label:
    """Texts that a form shows for a parameter.

    Parameters
    ----------
    text
        Name of the parameter; "" to derive it from the name in the signature.
    choices
        Names of its choices, or of the parts of its value, in their order.
    """

    text: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class When:
    """The condition under which a parameter has an effect.

    Parameters
    ----------
    other
        Name of another parameter.
    values
        Values of the other parameter with which this one has an effect.
    but
        Values of the other parameter with which this one has none; it is an alternative to `values`.
    hides
        Whether a form hides the parameter where it has no effect.
    """

    other: str
    values: tuple[Any, ...] = ()
    but: tuple[Any, ...] = ()
    hides: bool = False

    def applies(self, value: Any) -> bool:
        """Return whether the parameter has an effect with a value of the other one."""
        return value not in self.but if self.but else value in self.values


@dataclass(frozen=True)
class PerAxis:
    """A parameter with one value for all axes of an item, or one value for each axis.

    Parameters
    ----------
    length
        Whether the values are lengths, which a form also accepts in world units.
    odd
        Whether a length in world units is rounded to the nearest odd number of pixels.
    """

    length: bool = False
    odd: bool = False


@dataclass(frozen=True)
class PlaneLength:
    """A length in any direction of a plane, which a form also accepts in world units if the pixels are square."""


@dataclass(frozen=True)
class Auto:
    """The rule that replaces "auto" by a number before a run.

    Parameters
    ----------
    rule
        Function of other parameters, `shape`, `dtype`, `values`, `channels`, `noise_level` or `noise_levels`, each
        asked for by its name. `noise_level` is the standard deviation of the noise, as a fraction of the value range;
        `noise_levels` are those of luma and two chromas, or of the single channel. They are measured where a rule asks.
    slow
        Whether the rule takes long enough that a form must not wait for it.
    sees_auto
        Whether the rule sees other parameters as they were given, "auto" among them, and not what that stands for.
    """

    rule: Callable[..., Any]
    slow: bool = False
    sees_auto: bool = False


@dataclass(frozen=True)
class Suggestion:
    """A value that a form offers, computed from the pixel size along each axis of an item."""

    label: str
    help: str
    rule: Callable[[tuple[float, ...]], Any]


@dataclass(frozen=True)
class Picked:
    """A parameter that a user may pick in the image: a point of a plane, or the start or stop of a box."""

    what: Literal["point", "start", "stop"]


@dataclass(frozen=True)
class FromLayer:
    """A parameter that a dock takes from the layer, and that its form therefore does not show.

    Parameters
    ----------
    what
        "size": the size of a pixel (rows, columns), the first negative if the layer is displayed mirrored. "frame": the
        world directions (down, right) of a step along the rows and of one along the columns.
    """

    what: Literal["size", "frame"]


@dataclass(frozen=True)
class OfImage:
    """A parameter that a user chooses for one image: a form does not carry it over to another one.

    Parameters
    ----------
    by_size
        Whether images of the same size share it, as photographs of one camera do.
    """

    by_size: bool = False


@dataclass(frozen=True)
class FromShape:
    """Corners that a user may draw in the image as the outline of a shape.

    The outline is centered in the smallest array that holds it; the parameter named by `size` receives the shape of
    that array.
    """

    size: str


def parts(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """Split an annotated type into the plain type and its annotations."""
    return (get_args(hint)[0], get_args(hint)[1:]) if get_origin(hint) is Annotated else (hint, ())


def annotation_of(hint: Any, kind: type) -> Any:
    """Return the first annotation of a class that a type carries, or None."""
    return next((annotation for annotation in parts(hint)[1] if isinstance(annotation, kind)), None)


def options(hint: Any) -> tuple[Any, ...]:
    """Return the members of a union, or the type alone if it is not a union."""
    plain = parts(hint)[0]
    return get_args(plain) if get_origin(plain) in (Union, UnionType) else (plain,) if plain is not hint else (hint,)


def gone(value: Any) -> Any:
    """Return a value unchanged, typed as functions receive it: `Signature.resolve` has replaced "auto" before."""
    return value


def middle(shape: tuple[int, ...]) -> tuple[float, ...]:
    """Return the point halfway between the first and the last pixel of each axis."""
    return tuple((n - 1) / 2 for n in shape)


def outer_corners(shape: tuple[int, ...]) -> tuple[tuple[float, float], ...]:
    """Return the corners of a plane, clockwise from the upper left; pixel (0, 0) has its center at (0, 0)."""
    bottom, right = shape[0] - 0.5, shape[1] - 0.5
    return (-0.5, -0.5), (-0.5, right), (bottom, right), (bottom, -0.5)


def of_noise(factor: float) -> Auto:
    """Return the rule that "auto" is a factor times the standard deviation of the noise, but greater than 0."""
    return Auto(lambda noise_level: max(factor * noise_level, LEAST))


LEAST = 1e-6  # of the value range, for parameters that must be greater than 0


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
    Literal["auto"] | Fraction | tuple[Fraction, ...], Label("noise"), When("method", ("BayesShrink", "VisuShrink")),
    Auto(lambda noise_levels: noise_levels if len(noise_levels) > 1 else noise_levels[0]),
]  # fmt: skip
NoisePower = Annotated[Literal["auto"] | Variance, Label("noise variance"), Auto(lambda noise_level: noise_level**2)]
Threshold = Annotated[float, Number(ge=0, le=100, step=0.01, unit="of the value range"), When("method", ("fixed",))]
Shifts = Annotated[int, Number(ge=0, le=15, step=1, unit="px"), Label("shifts")]
OddSize = Annotated[int, Number(ge=1, le=255, step=2, unit="px")]
OddSizes = Annotated[OddSize | tuple[OddSize, ...], PerAxis(length=True, odd=True)]
TVWeight = Annotated[float, Number(gt=0, le=100, step=0.05, unit="of the value range")]
ColorSigma = Annotated[float, Number(gt=0, le=10, step=0.01, unit="of the value range")]
AutoColorSigma = Annotated[Literal["auto"] | ColorSigma, of_noise(3), Label("value σ")]
AutoTVWeight = Annotated[Literal["auto"] | TVWeight, of_noise(1), Label("weight")]
AutoBregmanWeight = Annotated[Literal["auto"] | TVWeight, of_noise(2), Label("weight")]
SpatialSigma = Annotated[float, Number(ge=0, le=30, step=0.1, unit="px")]
SpatialSigmas = Annotated[SpatialSigma | tuple[SpatialSigma, ...], PerAxis(length=True), Label("spatial σ")]
PatchNoise = Annotated[float, Number(ge=0, le=10, step=0.01, unit="of the value range")]
AutoPatchNoise = Annotated[Literal["auto"] | PatchNoise, Auto(lambda noise_level: noise_level), Label("noise")]
Filtering = Annotated[float, Number(gt=0, le=10, step=0.01, unit="of the value range")]
AutoFiltering = Annotated[
    Literal["auto"] | Filtering, Auto(lambda sigma: max(1.15 * sigma, LEAST)), Label("strength h")
]
PatchSize = Annotated[int, Number(ge=1, le=31, step=2, unit="px")]
PatchSizes = Annotated[PatchSize | tuple[PatchSize, ...], PerAxis(length=True, odd=True), Label("patch")]
Distance = Annotated[int, Number(ge=1, le=50, step=1, unit="px")]
Distances = Annotated[Distance | tuple[Distance, ...], PerAxis(length=True), Label("distance")]
Iterations = Annotated[int, Number(ge=1, le=1000, step=10), Label("iterations")]
FewestIterations = Annotated[int, Number(ge=1, le=1000, step=10), Label("fewest iterations")]
MostIterations = Annotated[int, Number(ge=1, le=1000, step=10), Label("most iterations")]
Isotropic = Annotated[bool, Label("isotropic")]
Balance = Annotated[float, Number(ge=0, le=1e6, step=0.005)]
Boundary = Annotated[Literal["reflect", "zero", "periodic"], Label("boundary")]
PsfBorder = Annotated[Literal["keep", "subtract"], Label("PSF border")]
PsfCenter = Annotated[Literal["centroid", "array"], Label("PSF center")]
Background = Annotated[float, Number(ge=0, le=1e20, step=1)]
VariationWeight = Annotated[float, Number(ge=0, le=0.1, step=0.001), Label("TV weight")]
RelativeChange = Annotated[float, Number(ge=0, le=1, step=0.0001), Label("stop at change")]
SampleChange = Annotated[float, Number(ge=0, le=1, step=0.0001), Label("stop at change")]
KeepEvery = Annotated[int, Number(ge=0, le=1000, step=1), Label("keep every"), OfImage()]
Burnin = Annotated[int, Number(ge=0, le=1000, step=5), Label("burn-in")]
Share = Annotated[float, Number(ge=0, le=1, step=0.005)]
SaltShare = Annotated[float, Number(ge=0, le=1, step=0.05), Label("share of salt")]
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
Side = Annotated[float, Number(ge=-1e9, le=1e9, step=1)]
PixelSize = Annotated[tuple[Side, Side], Label("pixel size"), FromLayer("size")]
Frame = Annotated[tuple[tuple[Step, Step], tuple[Step, Step]], Label("pixel frame")]
Directions = Annotated[tuple[tuple[Step, Step], tuple[Step, Step]], Label("pixel frame"), FromLayer("frame")]
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
