"""ECDSA on the curve P-256 (FIPS 186-5; SEC 1, section 4.1.4): whether a signature is a key's.

Only public values pass through here, so nothing has to take the same time for every input. Points are in Jacobian
coordinates, which need one division at the end and none on the way.
"""

from __future__ import annotations

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B

Point = tuple[int, int]
"""A point of the curve that is not the one at infinity, by its coordinates below P."""

_Jacobian = tuple[int, int, int]  # stands for (x/z², y/z³); z is 0 at infinity

G: Point = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
_INFINITY: _Jacobian = (1, 1, 0)


def is_on_curve(x: int, y: int) -> bool:
    """Whether both are coordinates, and of a point on the curve: y² = x³ - 3x + b."""
    return 0 <= x < P and 0 <= y < P and (y * y - x * x * x + 3 * x - _B) % P == 0


def verify(key: Point, digest: bytes, r: int, s: int) -> bool:
    """Whether (r, s) is the signature of a message with this SHA-256 by the owner of ``key``, a point on the curve."""
    if not (0 < r < N and 0 < s < N):
        return False
    inverse = pow(s, -1, N)
    x, _, z = _sum_of_multiples(int.from_bytes(digest, "big") * inverse % N, r * inverse % N, key)
    if z == 0:
        return False
    # The point's x may be any number that leaves r when divided by N, and so one of two below P.
    square = z * z
    return any((value * square - x) % P == 0 for value in (r, r + N) if value < P)


def _sum_of_multiples(times_g: int, times_key: int, key: Point) -> _Jacobian:
    """Both multiples at once, from the highest bit down: one doubling serves the two (Shamir's trick)."""
    both = _affine(_add((*G, 1), key))
    choice: tuple[Point | None, ...] = (None, G, key, both)
    total = _INFINITY
    for bit in range(max(times_g, times_key).bit_length() - 1, -1, -1):
        total = _double(total)
        point = choice[(times_g >> bit & 1) | (times_key >> bit & 1) << 1]
        if point is not None:
            total = _add(total, point)
    return total


def _double(point: _Jacobian) -> _Jacobian:
    """Twice a point (explicit-formulas database, dbl-2001-b, for a = -3)."""
    x, y, z = point
    delta = z * z % P
    gamma = y * y % P
    beta = x * gamma % P
    alpha = 3 * (x - delta) * (x + delta) % P
    doubled = (alpha * alpha - 8 * beta) % P
    return doubled, (alpha * (4 * beta - doubled) - 8 * gamma * gamma) % P, 2 * y * z % P


def _add(point: _Jacobian, other: Point) -> _Jacobian:
    """A point and another whose z is 1; also where they are the same, or opposite, or the first is at infinity."""
    x, y, z = point
    if z == 0:
        return (*other, 1)
    square = z * z % P
    h = (other[0] * square - x) % P
    slope = (other[1] * square * z - y) % P
    if h == 0:
        return _INFINITY if slope else _double(point)
    h2 = h * h % P
    h3 = h * h2 % P
    v = x * h2 % P
    total = (slope * slope - h3 - 2 * v) % P
    return total, (slope * (v - total) - y * h3) % P, z * h % P


def _affine(point: _Jacobian) -> Point | None:
    """A point's own coordinates; None at infinity."""
    x, y, z = point
    if z == 0:
        return None
    inverse = pow(z, -1, P)
    square = inverse * inverse % P
    return x * square % P, y * square * inverse % P
