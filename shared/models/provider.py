"""The innermost link: one physical request, through pydantic-ai, to Gemini or to an endpoint that speaks chat completions.

It retries nothing and remembers nothing but how an endpoint can be asked for JSON: by schema (``native``), by a tool, or in words
(``prompted``), whichever is taken first. What goes wrong is a ``RequestFailed`` that says whether the request can have cost anything.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from json import JSONDecodeError
from typing import TYPE_CHECKING, Literal

from shared.background_loop import BackgroundLoop, LoopClosed
from shared.certificates import CERTIFICATES_REMEDY, wrong_certificates
from shared.errors import KimeraError, Unavailable
from shared.models.calls import CallUsage, ModelAnswer, ModelCall, ModelSpec
from shared.models.credentials import ADDRESS_REMEDY, KEY_REMEDY, ModelEndpoints
from shared.models.failures import Failure, RequestFailed
from shared.times import ANSWER_GRACE_S, ANSWER_S, LONGEST_ANSWER_S

if TYPE_CHECKING:
    from pydantic_ai.exceptions import ModelAPIError
    from pydantic_ai.messages import ModelMessage, ModelResponse
    from pydantic_ai.models import Model, ModelRequestParameters
    from pydantic_ai.usage import RequestUsage

Mode = Literal["native", "tool", "prompted"]
NEXT_MODE: dict[Mode, Mode] = {"native": "tool", "tool": "prompted"}
_ABOUT: dict[Mode, tuple[str, ...]] = {"native": ("response_format", "json_schema", "grammar"), "tool": ("tool", "function call")}
"""What the words of a server's error name where it does not take a way of asking."""
TOOL = "answer"
_LONGER_CONTEXT = "Serve the model with a longer context: its window is too short for the request with its answer."
_FASTER = "Take a model, or a machine for it, that answers sooner."
_LONGER = (
    f"{_FASTER} Or let its answers take longer: answer_timeout_s (KIMERA_ANSWER_TIMEOUT_S), up to {LONGEST_ANSWER_S} seconds. "
    "Where others ask the endpoint, too, or it is asked more at once than it answers (endpoint_parallel), its queue takes of that time."
)
_ADDRESS = "Is the endpoint's address right? It usually ends in /v1."
_PAGES = f"{_ADDRESS} A proxy on the way that wants a log-in, or a permission, answers with a page, too."
_STREAMS = "Switch streaming off where the endpoint, or the proxy before it, forces it: requests say that they want none."
_BAD_KEY = ("API key not valid", "API key expired")
"""How Gemini refuses a key: with a 400, whose words alone say that it is the key's."""
_SIGNED_BY_OTHERS = "Name the file of the certificate, or of who signed it, in SSL_CERT_FILE."
_CERTIFICATE_REMEDIES = {
    "mismatch": "Reach the endpoint by a name that its certificate is for, or have one made for this name.",
    "expired": "The endpoint's certificate has to be renewed; or this machine's clock is wrong.",
    "not yet valid": "Is this machine's clock right? The endpoint's certificate begins later.",
}
"""By what OpenSSL says of a certificate that does not hold for another reason than who signed it."""
_NOT_TAKEN = (405, 406, 407, 410, 411, 414, 415, 431, 501)
"""Statuses of a request that nobody began to work on: its path, its form or the proxy on its way (RFC 9110, 6585)."""
_MOST_TOKENS = 1_000_000_000
"""More than any model takes or gives for one request: a count above it is a server's mistake, and none that a cost could be stored of."""
_TOLD_CHARS = 300
_log = logging.getLogger(__name__)


