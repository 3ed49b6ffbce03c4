"""Position-dependent gains, applied in linear light."""

import math

from ._jit import inline, kernel

ENCODINGS = {"linear": 0, "sRGB": 1, "gamma": 2}
LEAST = 0.05  # lowest share of the light that is assumed anywhere: a polynomial may fall to 0 in a corner


@inline
def decoded(v: float, encoding: int, gamma: float) -> float:
    """Return the light that a value stands for; the curve is odd about 0 (IEC 61966-2-1 for sRGB)."""
    if encoding == 0:
        return v
    x = abs(v)
    if encoding == 2:
        x = x**gamma
    elif x <= 0.04045:
        x = x / 12.92
    else:
        x = math.exp(2.4 * math.log((x + 0.055) / 1.055))
    return x if v >= 0 else -x


@inline
def encoded(v: float, encoding: int, gamma: float) -> float:
    """Return the value that stands for some light: the inverse of `decoded`."""
    if encoding == 0:
        return v
    x = abs(v)
    if encoding == 2:
        x = x ** (1.0 / gamma)
    elif x <= 0.0031308:
        x = 12.92 * x
    else:
        x = 1.055 * math.exp(math.log(x) / 2.4) - 0.055
    return x if v >= 0 else -x


@inline
def gain_at(r2, k1, k2, k3, power):  # type: ignore[no-untyped-def]
    """Return the gain ``(1 + k1 r^2 + k2 r^4 + k3 r^6) ** -power`` at the squared distance `r2`."""
    share = max(1.0 + r2 * (k1 + r2 * (k2 + r2 * k3)), LEAST)
    if power == 1.0:
        return 1.0 / share
    if power == -1.0:
        return share
    return share**-power


@kernel
def lighten(image, top, left, center, radius, coefficients, power, encoding, gamma, low, width, colors, out):  # type: ignore[no-untyped-def]
    """Multiply the light of a box (r, c, channels) at (top, left) by `gain_at`; copy channels from `colors` on.

    In an encoding that is not linear, `low` is black and ``low + width`` is white.
    """
    k1, k2, k3 = coefficients
    for y in range(image.shape[0]):
        dy = (top + y - center[0]) / radius
        for x in range(image.shape[1]):
            dx = (left + x - center[1]) / radius
            gain = gain_at(dy * dy + dx * dx, k1, k2, k3, power)
            for c in range(image.shape[2]):
                v = float(image[y, x, c])
                if c >= colors or gain == 1.0:
                    out[y, x, c] = image[y, x, c]
                elif encoding == 0:
                    out[y, x, c] = v * gain
                else:
                    light = decoded((v - low) / width, encoding, gamma) * gain
                    out[y, x, c] = low + width * encoded(light, encoding, gamma)
