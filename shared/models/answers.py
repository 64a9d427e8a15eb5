"""Answers in the artifact store: kept before they are paid, and found again by the row of their request."""

from __future__ import annotations

from dataclasses import replace

from schemas.base import Contract, MicroUsd
from shared.artifacts import SCHEME, Artifact, ArtifactStore
from shared.errors import NotFound
from shared.models.calls import CallUsage, ModelAnswer
from shared.models.flags import OVERRUN
from shared.models.rows import JournalRow


class StoredUsage(Contract):
    """Tokens as the provider counted them."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    fees: int = 1


class StoredAnswer(Contract):
    """An answer as it came."""

    text: str
    model: str
    usage: StoredUsage | None
    cost_micro_usd: MicroUsd
    flags: tuple[str, ...] = ()
    cut_short: bool = False

    @classmethod
    def of(cls, answer: ModelAnswer) -> StoredAnswer:
        """``answer``, as it is kept."""
        counted = answer.usage
        usage = None
        if counted is not None:
            usage = StoredUsage.model_validate(counted, from_attributes=True)
        return cls(
            text=answer.text,
            model=answer.model,
            usage=usage,
            cost_micro_usd=answer.cost_micro_usd,
            flags=answer.flags,
            cut_short=answer.cut_short,
        )

    def answer(self) -> ModelAnswer:
        """The answer, as a link hands it on."""
        usage = CallUsage(**self.usage.model_dump()) if self.usage else None
        return ModelAnswer(self.text, usage, self.model, self.cost_micro_usd, self.flags, self.cut_short)


class Answers:
    """The stored answers."""

    def __init__(self, artifacts: ArtifactStore) -> None:
        self._artifacts = artifacts
        self.given: dict[str, str] = {}
        """What was handed out, by address, with its sha256: the event of whoever asked names it."""

    def put(self, row: JournalRow, answer: ModelAnswer) -> Artifact:
        """Store the answer to the request of ``row``."""
        data = StoredAnswer.of(answer).model_dump_json().encode()
        return self._artifacts.put(row.answer_key, data, media_type="application/json")

    def of(self, row: JournalRow) -> ModelAnswer:
        """The answer of a row that has one."""
        assert row.answer_uri is not None
        assert row.answer_sha256 is not None
        answer = self._read(row.answer_uri).answer()
        self.given[row.answer_uri] = row.answer_sha256
        return replace(answer, flags=(*answer.flags, OVERRUN)) if row.overrun else answer

    def left_behind(self, row: JournalRow) -> tuple[Artifact, ModelAnswer] | None:
        """An answer that was stored although its row does not say so: its process died between the two."""
        try:
            stored = self._artifacts.stat(SCHEME + row.answer_key)
        except NotFound:
            return None
        return stored, self._read(stored.uri).answer()

    def _read(self, uri: str) -> StoredAnswer:
        return StoredAnswer.model_validate_json(self._artifacts.get(uri))
