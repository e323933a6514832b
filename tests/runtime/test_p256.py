"""ECDSA on P-256: published vectors, and the inputs on which careless implementations say yes."""

from __future__ import annotations

import hashlib
import unittest

from packflow_runtime.p256 import G, N, P, Point, is_on_curve, verify
from runtime.signers import Signer, multiple

MESSAGE = b"sample"
DIGEST = hashlib.sha256(MESSAGE).digest()
# RFC 6979, A.2.5.
KEY = (
    0x60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6,
    0x7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299,
)
VECTORS = {
    b"sample": (
        0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716,
        0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8,
    ),
    b"test": (
        0xF1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367,
        0x019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083,
    ),
}


def digest_of(number: int) -> bytes:
    return (number % N).to_bytes(32, "big")


class VerifyTest(unittest.TestCase):
    def test_the_vectors_of_rfc_6979(self) -> None:
        self.assertEqual(KEY, multiple(0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721))
        for message, (r, s) in VECTORS.items():
            digest = hashlib.sha256(message).digest()
            self.assertTrue(verify(KEY, digest, r, s))
            self.assertTrue(verify(KEY, digest, r, N - s), "the mirrored signature is one too")

    def test_what_is_near_a_signature_is_none(self) -> None:
        r, s = VECTORS[MESSAGE]
        other = hashlib.sha256(b"other").digest()
        for name, arguments in {
            "another message": (KEY, other, r, s),
            "another key": (multiple(7), DIGEST, r, s),
            "the key mirrored": ((KEY[0], P - KEY[1]), DIGEST, r, s),
            "swapped": (KEY, DIGEST, s, r),
            "r + 1": (KEY, DIGEST, r + 1, s),
            "s + 1": (KEY, DIGEST, r, s + 1),
            "-r": (KEY, DIGEST, N - r, s),
        }.items():
            with self.subTest(name):
                self.assertFalse(verify(*arguments))

    def test_numbers_out_of_range(self) -> None:
        r, s = VECTORS[MESSAGE]
        for bad in (0, -1, N, N + 1, P, 2**256, -r, r + N, s + N, r - N):
            with self.subTest(bad):
                self.assertFalse(verify(KEY, DIGEST, bad, s))
                self.assertFalse(verify(KEY, DIGEST, r, bad))

    def test_every_pair_of_edge_values_is_refused(self) -> None:
        edges = [1, 2, (N - 1) // 2, (N + 1) // 2, N - 2, N - 1, P - N, 2**128, 2**255]
        for r in edges:
            for s in edges:
                with self.subTest(r=r, s=s):
                    self.assertFalse(verify(KEY, DIGEST, r, s))

    def test_a_digest_of_zero(self) -> None:
        signer = Signer(11)
        # e = 0: r = x(kG), s = r d / k.
        k = 12345
        r = multiple(k)[0] % N
        s = r * signer.secret * pow(k, -1, N) % N
        self.assertTrue(verify(signer.key.point, bytes(32), r, s))
        self.assertFalse(verify(signer.key.point, digest_of(1), r, s))

    def test_a_digest_above_the_order(self) -> None:
        for digest in (b"\xff" * 32, N.to_bytes(32, "big"), (N + 5).to_bytes(32, "big")):
            e, k, d = int.from_bytes(digest, "big"), 987654321, 13
            r = multiple(k)[0] % N
            s = (e + r * d) * pow(k, -1, N) % N
            self.assertTrue(verify(multiple(d), digest, r, s))

    def test_sums_that_meet_equal_opposite_and_infinite_points(self) -> None:
        for d in (1, 2, 3, N - 1, N - 2, (N + 1) // 2):  # the key is G, 2G, its mirror image and so on
            key = multiple(d)
            for k in (1, 2, 3, 4, 5, N - 1, N - 2, (N - 1) // 2, 2**255):
                r = multiple(k)[0] % N
                s = (int.from_bytes(DIGEST, "big") + r * d) * pow(k, -1, N) % N
                with self.subTest(d=d, k=k):
                    self.assertTrue(verify(key, DIGEST, r, s))
                    self.assertFalse(verify(key, digest_of(int.from_bytes(DIGEST, "big") + 1), r, s))

    def test_a_sum_at_infinity_is_no_signature(self) -> None:
        # u1 G + u2 Q = 0 when e = -r d: then x has no value, and must not be taken for any.
        d, r, s = 17, 99, 1234
        digest = digest_of(-r * d)
        self.assertFalse(verify(multiple(d), digest, r, s))

    def test_an_x_above_the_order_counts_modulo_the_order(self) -> None:
        # A point whose x lies between N and P is too rare to meet, so it is built: R first, then a key that fits it.
        x = N + 5
        while not _square_root(x):
            x += 1
        point: Point = (x, _square_root(x))
        self.assertTrue(is_on_curve(*point))
        r, s, e = x - N, 777, int.from_bytes(DIGEST, "big")
        # Q = r^-1 (s R - e G)
        inverse = pow(r, -1, N)
        left, right = multiple(s * inverse, point), multiple(-e * inverse)
        key = _plus(left, right)
        self.assertTrue(verify(key, DIGEST, r, s))
        self.assertFalse(verify(key, DIGEST, r + 1, s))


class CurveTest(unittest.TestCase):
    def test_points(self) -> None:
        x, y = KEY
        self.assertTrue(is_on_curve(x, y))
        self.assertTrue(is_on_curve(*G))
        self.assertTrue(is_on_curve(x, P - y))
        for bad in ((x, y + 1), (x + P, y), (x, y - P), (0, 0), (y, x), (P, 0), (-x, y), (1, 1)):
            with self.subTest(bad):
                self.assertFalse(is_on_curve(*bad))


def _square_root(x: int) -> int:
    """The y of a point with this x, 0 where there is none; P leaves 3 when divided by 4."""
    square = (x**3 - 3 * x + 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B) % P
    root = pow(square, (P + 1) // 4, P)
    return root if root * root % P == square else 0


def _plus(one: Point, other: Point) -> Point:
    """The sum of two points with different x, by the schoolbook."""
    slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, P) % P
    x = (slope * slope - one[0] - other[0]) % P
    return x, (slope * (one[0] - x) - one[1]) % P


if __name__ == "__main__":
    unittest.main()
