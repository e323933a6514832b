"""Keys and signatures for tests, made with nothing but the curve: what a signer would write, and what none should."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from packflow_runtime import p256
from packflow_runtime import signature_bundles as bundles
from packflow_runtime.p256 import G, N, Point
from packflow_runtime.public_keys import PublicKey


def multiple(times: int, point: Point = G) -> Point:
    """``times`` a point; by another way than verification takes it."""
    total = p256._INFINITY
    for bit in f"{times % N:b}":
        total = p256._double(total)
        if bit == "1":
            total = p256._add(total, point)
    affine = p256._affine(total)
    assert affine is not None
    return affine


class Signer:
    """A private key that is a number chosen by the test."""

    def __init__(self, secret: int) -> None:
        self.secret = secret
        self.key = PublicKey(multiple(secret))

    def numbers(self, message: bytes) -> tuple[int, int]:
        """An ECDSA signature of ``message``, always the same."""
        digest = hashlib.sha256(message).digest()
        k = int.from_bytes(hashlib.sha512(digest + self.secret.to_bytes(32, "big")).digest(), "big") % N
        r = multiple(k)[0] % N
        return r, (int.from_bytes(digest, "big") + r * self.secret) * pow(k, -1, N) % N

    def bundle(self, statement: dict[str, Any] | bytes, **changes: Any) -> dict[str, Any]:
        """A bundle with a right signature of ``statement``; ``changes`` replace its top-level fields."""
        payload = statement if isinstance(statement, bytes) else json.dumps(statement).encode()
        sig = bundles.der_signature(*self.numbers(bundles.signed_bytes(payload)))
        return {
            "mediaType": bundles.BUNDLE_TYPE,
            "verificationMaterial": {"publicKey": {"hint": self.key.fingerprint}, "tlogEntries": []},
            "dsseEnvelope": {
                "payload": base64.b64encode(payload).decode(),
                "payloadType": bundles.PAYLOAD_TYPE,
                "signatures": [{"sig": base64.b64encode(sig).decode(), "keyid": ""}],
            },
            **changes,
        }

    def sign(self, name: str, content: bytes) -> bytes:
        """The signature file of a file with this name and content."""
        return json.dumps(self.bundle(statement_of(name, content))).encode()


def statement_of(name: str, content: bytes, **changes: Any) -> dict[str, Any]:
    """The statement about one file, with ``changes`` to its predicate."""
    digest = hashlib.sha256(content).hexdigest()
    return {
        "_type": bundles.STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": bundles.subject_digest(digest)}}],
        "predicateType": bundles.PREDICATE_TYPE,
        "predicate": {
            "serialization": {"method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": []},
            "resources": [{"name": ".", "algorithm": "sha256", "digest": digest}],
            **changes,
        },
    }
