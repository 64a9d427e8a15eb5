"""The token with which a function calls the sandbox service: for its root, from the metadata server, kept while it is valid."""

from __future__ import annotations

import base64
import json
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.adapters.service_tokens import ServiceTokens
from tests.support.link_server import QuietHandler, serving

FOREVER = 4_102_444_800  # the year 2100


class Metadata(QuietHandler):
    """The part of the metadata server that gives identity tokens."""

    audiences: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        body = b'{"email": "ds-star@p.iam.gserviceaccount.com", "scopes": [], "aliases": ["default"]}'
        if address.path.endswith("/identity"):
            audience = parse_qs(address.query)["audience"][0]
            self.audiences.append(audience)
            parts = ({"alg": "none"}, {"aud": audience, "exp": FOREVER})
            body = ".".join([*(base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in parts), "c2lnbmVk"]).encode()
        self.send_response(200)
        self.send_header("Metadata-Flavor", "Google")
        self.send_header("Content-Type", "application/text" if address.path.endswith("/identity") else "application/json")
        self.end_headers()
        self.wfile.write(body)


def test_the_audience_is_the_services_root_and_a_token_is_fetched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    with serving(Metadata) as server:
        monkeypatch.setattr(Metadata, "audiences", [])
        address = f"127.0.0.1:{server.server_port}"
        monkeypatch.setenv("GCE_METADATA_IP", address)
        monkeypatch.setattr("google.auth.compute_engine._metadata._GCE_METADATA_HOST", address)  # read once, when it is imported
        tokens = ServiceTokens("https://sandbox-x.run.app/")
        first, second = tokens.headers(), tokens.headers()
        claims = first["Authorization"].removeprefix("Bearer ").split(".")[1]
        assert json.loads(base64.urlsafe_b64decode(claims + "=="))["aud"] == "https://sandbox-x.run.app"
        assert first == second and Metadata.audiences == ["https://sandbox-x.run.app"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://localhost:8080/", "http://[::1]:8080"])
def test_a_service_on_this_machine_gets_none(url: str) -> None:
    assert ServiceTokens(url).headers() == {}
