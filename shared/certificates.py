"""Certificates of one's own, which the environment names for every client of TLS: ``SSL_CERT_FILE``, as OpenSSL and httpx read it."""

from __future__ import annotations

import os
import ssl

CERTIFICATES_REMEDY = "Give the path of a file of certificates (PEM), or unset it to use the usual ones."


def wrong_certificates() -> str | None:
    """What is wrong with that file: no client can be made with it. ``None`` where it can be read, or none is named."""
    file = os.environ.get("SSL_CERT_FILE")
    if not file:
        return None
    try:
        ssl.create_default_context(cafile=file)
    except OSError as error:
        return f"SSL_CERT_FILE: no certificates can be read from {file!r} ({error.strerror or error})."
    return None
