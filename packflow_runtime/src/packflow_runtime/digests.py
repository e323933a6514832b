"""SHA-256 without a slow import."""

from __future__ import annotations


def sha256_hex(data: bytes) -> str:
    """The digest by Python's own code where there is some: importing hashlib loads OpenSSL, which takes longer."""
    for name in ("_sha2", "_sha256"):
        try:
            module = __import__(name)
        except ImportError:
            continue
        return str(module.sha256(data).hexdigest())
    import hashlib  # noqa: PLC0415

    return hashlib.sha256(data).hexdigest()
