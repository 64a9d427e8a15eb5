"""Module ``http``. Pages: stdlib/http/*, http-requests, authenticate-from-workflow."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, Literal
from urllib.parse import urlencode, urlsplit

from infra.local.workflows.effects import Answer, Coroutine, Outside
from infra.local.workflows.errors import (
    TransportError,
    failure,
    http_failure,
    result_too_large,
    transport_failure,
    type_failure,
    value_failure,
)
from infra.local.workflows.frames import Run
from infra.local.workflows.stdlib.jsons import decode, encode
from infra.local.workflows.stdlib.signature import BlockingFunction, blocking, mapping, number, sequence, string
from infra.local.workflows.transport import HttpRequest, HttpResponse, Transport
from infra.local.workflows.values import Value, type_name

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
_USER_AGENT: Final = "GoogleCloudWorkflows; (+https://cloud.google.com/workflows/docs)"
_SERVICE: Final = re.compile(r"projects/[^/]+/locations/[^/]+/namespaces/[^/]+/services/[^/]+")
_OPTIONS: Final = "timeout? body? headers? query? auth? private_service_name? ca_certificate?"


def send_through(
    transport: Transport,
    run: Run,
    method: Value,
    url: Value,
    timeout: Value,
    body: Value,
    headers: Value,
    query: Value,
    auth: Value,
    service: Value,
    certificate: Value,
) -> Coroutine:
    """Send one request; the map with body, code and headers."""
    verb, target = string(method, "method").upper(), _url(url)
    if verb not in METHODS:
        raise value_failure(f"method has to be one of {', '.join(METHODS)}")
    _refuse_private(target, service, certificate)
    sent = _headers(headers)
    request = HttpRequest(verb, target, sent, _query(query), _body(body, sent), _timeout(run, timeout))
    token = _token(run, auth, target)

    def call() -> Answer:
        if token is not None:
            sent["Authorization"] = f"Bearer {token()}"
        try:
            response = transport.send(request)
        except TransportError as problem:
            raise transport_failure(problem) from problem
        return Answer(response, response.took_s)

    response = yield Outside(call, request.timeout_s)
    assert isinstance(response, HttpResponse)
    return _result(run, response)


def _url(value: Value) -> str:
    url = string(value, "url")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise value_failure(f"not a URL: '{url}'") from None
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise value_failure(f"url has to be an absolute http or https URL, not '{url}'")
    return url


def _refuse_private(url: str, service: Value, certificate: Value) -> None:
    """ValueError for what the http.request page calls invalid, SystemError for the rest: the local runner has no private endpoints."""
    if certificate is not None and not isinstance(certificate, bytes):
        raise value_failure(f"ca_certificate has to be bytes, not '{type_name(certificate)}'")
    if service is not None:
        name = string(service, "private_service_name")
        if not _SERVICE.fullmatch(name):
            raise value_failure(f"private_service_name has to be projects/.../locations/.../namespaces/.../services/..., not '{name}'")
        if ":" in urlsplit(url).netloc.rpartition("@")[2].rpartition("]")[2]:
            raise value_failure(f"the URL of a request to a private service has no port: '{url}'")
    if service is not None or certificate is not None:
        raise failure("SystemError", "private_service_name and ca_certificate are not supported by the local runner")


def _timeout(run: Run, value: Value) -> float:
    if value is None:
        return run.limits.http_default_timeout_s
    seconds = float(number(value, "timeout"))
    if not (math.isfinite(seconds) and 0 < seconds <= run.limits.http_timeout_s):
        raise value_failure(f"timeout has to be between 0 and {run.limits.http_timeout_s:.0f} seconds")
    return seconds


def _headers(value: Value) -> dict[str, str]:
    """The headers as given, with the name of the service at the end of the User-Agent (http-requests page)."""
    headers = {} if value is None else {key: string(item, f"the header {key}") for key, item in mapping(value, "headers").items()}
    name = next((key for key in headers if key.lower() == "user-agent"), "User-Agent")
    headers[name] = f"{headers.get(name, '')} {_USER_AGENT}".strip()
    return headers


def _plain(value: Value, what: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    raise type_failure(f"{what} has to be a string, a number, a boolean or a list of those, not '{type_name(value)}'")


def _query(value: Value) -> tuple[tuple[str, str], ...]:
    if value is None:
        return ()
    pairs: list[tuple[str, str]] = []
    for key, item in mapping(value, "query").items():
        pairs += [(key, _plain(part, f"the query parameter {key}")) for part in (item if isinstance(item, list) else [item])]
    return tuple(pairs)


def _body(body: Value, headers: dict[str, str]) -> bytes | None:
    """The bytes to send, encoded as the Content-Type asks;

    without one, bytes go as they are and everything else as JSON. Adds the header then.
    """
    if body is None:
        return None
    given = next((value for key, value in headers.items() if key.lower() == "content-type"), None)
    if given is None:
        headers["Content-Type"] = "application/octet-stream" if isinstance(body, bytes) else "application/json; charset=utf-8"
    if isinstance(body, bytes):
        return body
    media = (given or "application/json").partition(";")[0].strip().lower()
    if media == "application/x-www-form-urlencoded" and isinstance(body, dict):
        return urlencode([(key, _plain(item, f"the form field {key}")) for key, item in body.items()]).encode("ascii")
    if isinstance(body, str) and not _is_json(media):
        return body.encode("utf-8", "surrogatepass")
    return encode(body).encode("utf-8", "surrogatepass")


def _is_json(media: str) -> bool:
    return media == "application/json" or media.endswith("+json")


def _token(run: Run, auth: Value, url: str) -> Callable[[], str] | None:
    """What fetches the token that ``auth`` asks for; None if it asks for none."""
    if auth is None:
        return None
    options = mapping(auth, "auth")
    kind = string(options.get("type"), "the type of auth")
    if kind not in ("OIDC", "OAuth2"):
        raise value_failure("the type of auth has to be OIDC or OAuth2")
    source = run.token_source
    if source is None:
        raise failure("AuthError", f"the request to {url} asks for {kind} credentials and the runner has no token source")
    exact: Literal["OIDC", "OAuth2"] = "OIDC" if kind == "OIDC" else "OAuth2"
    audience = string(options.get("audience", url), "the audience of auth")
    scopes = _scopes(options.get("scopes", options.get("scope")))

    def fetch() -> str:
        try:
            return source.token(exact, audience, scopes)
        except Exception as problem:  # a port's error, whatever its type, is the workflow's AuthError (see TokenSource)
            raise failure("AuthError", f"generating {kind} credentials failed: {problem}") from problem

    return fetch


def _scopes(value: Value) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return tuple(value.replace(",", " ").split())
    return tuple(string(item, "a scope") for item in sequence(value, "scopes"))


def _result(run: Run, response: HttpResponse) -> Value:
    """The map with body, code and headers; raises HttpError for a status of 400 or more."""
    if len(response.body) > run.limits.response_bytes:
        raise result_too_large(len(response.body), run.limits.response_bytes)
    headers: dict[str, Value] = {_canonical(key): value for key, value in response.headers.items()}
    body = decoded(response.body, str(headers.get("Content-Type", "")))
    if response.status >= 400:
        raise http_failure(response.status, headers, body)
    return {"body": body, "code": response.status, "headers": headers}


@lru_cache(maxsize=256)
def _canonical(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))


def decoded(body: bytes, content_type: str) -> Value:
    """JSON as a value if the response says it is JSON, text otherwise, bytes if it is no text."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return body
    if _is_json(content_type.partition(";")[0].strip().lower()):
        try:
            return decode(text)
        except (ValueError, RecursionError):
            return text
    return text


def _shortcut(verb: str) -> BlockingFunction:
    def start(run: Run, *arguments: Value) -> Coroutine:
        return send_through(run.transport, run, verb, *arguments)

    return blocking(f"http.{verb.lower()}", f"url {_OPTIONS}", start)


def _get(run: Run, url: Value, timeout: Value, *options: Value) -> Coroutine:
    return send_through(run.transport, run, "GET", url, timeout, None, *options)


def _request(run: Run, *arguments: Value) -> Coroutine:
    method, url, *options = arguments
    return send_through(run.transport, run, method, url, *options)


FUNCTIONS: Final = (
    blocking("http.get", "url " + _OPTIONS.replace("body? ", ""), _get),
    *(_shortcut(verb) for verb in ("POST", "PUT", "PATCH", "DELETE")),
    blocking("http.request", "method url " + _OPTIONS, _request),
)
