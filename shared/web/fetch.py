"""One URL to its bytes: behind the address guard, with a cap on size and on time. What the bytes say is for the sandbox to read.

Each redirect is a new address and is checked like the first. No proxy of the environment is used, since it would resolve the name
itself; no cookie is kept, no key is sent.
"""

from __future__ import annotations

import asyncio
import zlib

import httpx

from shared.background_loop import BackgroundLoop
from shared.errors import PageNotFetched
from shared.version import VERSION
from shared.web.addresses import AddressGuard, Target, shown
from shared.web.pages import FetchedPage

MAX_REDIRECTS = 5
MAX_PAGE_BYTES = 15_000_000
MEDIA_TYPES = ("text/html", "application/xhtml+xml", "text/plain", "text/markdown", "application/pdf")
USER_AGENT = f"KimeraResearch/{VERSION} (a research assistant that reads cited pages, one at a time)"
CONNECT_S = 10.0
READ_S = 15.0
TOTAL_S = 30.0
"""For one page with all its redirects."""
_GRACE_S = 2.0
"""How much later the caller stops waiting: only where the machine's resolver does not let go."""
_REDIRECTS = (301, 302, 303, 307, 308)


class WebFetch:
    """A ``PageFetcher`` over HTTP, for callers on any thread."""

    def __init__(self, guard: AddressGuard | None = None, *, max_bytes: int = MAX_PAGE_BYTES, total_s: float = TOTAL_S) -> None:
        self._guard = guard or AddressGuard()
        self._max_bytes = max_bytes
        self._total_s = total_s

    def fetch(self, url: str) -> FetchedPage:
        """The page. Raises ``AddressRefused`` for an address that is not called, ``PageNotFetched`` for all else that goes wrong."""
        loop = BackgroundLoop("kimera-fetch")
        try:
            return loop.run(self._in_time(url), timeout_s=self._total_s + _GRACE_S)
        except TimeoutError as late:
            raise PageNotFetched(f"{shown(url)} did not arrive within {self._total_s:g} s.") from late
        finally:
            loop.close()

    async def _in_time(self, asked: str) -> FetchedPage:
        async with asyncio.timeout(self._total_s):
            return await self._follow(asked)

    async def _follow(self, asked: str) -> FetchedPage:
        url = asked
        for _ in range(MAX_REDIRECTS + 1):
            target = await asyncio.to_thread(self._guard.check, url)
            found = await self._get(target, asked)
            if isinstance(found, FetchedPage):
                return found
            url = found
        raise PageNotFetched(f"{shown(asked)} leads from page to page: more than {MAX_REDIRECTS} redirects.")

    async def _get(self, target: Target, asked: str) -> FetchedPage | str:
        """The page, or where it has moved. The next address is tried where one cannot be reached."""
        error: httpx.HTTPError | None = None
        for address in target.addresses[:3]:
            try:
                return await self._get_at(target, address, asked)
            except (httpx.ConnectError, httpx.ConnectTimeout) as failed:
                error = failed
            except (httpx.HTTPError, httpx.InvalidURL) as failed:
                raise PageNotFetched(f"{shown(str(target.url))} cannot be fetched: {_short(failed)}.") from failed
        raise PageNotFetched(f"{target.host} cannot be reached: {_short(error)}.") from error

    async def _get_at(self, target: Target, address: str, asked: str) -> FetchedPage | str:
        headers = {
            "Host": target.authority,
            "User-Agent": USER_AGENT,
            "Accept": "text/html,application/xhtml+xml,text/markdown,text/plain,application/pdf",
            "Accept-Encoding": "gzip",
        }
        # The connection goes to the checked address; the name stands in the Host header and in the TLS handshake, where the
        # certificate is checked against it. A client of its own for each request: no connection is shared between names.
        async with httpx.AsyncClient(trust_env=False, timeout=httpx.Timeout(READ_S, connect=CONNECT_S)) as client:
            request = client.build_request("GET", target.at(address), headers=headers, extensions={"sni_hostname": target.host})
            response = await client.send(request, stream=True, follow_redirects=False)
            try:
                if response.status_code in _REDIRECTS and (location := response.headers.get("location")):
                    return str(target.url.join(location))
                return await self._page(target, response, asked)
            finally:
                await response.aclose()

    async def _page(self, target: Target, response: httpx.Response, asked: str) -> FetchedPage:
        where = shown(str(target.url))
        if response.status_code != httpx.codes.OK:
            raise PageNotFetched(f"{where} answered {response.status_code}.")
        media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in MEDIA_TYPES:
            raise PageNotFetched(f"{where} is {media_type or 'of no stated type'}; read are {', '.join(MEDIA_TYPES)}.")
        body = _Body(response.headers.get("content-encoding", ""), self._max_bytes, where)
        async for chunk in response.aiter_raw():
            body.add(chunk)
        return FetchedPage(asked=asked, url=str(target.url), media_type=media_type, data=body.whole())


class _Body:
    """Gathers a body, unpacked as it comes; what would grow beyond the cap is refused before it is unpacked."""

    def __init__(self, encoding: str, max_bytes: int, where: str) -> None:
        self._plain = encoding.strip().lower() in ("", "identity")
        if not self._plain and encoding.strip().lower() not in ("gzip", "x-gzip"):
            raise PageNotFetched(f"{where} is packed as {encoding[:40]!r}, which was not asked for.")
        self._unpack = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        self._max = max_bytes
        self._where = where
        self._data = bytearray()

    def add(self, chunk: bytes) -> None:
        """Take the next bytes. Raises ``PageNotFetched`` over the cap."""
        if not self._plain:
            try:
                chunk = self._unpack.decompress(chunk, self._max - len(self._data) + 1)
            except zlib.error as error:
                raise PageNotFetched(f"{self._where} is damaged: {error}.") from error
        if len(self._data) + len(chunk) > self._max:
            raise PageNotFetched(f"{self._where} is larger than {self._max:,} bytes.")
        self._data += chunk

    def whole(self) -> bytes:
        """All of it. Raises ``PageNotFetched`` where its end is missing, or where it is empty."""
        if not self._plain and not self._unpack.eof:
            raise PageNotFetched(f"{self._where} broke off.")
        if not self._data:
            raise PageNotFetched(f"{self._where} is empty.")
        return bytes(self._data)


def _short(error: BaseException | None) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:200].rstrip(".")
