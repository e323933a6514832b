"""Certificates that a properties file names, read before any broker is asked for anything."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from .addresses import address_error

if TYPE_CHECKING:
    from ...errors import PackflowError


def tls_context(name: str, authorities: str | None, certificate: str | None, key: str | None) -> ssl.SSLContext:
    """What TLS goes by: a file of authorities (None: this machine's), our own certificate and its key.

    Raises PackflowError where a file cannot be read or holds none; ``name`` is that of the broker's end.
    """
    if key is not None and certificate is None:
        raise _unreadable(name, f"there is a key, {key}, and no certificate")
    try:
        context = ssl.create_default_context(cafile=authorities)
        if certificate is not None:
            context.load_cert_chain(certificate, key)
    except OSError as error:  # SSLError is one
        named = ", ".join(path for path in (authorities, certificate, key) if path is not None)
        raise _unreadable(name, f"{error.strerror or error} ({named})") from None
    return context


def _unreadable(name: str, reason: str) -> PackflowError:
    return address_error(f"{name}: the certificates cannot be read: {reason}.", "Mend the properties file.")
