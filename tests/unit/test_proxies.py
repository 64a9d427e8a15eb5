"""Proxies of the environment: what listens on this machine is reached without them, and nonsense is named."""

from __future__ import annotations

import httpx
import pytest

from cli.proxies import pass_over_proxies_here
from shared.errors import BadInput

HERE = "127.0.0.1,localhost,::1"


def left_out(**environ: str) -> str:
    pass_over_proxies_here(environ)
    assert environ["no_proxy"] == environ["NO_PROXY"]
    return environ["no_proxy"]


def test_this_machine_is_left_out_where_a_proxy_is_named_however_it_is_spelled() -> None:
    assert {left_out(**{name: "http://proxy:3128"}) for name in ("HTTP_PROXY", "https_proxy", "ALL_PROXY")} == {HERE}
    assert left_out(HTTP_PROXY="http://proxy:3128", NO_PROXY=".example.com, localhost,[::1]") == ".example.com,localhost,::1,127.0.0.1"
    assert left_out(HTTP_PROXY="http://proxy:3128", NO_PROXY="b.com", no_proxy="a.com") == f"a.com,{HERE}"
    assert left_out(HTTP_PROXY="http://proxy:3128", NO_PROXY=".example.com,*") == "*", "which urllib reads only where it stands alone"
    untouched: dict[str, str] = {"HTTP_PROXY": ""}
    pass_over_proxies_here(untouched)
    assert untouched == {"HTTP_PROXY": ""}


@pytest.mark.parametrize("value", ["proxy", "proxy:3128", "http://user@proxy:3128", "socks5h://127.0.0.1:1080", "https://[::1]:1"])
def test_what_is_taken_for_a_proxy_is_what_httpx_takes(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    left_out(ALL_PROXY=value)
    monkeypatch.setenv("ALL_PROXY", value)
    httpx.Client().close()


@pytest.mark.parametrize("value", ["::bad", "http://", "socks4://proxy", "ftp://proxy", "http://proxy:abc", "http://[::1", "http:// proxy"])
def test_a_proxy_that_is_none_is_named_without_the_password_that_may_be_in_it(value: str) -> None:
    with pytest.raises(BadInput, match="https_proxy holds no address") as refused:
        left_out(https_proxy=value)
    assert value not in refused.value.message


@pytest.mark.parametrize("value", ["*", "10.0.0.0/8", "*.example.com", "localhost:8080", "http://host", "[::1", "_x.y,", "::1 , fe80::1"])
def test_hosts_that_are_left_out_are_those_that_httpx_can_read(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", left_out(NO_PROXY=value))
    httpx.Client().close()


@pytest.mark.parametrize("value", ["fe80::/10", "host:port"])
def test_what_no_client_can_read_there_is_named(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match=f"NO_PROXY holds {value!r}"):
        left_out(NO_PROXY=f"localhost,{value}")
    monkeypatch.setenv("NO_PROXY", value)
    with pytest.raises(httpx.InvalidURL):
        httpx.Client()
