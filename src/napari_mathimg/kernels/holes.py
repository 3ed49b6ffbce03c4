"""Filling of holes from their edges inward, ring by ring."""

from ._jit import inline, kernel

KNOWN, UNKNOWN, WAITING = 0, 1, 2  # states of a pixel
SCALE = 1 / 32  # keeps the sum of up to 26 neighbors within the range of the type; a power of 2 is exact


@inline
def place(flat, rows, columns):  # type: ignore[no-untyped-def]
    """Return the plane, the row and the column of a pixel from its number."""
    return flat // (rows * columns), flat // columns % rows, flat % columns


@kernel
def edge_of_holes(state, steps, holes):  # type: ignore[no-untyped-def]
    """Mark the pixels of `holes` that have a known neighbor as waiting, and return their numbers.

    `state` is (planes, rows, columns); neighbors are up to `steps` (0 or 1 along each axis) away.
    """
    planes, rows, columns = state.shape
    found = holes.copy()
    count = 0
    for h in range(holes.size):
        z, y, x = place(holes[h], rows, columns)
        beside = False
        for p in range(max(z - steps[0], 0), min(z + steps[0], planes - 1) + 1):
            for q in range(max(y - steps[1], 0), min(y + steps[1], rows - 1) + 1):
                for r in range(max(x - steps[2], 0), min(x + steps[2], columns - 1) + 1):
                    beside |= state[p, q, r] == KNOWN
        if beside:
            found[count] = holes[h]
            count += 1
    for k in range(count):
        z, y, x = place(found[k], rows, columns)
        state[z, y, x] = WAITING
    return found[:count]


@kernel
def fill_ring(image, state, steps, ring, values, after):  # type: ignore[no-untyped-def]
    """Give each pixel of a ring the mean of its known neighbors; write the next ring to `after`, return its length.

    The mean is taken before any pixel of the ring is known, so that the order of the pixels does not matter.
    """
    planes, rows, columns = state.shape
    for k in range(ring.size):
        z, y, x = place(ring[k], rows, columns)
        total, count = 0.0, 0
        for p in range(max(z - steps[0], 0), min(z + steps[0], planes - 1) + 1):
            for q in range(max(y - steps[1], 0), min(y + steps[1], rows - 1) + 1):
                for r in range(max(x - steps[2], 0), min(x + steps[2], columns - 1) + 1):
                    if state[p, q, r] == KNOWN:
                        total += image[p, q, r] * SCALE
                        count += 1
        values[k] = total / count / SCALE
    for k in range(ring.size):
        z, y, x = place(ring[k], rows, columns)
        image[z, y, x] = values[k]
        state[z, y, x] = KNOWN
    found = 0
    for k in range(ring.size):
        z, y, x = place(ring[k], rows, columns)
        for p in range(max(z - steps[0], 0), min(z + steps[0], planes - 1) + 1):
            for q in range(max(y - steps[1], 0), min(y + steps[1], rows - 1) + 1):
                for r in range(max(x - steps[2], 0), min(x + steps[2], columns - 1) + 1):
                    if state[p, q, r] == UNKNOWN:
                        state[p, q, r] = WAITING
                        after[found] = (p * rows + q) * columns + r
                        found += 1
    return found


@kernel
def relax(image, holes, steps, sweeps, speed):  # type: ignore[no-untyped-def]
    """Move the pixels `holes` of a volume toward the mean of their nearest neighbors, sweep by sweep (SOR)."""
    planes, rows, columns = image.shape
    for _ in range(sweeps):
        for k in range(holes.size):
            z, y, x = place(holes[k], rows, columns)
            total, count = 0.0, 0
            if steps[0] and z > 0:
                total, count = total + image[z - 1, y, x], count + 1
            if steps[0] and z + 1 < planes:
                total, count = total + image[z + 1, y, x], count + 1
            if steps[1] and y > 0:
                total, count = total + image[z, y - 1, x], count + 1
            if steps[1] and y + 1 < rows:
                total, count = total + image[z, y + 1, x], count + 1
            if steps[2] and x > 0:
                total, count = total + image[z, y, x - 1], count + 1
            if steps[2] and x + 1 < columns:
                total, count = total + image[z, y, x + 1], count + 1
            if count:
                image[z, y, x] += speed * (total / count - image[z, y, x])