class ProviderLink:
    """Sends calls. Clients are made when they are first needed, and shared by all calls of the process."""

    def __init__(
        self,
        endpoints: ModelEndpoints,
        *,
        renewed: Callable[[], ModelEndpoints] | None = None,
        timeout_s: float = ANSWER_S,
        own_timeout_s: float | None = None,
    ) -> None:
        """``renewed`` reads the keys again, once one was refused; without it they stay what they are.

        ``own_timeout_s``: what an answer of an endpoint of one's own may take, where that is not ``timeout_s``.
        """
        self._endpoints = endpoints
        self._renewed = renewed
        self._timeout_s = timeout_s
        self._own_timeout_s = timeout_s if own_timeout_s is None else own_timeout_s
        self._lock = threading.Lock()
        self._loop: BackgroundLoop | None = None
        self._models: dict[str, Model] = {}
        self._modes: dict[str, Mode] = {}

    def send(self, call: ModelCall) -> ModelAnswer:
        """The answer's JSON text as it came. Raises ``RequestFailed``."""
        with self._lock:
            mode = self._modes.get(call.model.label, "native")
        try:
            return self.send_as(call, mode)
        except RequestFailed as error:
            if error.failure.asks_otherwise:
                with self._lock:
                    self._modes[call.model.label] = NEXT_MODE[mode]
            if error.failure is Failure.KEY_REFUSED:
                raise self._after_renewal(error) from error
            raise

    def _after_renewal(self, refused: RequestFailed) -> RequestFailed:
        """What a refused key means, once the keys were read again: another try where they changed."""
        if self._renewed is None:
            return refused
        try:
            current = self._renewed()
        except KimeraError as error:
            _log.warning("A key was refused, and the keys could not be read again: %s", error)
            return refused
        with self._lock:
            if current == self._endpoints:
                return refused
            self._endpoints = current
            self._models.clear()
        return RequestFailed(Failure.OLD_KEY, refused.message, remedy=refused.remedy, retry_after_s=0)

    def send_as(self, call: ModelCall, mode: Mode) -> ModelAnswer:
        """The same, asked for JSON in this one way. Raises ``Unavailable`` where the link was closed meanwhile."""
        if not self._endpoints.reaches(call.model.provider):
            raise RequestFailed(
                Failure.REFUSED, f"There is no key or endpoint for {call.model.label}.", remedy=self._endpoints.missing(call.model)
            )
        if (wrong := self._endpoints.wrong_address(call.model.provider)) is not None:
            raise RequestFailed(Failure.REFUSED, wrong, remedy=ADDRESS_REMEDY)
        if (wrong := self._endpoints.wrong_key(call.model.provider)) is not None:
            raise RequestFailed(Failure.KEY_REFUSED, wrong, remedy=KEY_REMEDY)
        with self._lock:
            loop = self._loop = self._loop or BackgroundLoop()
            model = self._models.get(call.model.label) or self._models.setdefault(call.model.label, self._made(call.model))
        at = self._endpoints.address(call.model.provider)
        timeout_s = self._own_timeout_s if at else self._timeout_s
        patience_s = timeout_s + ANSWER_GRACE_S
        cut_off = call.within_s < patience_s
        try:
            asking = _request(model, call, mode, timeout_s=timeout_s, at=at)
            response = loop.run(asking, timeout_s=min(call.within_s, patience_s))
        except TimeoutError as late:
            if cut_off:
                raise RequestFailed(Failure.CUT_OFF, f"{call.model.label}: {late}, and the mission's time is up.") from late
            raise RequestFailed(Failure.LOST, f"{call.model.label}: {late}.", remedy=_LONGER if at else _FASTER) from late
        except LoopClosed as closed:  # no word on the model: who stops has the slice done again by the next process
            raise Unavailable(f"{call.model.label} is not waited for: the platform stops.") from closed
        return _answer(response)

    def close(self) -> None:
        """End the loop with its connections."""
        with self._lock:
            if self._loop is not None:
                self._loop.close()
            self._loop = None
            self._models.clear()

    def _made(self, spec: ModelSpec) -> Model:
        try:
            return self._model(spec)
        except OSError as error:
            if (wrong := wrong_certificates()) is None:
                raise
            raise RequestFailed(Failure.REFUSED, wrong, remedy=CERTIFICATES_REMEDY) from error

    def _model(self, spec: ModelSpec) -> Model:
        if spec.provider == "google":
            return self._google(spec.name)
        return self._openai(spec.name)

    def _google(self, name: str) -> Model:
        from pydantic_ai.models.google import GoogleModel
        from pydantic_ai.providers.google import GoogleProvider
        from pydantic_ai.providers.google_cloud import GoogleCloudProvider

        at = self._endpoints
        if at.vertex_project is not None:
            cloud = GoogleCloudProvider(project=at.vertex_project, location=at.vertex_location, base_url=at.google_base_url)
            return GoogleModel(name, provider=cloud)
        assert at.google_api_key is not None
        return GoogleModel(name, provider=GoogleProvider(api_key=at.google_api_key.get_secret_value(), base_url=at.google_base_url))

    def _openai(self, name: str) -> Model:
        from openai import AsyncOpenAI
        from pydantic_ai.models.openai import OpenAIChatModel
        from pydantic_ai.profiles.openai import OpenAIModelProfile
        from pydantic_ai.providers.openai import OpenAIProvider

        from shared.models.own_endpoint import own_endpoint_model

        at = self._endpoints
        key = at.openai_api_key.get_secret_value() if at.openai_api_key is not None else "none"  # local servers ask for no key
        client = AsyncOpenAI(api_key=key, base_url=at.openai_base_url.strip() if at.openai_base_url else None, max_retries=0)
        own = OpenAIModelProfile(
            openai_chat_supports_max_completion_tokens=False,  # they know the older name of the limit only
            supports_json_object_output=False,  # "in words" is for servers that take no response_format of any kind
            native_output_requires_schema_in_instructions=True,  # many pass over a schema without a word, or keep it from the model
        )
        provider = OpenAIProvider(openai_client=client)
        if at.openai_base_url is not None:
            return own_endpoint_model()(name, provider=provider, profile=own)
        return OpenAIChatModel(name, provider=provider)


