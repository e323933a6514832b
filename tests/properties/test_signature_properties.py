"""Signatures and keys agree with what the `cryptography` library makes and accepts."""

from __future__ import annotations

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from hypothesis import example, given, settings
from hypothesis import strategies as st

from packflow_runtime.p256 import N, P, is_on_curve, verify
from packflow_runtime.public_keys import KeyInvalidError, PublicKey, parse_public_key
from packflow_runtime.signature_bundles import SignatureInvalidError, der_signature, parse_der_signature
from packflow_runtime.signatures import check_signature

SECRETS = st.integers(1, N - 1) | st.sampled_from([1, 2, 3, N - 1, N - 2, (N - 1) // 2, (N + 1) // 2])
NUMBERS = st.integers(-5, 2**256) | st.sampled_from([0, 1, N - 1, N, N + 1, P - N, P])


def private_key(secret: int) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(secret, ec.SECP256R1())


def point_of(key: ec.EllipticCurvePrivateKey) -> tuple[int, int]:
    numbers = key.public_key().public_numbers()
    return numbers.x, numbers.y


def accepts(key: ec.EllipticCurvePrivateKey, digest: bytes, r: int, s: int) -> bool:
    try:
        signature = utils.encode_dss_signature(r, s)
        key.public_key().verify(signature, digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))
    except (InvalidSignature, ValueError):
        return False
    return True


@settings(max_examples=150, deadline=None)
@given(SECRETS, st.binary())
def test_its_signatures_are_valid_here(secret: int, message: bytes) -> None:
    key = private_key(secret)
    der = key.sign(message, ec.ECDSA(hashes.SHA256()))
    r, s = parse_der_signature(der)
    assert der_signature(r, s) == der
    assert verify(point_of(key), hashlib.sha256(message).digest(), r, s)
    assert not verify(point_of(key), hashlib.sha256(message + b"\0").digest(), r, s)


@settings(max_examples=300, deadline=None)
@given(SECRETS, st.binary(min_size=32, max_size=32), st.data())
def test_both_judge_alike(secret: int, digest: bytes, data: st.DataObject) -> None:
    key = private_key(secret)
    good = utils.decode_dss_signature(key.sign(digest, ec.ECDSA(utils.Prehashed(hashes.SHA256()))))
    r = data.draw(st.just(good[0]) | NUMBERS)
    s = data.draw(st.just(good[1]) | st.just(N - good[1]) | NUMBERS)
    assert verify(point_of(key), digest, r, s) == accepts(key, digest, r, s)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80))
@example(bytes.fromhex("3006020101020101"))
def test_any_bytes_are_a_signature_in_one_form_or_none(der: bytes) -> None:
    try:
        r, s = parse_der_signature(der)
    except SignatureInvalidError:
        return
    assert utils.decode_dss_signature(der) == (r, s)


@settings(max_examples=100, deadline=None)
@given(SECRETS)
def test_its_public_keys_are_read_and_written_alike(secret: int) -> None:
    public = private_key(secret).public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    key = parse_public_key(pem)
    assert key.pem == pem
    assert key.point == point_of(private_key(secret))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, P - 1), st.integers(0, P - 1) | st.none())
def test_points_are_on_the_curve_for_both(x: int, y: int | None) -> None:
    if y is None:  # make it likely that there is one
        root = pow(x**3 - 3 * x + 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B, (P + 1) // 4, P)
        y = root
    try:
        ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    except ValueError:
        assert not is_on_curve(x, y)
    else:
        assert is_on_curve(x, y)
    assert not is_on_curve(x + P, y)  # the same point to those who reduce it: no second spelling
    assert not is_on_curve(x, y + P)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.just(PublicKey((1, 1)).pem))
def test_any_bytes_are_a_key_or_an_error(content: bytes) -> None:
    try:
        key = parse_public_key(content)
    except KeyInvalidError:
        return
    assert is_on_curve(*key.point)


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(lambda v: repr(v).encode())
)
def test_any_bytes_are_checked_without_an_exception(content: bytes) -> None:
    key = PublicKey(point_of(private_key(5)))
    assert check_signature("model.zip", "0" * 64, content, [key]).state == "invalid"
