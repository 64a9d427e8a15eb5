"""Module ``hash``. Pages: stdlib/hash/*."""

from __future__ import annotations

from typing import Final

from infra.local.workflows.errors import value_failure
from infra.local.workflows.stdlib.signature import function, octets, string
from infra.local.workflows.values import Value

_ALGORITHMS: Final = {"MD5", "SHA1", "SHA224", "SHA256", "SHA384", "SHA512"}


def _algorithm(value: Value) -> str:
    name = string(value, "algorithm")
    if name not in _ALGORITHMS:
        raise value_failure(f"the hashing algorithm '{name}' is not one of {', '.join(sorted(_ALGORITHMS))}")
    return name.lower()


def _checksum(data: Value, algorithm: Value) -> Value:
    import hashlib  # here, as hmac below: most definitions need neither, and both load OpenSSL

    return hashlib.new(_algorithm(algorithm), octets(data, "data"), usedforsecurity=False).digest()


def _hmac(key: Value, data: Value, algorithm: Value) -> Value:
    import hmac

    return hmac.new(octets(key, "key"), octets(data, "data"), _algorithm(algorithm)).digest()


FUNCTIONS: Final = (
    function("hash.compute_checksum", "data algorithm", _checksum),
    function("hash.compute_hmac", "key data algorithm", _hmac),
)