async def _request(model: Model, call: ModelCall, mode: Mode, *, timeout_s: float, at: str) -> ModelResponse:
    from pydantic_ai import exceptions
    from pydantic_ai.direct import model_request
    from pydantic_ai.settings import ModelSettings

    limit = ModelSettings(max_tokens=call.max_output_tokens, timeout=timeout_s, request_timeout=timeout_s, max_retries=0)
    messages, parameters = _messages(call), _parameters(call, mode)
    try:
        return await model_request(model, messages, model_settings=limit, model_request_parameters=parameters)
    except exceptions.ModelAPIError as error:
        raise _failed(call.model, error, mode, at=at) from error
    except (exceptions.UnexpectedModelBehavior, exceptions.UserError, IndexError) as error:  # IndexError: an empty list of choices
        raise _unreadable(call.model, error, at=at) from error
    except (ValueError, TypeError, LookupError, AttributeError) as error:  # what the SDKs raise of JSON that is none of the protocol's
        _log.warning("An answer of %s cannot be read.", call.model.label, exc_info=error)
        raise _unreadable(call.model, error, at=at) from error


def _messages(call: ModelCall) -> list[ModelMessage]:
    from pydantic_ai.messages import ModelRequest, ModelResponse, TextPart, UserPromptPart

    messages: list[ModelMessage] = [ModelRequest(parts=[UserPromptPart(call.prompt.user)], instructions=call.prompt.system)]
    for correction in call.corrections:
        messages.append(ModelResponse(parts=[TextPart(correction.answer)]))
        told = f"That answer does not fit: {correction.problem}\nAnswer again, with the whole JSON object, corrected."
        messages.append(ModelRequest(parts=[UserPromptPart(told)], instructions=call.prompt.system))
    return messages


def _parameters(call: ModelCall, mode: Mode) -> ModelRequestParameters:
    from pydantic_ai.models import ModelRequestParameters
    from pydantic_ai.output import OutputObjectDefinition
    from pydantic_ai.tools import ToolDefinition

    if mode == "tool":
        tool = ToolDefinition(name=TOOL, parameters_json_schema=call.output_schema, description=f"The {call.output_name}.", kind="output")
        return ModelRequestParameters(output_mode="tool", output_tools=[tool], allow_text_output=False)
    return ModelRequestParameters(
        output_mode=mode, output_object=OutputObjectDefinition(json_schema=call.output_schema, name=call.output_name)
    )


