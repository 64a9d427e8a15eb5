"""How a document is kept: read at any version that was ever stored, validated once, written whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, Self

from pydantic import ValidationError

from schemas.base import SCHEMA_VERSION, Stored
from shared.documents import Document, Json, Ref, Transaction
from shared.errors import Corrupt

Upcast = Callable[[dict[str, Json]], dict[str, Json]]


class Record(Stored):
    """A stored document. A deployment in mid-mission reads what the version before wrote, and keeps what a newer one added."""

    UPCASTS: ClassVar[Mapping[int, Upcast]] = {}
    """How a document of a version becomes one of the next version."""

    @classmethod
    def read(cls, document: Document) -> Self:
        """The record in ``document``, brought to this version's shape. Raises ``Corrupt`` where it is none."""
        data = document.data
        version = data.get("schema_version", 1)
        if not isinstance(version, int) or version < 1:
            raise _unreadable(document.ref, "schema_version")
        for old in range(version, SCHEMA_VERSION):
            data = cls.UPCASTS[old](data)
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            wrong = {".".join(str(part) for part in e["loc"]) for e in error.errors(include_url=False, include_input=False)}
            raise _unreadable(document.ref, ", ".join(sorted(wrong)[:_MOST_NAMED])) from error

    @classmethod
    def known(cls, document: Document) -> Self:
        """The same, validated once for each version of the document: for who works with it, not for who checks what is stored."""
        key = (cls, document.ref, document.version)
        found = _KNOWN.get(key)
        if isinstance(found, cls):
            return found
        record = cls.read(document)
        _remember(key, record)
        return record

    @property
    def ref(self) -> Ref:
        """Where the record is stored."""
        raise NotImplementedError

    def put(self, tx: Transaction) -> None:
        """Write the record. Where its version is known at once, who reads it in this process need not validate it again."""
        version = tx.put(self.ref, self.data())
        if version is not None:
            _remember((type(self), self.ref, version), self)

    def data(self) -> dict[str, Json]:
        """The record as the document store takes it."""
        return self.model_dump(mode="json")


def _unreadable(ref: Ref, fields: str) -> Corrupt:
    """The document, and what in it is wrong by name alone: what it holds is nobody's but its owner's."""
    return Corrupt(
        f"The stored document {ref} cannot be read: {fields} is damaged or missing.",
        remedy="Restore it from a copy of the data; `kimera audit verify` tells what else is not as it was written.",
    )


_MOST_NAMED = 5
_KNOWN: dict[tuple[type[Record], Ref, str], Record] = {}
"""Records by the version of their document: a call reads the same ones several times, and so do the calls that follow it."""
_MOST_KNOWN = 512


def _remember(key: tuple[type[Record], Ref, str], record: Record) -> None:
    if len(_KNOWN) >= _MOST_KNOWN:
        _KNOWN.clear()
    _KNOWN[key] = record
