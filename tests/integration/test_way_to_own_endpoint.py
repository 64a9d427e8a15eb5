"""The way to an endpoint of one's own: nobody there, a proxy that is away, certificates that do not hold or cannot be read."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.models.failures import Failure, RequestFailed
from tests.integration.test_own_endpoint import Endpoint, endpoint, failure

__all__ = ["endpoint", "failure"]  # fixtures


def test_who_cannot_be_reached_is_told_with_the_networks_reason(failure: Callable[[str], RequestFailed], endpoint: Endpoint) -> None:
    endpoint.close()
    refused = failure(endpoint.url)
    assert refused.failure is Failure.UNREACHABLE and "Errno 111" in refused.message and endpoint.url in refused.message
    assert failure("http://nobody.invalid/v1").failure is Failure.UNREACHABLE


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that nobody vouches for, of a host named "own", with its key."""
    folder = tmp_path_factory.mktemp("certificate")
    key, signed, both = (folder / name for name in ("own.key", "own.crt", "own.pem"))
    asked = ["-nodes", "-newkey", "rsa:2048", "-subj", "/CN=own", "-keyout", str(key), "-out", str(signed)]
    subprocess.run(["openssl", "req", "-x509", *asked], check=True, capture_output=True, timeout=30)
    both.write_bytes(key.read_bytes() + signed.read_bytes())
    return both


def test_a_proxy_that_is_away_is_no_defect(failure: Callable[[str], RequestFailed], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of either kind: what speaks SOCKS is a package of its own."""
    for proxy in ("http://127.0.0.1:9", "socks5://127.0.0.1:9"):
        monkeypatch.setenv("ALL_PROXY", proxy)
        assert failure("http://models.example.com/v1").failure is Failure.UNREACHABLE, proxy


def test_a_certificate_that_does_not_hold_is_told_with_what_to_do(failure: Callable[[str], RequestFailed], certificate: Path) -> None:
    endpoint = Endpoint(certificate)
    unknown = failure(endpoint.url)
    assert "self-signed" in unknown.message and "SSL_CERT_FILE" in unknown.remedy
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(certificate))
        elsewhere = failure(endpoint.url)
    endpoint.close()
    assert "mismatch" in elsewhere.message and "a name that its certificate is for" in elsewhere.remedy
    assert {unknown.failure, elsewhere.failure} == {Failure.UNREACHABLE}


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_certificates_that_cannot_be_read_are_named_and_cost_nothing(
    failure: Callable[[str], RequestFailed], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    """The client of every provider reads them when it is made: a `FileNotFoundError` without a name, and a defect it was."""
    certificates = tmp_path / "own.pem"
    if content is not None:
        certificates.write_bytes(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates))
    failed = failure("https://127.0.0.1:9/v1")
    assert failed.failure is Failure.REFUSED and f"SSL_CERT_FILE: no certificates can be read from '{certificates}'" in failed.message