def _answer(response: ModelResponse) -> ModelAnswer:
    from pydantic_ai.messages import ToolCallPart

    called = [part for part in response.parts if isinstance(part, ToolCallPart)]
    tools = [part.args if isinstance(part.args, str) else part.args_as_json_str() for part in called]
    used = response.usage
    usage = CallUsage(used.input_tokens, used.output_tokens, min(used.cache_read_tokens, used.input_tokens)) if _counted(used) else None
    said = tools[0] if tools else response.text or ""
    return ModelAnswer(said, usage, response.model_name or "", cut_short=response.finish_reason == "length")


def _counted(used: RequestUsage) -> bool:
    """Whether that is a count of tokens: none at all, or more than can be, says nothing of what is to be paid."""
    counts = (used.input_tokens, used.output_tokens, used.cache_read_tokens)
    return any(counts[:2]) and all(0 <= count <= _MOST_TOKENS for count in counts)


def _failed(spec: ModelSpec, error: ModelAPIError, mode: Mode, *, at: str) -> RequestFailed:
    """``mode``: how it was asked. ``at``: the address of an endpoint of one's own, else empty."""
    from pydantic_ai import exceptions as e

    if at and (instead := next(filter(None, (_instead(spec, body, at=at) for body in _no_json(error))), None)) is not None:
        return instead
    said = _sentence(f"{spec.label}{f' at {at}' if at else ''}: {_said(error)}")
    wait = error.retry_after
    match error:
        case e.ModelRateLimitError():
            return RequestFailed(Failure.THROTTLED, said, retry_after_s=wait)
        case e.ModelUnavailableError():
            return RequestFailed(Failure.OVERLOADED, said, retry_after_s=wait)
        case e.ModelQuotaExceededError():
            return RequestFailed(Failure.REFUSED, said, remedy="The account's quota or credit is used up: see the provider's console.")
        case e.ModelAuthenticationError() | e.ModelRequestRejectedError() if _is_about_the_key(error):
            return RequestFailed(Failure.KEY_REFUSED, said, remedy="Check the key, and that it may use this model.")
        case e.ModelNotFoundError():
            where = f" {_ADDRESS}" if at else ""
            return RequestFailed(Failure.REFUSED, said, remedy=f"Does the endpoint have a model of this name?{where}")
        case e.ModelContextWindowExceededError() | e.ModelAPIError(provider_error_type="exceed_context_size_error"):
            return RequestFailed(Failure.REFUSED, said, remedy=_LONGER_CONTEXT)
        case e.ModelRequestRejectedError() if mode in NEXT_MODE:
            return RequestFailed(Failure.UNSUPPORTED, said, retry_after_s=0)
        case e.ModelRequestRejectedError():
            return RequestFailed(Failure.REFUSED, said, remedy="The endpoint takes no such request: see what it says, and its log.")
        case e.ModelHTTPError(status_code=413):
            return RequestFailed(Failure.REFUSED, said, remedy="Let the endpoint, or the proxy before it, take larger requests.")
        case e.ModelHTTPError(status_code=status) if status in _NOT_TAKEN:
            return RequestFailed(Failure.REFUSED, said, remedy=_PAGES if at else "")
        case e.ModelConnectionError(phase="pool" | "connect"):
            return RequestFailed(Failure.UNREACHABLE, said, remedy=_unreached(error))
        case e.ModelTimeoutError() | e.ModelRequestTimeout():
            return RequestFailed(Failure.LOST, said, remedy=_LONGER if at else _FASTER)
        case e.ModelHTTPError(status_code=500) if at and _is_about(mode, error):
            return RequestFailed(Failure.STUMBLED, said, retry_after_s=0)  # servers that raise an error where others say 400
        case _:
            return RequestFailed(Failure.LOST, said, retry_after_s=wait)


def _is_about_the_key(error: ModelAPIError) -> bool:
    from pydantic_ai.exceptions import ModelAuthenticationError

    return isinstance(error, ModelAuthenticationError) or any(words in _said(error) for words in _BAD_KEY)


