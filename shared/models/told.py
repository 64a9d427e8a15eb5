"""Whether a mission's journal holds the answers that its events name, at what they cost."""

from __future__ import annotations

from pydantic import ValidationError

from shared.artifacts import SCHEME
from shared.documents import DocumentStore
from shared.errors import Corrupt
from shared.ledger.money import dollars
from shared.models.answers import StoredAnswer
from shared.models.rows import JournalRow, row_of_answer


def is_answer(uri: str) -> bool:
    """Whether the artifact is an answer that a request was paid for."""
    return row_of_answer(uri) is not None


def journaled_otherwise(documents: DocumentStore, uri: str, sha256: str, data: bytes) -> str | None:
    """What the journal says otherwise than the answer that is stored, whose digest an event vouches for; ``None`` where it agrees."""
    called, ref = uri.removeprefix(SCHEME), row_of_answer(uri)
    document = documents.get(ref) if ref is not None else None
    if document is None:
        return f"the journal has no request that {called} is the answer to"
    try:
        row, answer = JournalRow.read(document), StoredAnswer.model_validate_json(data)
    except (Corrupt, ValidationError) as error:
        return error.message if isinstance(error, Corrupt) else f"{called} is no answer"
    if not row.state.has_answer or (row.answer_uri, row.answer_sha256) != (uri, sha256):
        return f"the journal has another answer than {called}"
    if row.cost_micro_usd != answer.cost_micro_usd:
        return f"the journal has {dollars(row.cost_micro_usd)} for what {called} was paid with {dollars(answer.cost_micro_usd)}"
    counted = row.usage
    given = (answer.usage.input_tokens, answer.usage.output_tokens) if answer.usage is not None else None
    if row.answered_by != answer.model or ((counted.input_tokens, counted.output_tokens) if counted is not None else None) != given:
        return f"the journal has another model or other tokens than {called}"
    return None
