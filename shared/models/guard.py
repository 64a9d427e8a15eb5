"""The links that look at what leaves and at what comes back: sizes, and no secret of this installation."""

from __future__ import annotations

from collections.abc import Sequence

from shared.errors import AnswerRejected, RequestWithheld
from shared.models.calls import ModelAnswer, ModelCall, Sender
from shared.models.desk import Reject
from shared.models.failures import RequestFailed

MAX_REQUEST_BYTES = 2_000_000
"""More than any prompt's budget and its corrections come to: what is larger is a defect."""
MAX_ANSWER_BYTES = 400_000
"""More than the longest answer a role may ask for (8,192 tokens) by far."""
_MIN_SECRET_CHARS = 8
"""What is shorter stands in ordinary text by chance."""


class Guard:
    """A ``Sender``. ``secrets`` are the values of this installation's keys and tokens."""

    def __init__(self, inner: Sender, *, secrets: Sequence[str], reject: Reject) -> None:
        self._inner = inner
        self._secrets = tuple(secrets)
        self._reject = reject

    def send(self, call: ModelCall) -> ModelAnswer:
        """The answer. Raises ``RequestWithheld`` before anything is sent or paid, ``AnswerRejected`` for an answer that is too large."""
        withhold_secrets(call, self._secrets)
        answer = self._inner.send(call)
        size = len(answer.text.encode())
        if size > MAX_ANSWER_BYTES:
            problem = f"the answer has {size:,} bytes; at most {MAX_ANSWER_BYTES:,} are taken"
            self._reject(call.key, problem)
            raise AnswerRejected(f"{call.model.label} as {call.key.role}: {problem}.")
        return answer


class Hush:
    """A ``Sender`` around the innermost one: what is told of a request that failed, and stored of it, holds none of ``secrets``."""

    def __init__(self, inner: Sender, *, secrets: Sequence[str]) -> None:
        self._inner = inner
        self._secrets = [secret for secret in secrets if len(secret) >= _MIN_SECRET_CHARS]

    def send(self, call: ModelCall) -> ModelAnswer:
        """The next link's answer. Raises what it raises, a ``RequestFailed`` without the secrets that a provider may have repeated."""
        try:
            return self._inner.send(call)
        except RequestFailed as failed:
            for secret in self._secrets:
                failed.message = _without(secret, failed.message)
                failed.args = (failed.message,)
            raise


def _without(secret: str, text: str) -> str:
    """The text without the secret, or without its beginning where the text was cut off within it."""
    for length in range(len(secret), _MIN_SECRET_CHARS - 1, -1):
        text = text.replace(secret[:length], "[a key]")
    return text


def withhold_secrets(call: ModelCall, secrets: Sequence[str]) -> None:
    """Raise ``RequestWithheld`` for a request that may not leave: one that is too large, or holds one of ``secrets``."""
    if call.size_bytes > MAX_REQUEST_BYTES:
        raise RequestWithheld(f"The request of {call.key.role} has {call.size_bytes:,} bytes; at most {MAX_REQUEST_BYTES:,} are sent.")
    texts = [call.prompt.system, call.prompt.user, *(text for c in call.corrections for text in (c.answer, c.problem))]
    if any(secret in text for secret in secrets if len(secret) >= _MIN_SECRET_CHARS for text in texts):
        raise RequestWithheld(
            f"The request of {call.key.role} holds a key or token of this installation, and was not sent.",
            remedy="Remove it from the question, the data or the documents.",
        )
