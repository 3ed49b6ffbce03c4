"""Elementary functions written as plain arithmetic, so that loops vectorize; accurate to a few units in the last place.

The argument is reduced in two steps, after W. J. Cody and W. Waite, "Software Manual for the Elementary Functions"
(1980).
"""

import math

import numpy as np

from ._jit import inline

PER_LN2 = 1 / math.log(2)
LN2 = (6.93147180369123816490e-01, 1.90821492927058770002e-10)  # trailing zeros make products with the first exact
PER_QUARTER = 2 / math.pi
QUARTER = (1.57079632673412561417e00, 6.07710050650619224932e-11)  # of a turn
ROUND = 1.5 * 2.0**52  # adding this rounds a number to an integer, which its lowest bits then hold
EXP = tuple(1 / math.factorial(k) for k in range(14))
SIN = tuple((-1) ** k / math.factorial(2 * k + 1) for k in range(8))
COS = tuple((-1) ** k / math.factorial(2 * k) for k in range(9))


@inline
def exp_of_negative(x: float) -> float:
    """Return the exponential of a number of at most 0."""
    x = max(x, -700.0)
    shifted = x * PER_LN2 + ROUND
    n = shifted - ROUND
    f = (x - n * LN2[0]) - n * LN2[1]
    e = EXP
    low = e[0] + f * (e[1] + f * (e[2] + f * (e[3] + f * (e[4] + f * (e[5] + f * e[6])))))
    high = e[7] + f * (e[8] + f * (e[9] + f * (e[10] + f * (e[11] + f * (e[12] + f * e[13])))))
    cube = f * f * f
    bits = np.int64(np.float64(shifted).view(np.int64) + np.int64(1023)) << np.int64(52)
    power = np.int64(bits).view(np.float64)
    return (low + cube * cube * f * high) * power


@inline
def sin_cos(x: float) -> tuple[float, float]:
    """Return the sine and the cosine of an angle (radians) of up to some thousand turns."""
    n = (x * PER_QUARTER + ROUND) - ROUND
    f = (x - n * QUARTER[0]) - n * QUARTER[1]
    q = n - 4 * math.floor(n * 0.25)
    g = f * f
    s, c = SIN, COS
    sin = f * (s[0] + g * (s[1] + g * (s[2] + g * (s[3] + g * (s[4] + g * (s[5] + g * (s[6] + g * s[7])))))))
    cos = c[0] + g * (c[1] + g * (c[2] + g * (c[3] + g * (c[4] + g * (c[5] + g * (c[6] + g * (c[7] + g * c[8])))))))
    odd = (q == 1.0) | (q == 3.0)
    a, b = (cos, sin) if odd else (sin, cos)
    return -a if q >= 2.0 else a, -b if (q == 1.0) | (q == 2.0) else b