def _is_about(mode: Mode, error: ModelAPIError) -> bool:
    return any(word in _said(error).casefold() for word in _ABOUT.get(mode, ()))


def _unreadable(spec: ModelSpec, error: Exception, *, at: str) -> RequestFailed:
    """An answer came, and is none of the protocol's: a web page, a body without choices."""
    if at and (instead := _instead(spec, getattr(error, "body", None), at=at)) is not None:
        return instead
    why = "its list of choices is empty" if isinstance(error, IndexError) else str(error)
    said = _sentence(f"{spec.label}{f' at {at}' if at else ''} sent an answer that cannot be read: {_short(why)}")
    return RequestFailed(Failure.LOST, said, remedy=_ADDRESS if at else "")


def _instead(spec: ModelSpec, body: object, *, at: str) -> RequestFailed | None:
    """What came in an answer's place, and would come again: a web page, or a stream that nobody asked for.

    No server that runs a model answers a request with a page, so nothing was worked on; behind a stream there is a model.
    """
    if _is_page(body):
        return RequestFailed(Failure.REFUSED, f"{spec.label} at {at} sent a web page, and no answer of a model.", remedy=_PAGES)
    if _is_stream(body):
        return RequestFailed(
            Failure.STREAMED, f"{spec.label} at {at} sent its answer as a stream, which it was not asked for.", remedy=_STREAMS
        )
    return None


def _no_json(error: ModelAPIError) -> list[str]:
    """What was to be JSON, and is none: some servers call all that they send JSON."""
    return [cause.doc for cause in _causes(error) if isinstance(cause, JSONDecodeError)]


def _is_page(body: object) -> bool:
    """Whether it is HTML by its own first words; what only begins with a bracket may be a model's."""
    return isinstance(body, str) and body.lstrip("\ufeff \t\r\n")[:14].casefold().startswith(("<!doctype html", "<html"))


def _is_stream(body: object) -> bool:
    """Whether it is a stream of server-sent events, by its first field or comment (WHATWG HTML, section 9.2)."""
    return isinstance(body, str) and body.lstrip("\ufeff \t\r\n").startswith(("data:", "event:", "id:", "retry:", ": "))


def _said(error: ModelAPIError) -> str:
    """The provider's own words where it sent any, else the network's."""
    from pydantic_ai.exceptions import ModelHTTPError, ModelRequestTimeout

    if isinstance(error, ModelHTTPError):
        return f"{error.status_code}: {_short(_words(error.body))}"
    if isinstance(error, ModelRequestTimeout):
        return str(error)
    causes = [str(cause) for cause in _causes(error)]
    first = next((said for said in reversed(causes) if said), "")
    return _short(str(error) if first in str(error) else f"{error} {first}")


def _words(body: object) -> str:
    """The message in an error's body: servers put it at several places."""
    if isinstance(body, dict):
        inner = next((body[key] for key in ("error", "message", "detail") if body.get(key)), None)
        return str(body) if inner is None else _words(inner)
    text = str(body)
    return "a web page, and no answer of an API" if text.lstrip().startswith("<") else text


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    cause = error.__cause__ or error.__context__
    while cause is not None and cause not in found:
        found.append(cause)
        cause = cause.__cause__ or cause.__context__
    return found


def _unreached(error: ModelAPIError) -> str:
    untrusted = next((said for said in map(str, _causes(error)) if "CERTIFICATE_VERIFY_FAILED" in said), None)
    if untrusted is not None:
        return next((remedy for words, remedy in _CERTIFICATE_REMEDIES.items() if words in untrusted), _SIGNED_BY_OTHERS)
    return "Is the endpoint up, and its address right?"


def _short(text: str) -> str:
    """One line of bounded length; without what a terminal would obey, for people read it there."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_TOLD_CHARS]


def _sentence(text: str) -> str:
    """With a full stop, since the remedy follows; a provider's own words have one, or none."""
    return text if text.endswith((".", "!", "?")) else f"{text}."
