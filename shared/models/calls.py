"""One request to a model, and its answer, as the links of the chain hand them on.

The chain, from the outside in; each link is a ``Sender`` that wraps the next one:

    telemetry -> guard -> remember -> retry -> turn -> deadline -> pay -> breaker -> hush -> provider

``remember`` answers from the journal what was answered before, so that nothing is bought twice. ``turn`` lets an endpoint of one's own be
asked only so many questions at once: what waits there is not sent, and no money is set aside for it. ``pay`` commits a reservation and
SENT before each physical request, and the answer with its settlement after it; it asks the breaker before it sets money aside.
``deadline`` makes no request that the mission has no time for. ``hush`` takes the keys out of what a provider says of a failure.
``access`` puts the links together: there is no other way to a provider.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Literal, Protocol

from shared.documents import Json
from shared.ledger.accounts import Account

Provider = Literal["google", "openai", "brave"]
"""Who answers: each has a circuit of its own."""


@dataclass(frozen=True, slots=True)
class CallKey:
    """Which call of a mission this is. ``ordinal`` counts the role's calls within the slice and is assigned before any fan-out."""

    mission_id: str
    account: Account
    attempt: int
    seq: int
    role: str
    ordinal: int

    def __str__(self) -> str:
        return f"{self.mission_id}:{self.account}:{self.attempt}:{self.seq}:{self.role}:{self.ordinal}"


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens; thinking counts as output. ``call_usd``: a fee, for instance for a search.

    ``fees``: how many such fees one request can cost at the most. ``ceiling_usd`` is the bound of what cannot be bounded by its size.
    """

    input_usd: Decimal
    output_usd: Decimal
    cached_input_usd: Decimal | None = None
    call_usd: Decimal = Decimal(0)
    fees: int = 1
    ceiling_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """What can be asked: ``google`` (Gemini), ``openai`` (any endpoint that speaks chat completions), ``brave`` (a search service)."""

    provider: Provider
    name: str
    price: Price
    max_output_tokens: int = 8_192
    """The most that one answer may have, thinking included; a request asks for no more."""

    @property
    def label(self) -> str:
        """As a user writes it: ``google:NAME``."""
        return f"{self.provider}:{self.name}"


@dataclass(frozen=True, slots=True)
class RenderedPrompt:
    """A prompt with its variables filled in. ``sha256`` is of the template, so that a changed text is seen in the provenance."""

    id: str
    version: int
    sha256: str
    system: str
    user: str


@dataclass(frozen=True)
class ModelCall:
    """A request. ``corrections`` are what was wrong with the answers before, word for word as the model is told."""

    key: CallKey
    model: ModelSpec
    prompt: RenderedPrompt
    output_name: str
    output_schema: dict[str, Json]
    max_output_tokens: int
    corrections: tuple[Correction, ...] = ()
    within_s: float = math.inf
    """How long its answer may take to be of use: the innermost link waits no longer, however patient it is."""

    @cached_property
    def request_sha256(self) -> str:
        """The digest of all that the model sees. Ids, times and paths are no part of it: an equal request has an equal digest."""
        seen: dict[str, Json] = {
            "model": self.model.label,
            "system": self.prompt.system,
            "user": self.prompt.user,
            "schema": self.output_schema,
            "max_output_tokens": self.max_output_tokens,
            "corrections": [[c.answer, c.problem] for c in self.corrections],
        }
        return hashlib.sha256(json.dumps(seen, sort_keys=True, ensure_ascii=False).encode()).hexdigest()

    @cached_property
    def size_bytes(self) -> int:
        """Bytes of the whole request, schema included: an upper bound of its tokens."""
        schema = json.dumps(self.output_schema, ensure_ascii=False)
        texts = [self.prompt.system, self.prompt.user, schema]
        if self.model.provider == "openai":  # an endpoint of one's own is told it in words, too
            texts.append(schema)
        texts += [text for c in self.corrections for text in (c.answer, c.problem)]
        return sum(len(text.encode()) for text in texts) + _FRAME_BYTES

    @property
    def bound_micro_usd(self) -> int:
        """The most that the request can cost (micro-dollars, rounded up): every byte a token, the longest answer, all fees."""
        price = self.model.price
        if price.ceiling_usd is not None:
            return _ceil(price.ceiling_usd * 1_000_000)
        usd = price.input_usd * self.size_bytes + price.output_usd * self.max_output_tokens
        return _ceil(usd) + _ceil(price.call_usd * price.fees * 1_000_000)


@dataclass(frozen=True, slots=True)
class Correction:
    """An answer that did not fit, and why."""

    answer: str
    problem: str


@dataclass(frozen=True, slots=True)
class CallUsage:
    """Tokens as the provider counted them; ``output_tokens`` with thinking, ``input_tokens`` with what came from a cache."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    fees: int = 1
    """How often the price's fee is due."""

    def cost_micro_usd(self, price: Price) -> int:
        """What it cost, rounded up to the micro-dollar."""
        cached_usd = price.cached_input_usd if price.cached_input_usd is not None else price.input_usd
        usd = (
            price.input_usd * (self.input_tokens - self.cached_tokens)
            + cached_usd * self.cached_tokens
            + price.output_usd * self.output_tokens
        )
        return _ceil(usd) + _ceil(price.call_usd * self.fees * 1_000_000)


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """What came back: JSON text that may or may not fit the schema. ``usage`` is ``None`` where the provider gave none: unknown, not 0."""

    text: str
    usage: CallUsage | None
    model: str = ""
    """The model as the provider named it."""
    cost_micro_usd: int = 0
    """What it was settled at; set by the link that pays."""
    flags: tuple[str, ...] = ()
    """What a reader of the report has to know of it: ``scripted``, ``replayed``, ``budget_overrun``."""
    cut_short: bool = False
    """Whether it ended at the limit of its tokens; a model that thinks aloud may have said nothing until then."""


class Sender(Protocol):
    """A link of the chain.

    Raises ``NoModelAnswer`` where no answer will come (the step goes on without a model), and errors of the stores as they are.
    """

    def send(self, call: ModelCall) -> ModelAnswer:
        """The answer to ``call``."""
        ...


_FRAME_BYTES = 2_000
"""Room for the words with which providers and libraries wrap a request."""


def _ceil(value: Decimal) -> int:
    """Dollars per million tokens times tokens are micro-dollars; rounded up."""
    return int(value.to_integral_value(rounding="ROUND_CEILING"))
