"""The outermost link: a span for each call, with figures and names, never with content."""

from __future__ import annotations

from shared.models.calls import ModelAnswer, ModelCall, Sender
from shared.telemetry import names
from shared.telemetry.tracing import Tracing


class Telemetry:
    """A ``Sender`` whose calls are spans."""

    def __init__(self, inner: Sender, tracing: Tracing) -> None:
        self._inner = inner
        self._tracing = tracing

    def send(self, call: ModelCall) -> ModelAnswer:
        """The next link's answer; its span says what it took. An error's code and message mark the span failed."""
        asked: dict[str, str | int | float | bool] = {
            names.GEN_AI_OPERATION: "chat",
            names.GEN_AI_PROVIDER: call.model.provider,
            names.GEN_AI_REQUEST_MODEL: call.model.name,
            names.GEN_AI_MAX_TOKENS: call.max_output_tokens,
            names.ROLE: call.key.role,
            names.ORDINAL: call.key.ordinal,
            names.PROMPT_ID: call.prompt.id,
            names.PROMPT_VERSION: call.prompt.version,
        }
        with self._tracing.span(f"model.{call.key.role}", attributes=asked) as span:
            answer = self._inner.send(call)
            span.set_attribute(names.GEN_AI_RESPONSE_MODEL, answer.model)
            span.set_attribute(names.COST_MICRO_USD, answer.cost_micro_usd)
            if answer.usage is not None:
                span.set_attribute(names.GEN_AI_INPUT_TOKENS, answer.usage.input_tokens)
                span.set_attribute(names.GEN_AI_OUTPUT_TOKENS, answer.usage.output_tokens)
            if answer.flags:
                span.set_attribute(names.ANSWER_FLAGS, ",".join(answer.flags))
            return answer
