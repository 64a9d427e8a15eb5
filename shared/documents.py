"""The ``DocumentStore`` port: small JSON documents with versions, transactions and queries.

One generic port. Missions, attempts, events and leases are domain modules written once on top of it (``shared/missions``);
nothing else should call it directly. Adapters: ``shared/adapters/sqlite_documents.py`` (embedded) and
``shared/adapters/firestore_documents.py`` (cloud). Both pass ``tests/contract/test_document_store.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias, TypeVar

Json: TypeAlias = "None | bool | int | float | str | list[Json] | dict[str, Json]"
JsonMap: TypeAlias = "Mapping[str, Json]"
T = TypeVar("T")

MAX_DOCUMENT_BYTES = 1_048_576
"""Firestore's limit for one document (firebase.google.com/docs/firestore/quotas): enforced by every adapter."""


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """Names one document: a collection and an id, neither of them empty, neither with a ``/``, the id at most 1,500 bytes."""

    collection: str
    id: str

    def __str__(self) -> str:
        return f"{self.collection}/{self.id}"


class Document:
    """A document as it was read. ``version`` is opaque: it changes with every write and is only ever compared for equality.

    ``data`` may be given as what reads it: who knows the version already need not have it read.
    """

    __slots__ = ("_data", "ref", "version")

    def __init__(self, ref: Ref, data: dict[str, Json] | Callable[[], dict[str, Json]], version: str) -> None:
        self.ref = ref
        self.version = version
        self._data = data

    @property
    def data(self) -> dict[str, Json]:
        """The fields. Raises ``Corrupt`` where what is stored is no document."""
        if not isinstance(self._data, dict):
            self._data = self._data()
        return self._data

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Document):
            return NotImplemented
        return (self.ref, self.version) == (other.ref, other.version) and self.data == other.data

    __hash__ = None  # type: ignore[assignment]  # its fields are a dictionary

    def __repr__(self) -> str:
        return f"Document({self.ref}, {self.version})"


@dataclass(frozen=True, slots=True)
class Where:
    """A condition on one (dotted) field. A document without the field never matches."""

    field: str
    op: Literal["==", "<", "<=", ">", ">=", "in"]
    value: Json


@dataclass(frozen=True, slots=True)
class Query:
    """Documents of one collection. Order: ``order_by`` (a field, ``-`` in front for descending), then the id, in the same direction.

    ``after`` continues behind a document of an earlier page: it must be the last ``Document`` of that page. Values of another type
    never match: 1 is 1.0, but neither ``"1"`` nor ``True``. Texts compare by their UTF-8 bytes. Between types the order is null, booleans,
    numbers, texts, lists, maps; among lists or maps there is none, and no page begins behind one.

    As Firestore has it (``BadInput`` otherwise): range conditions are on one field only, and where there is an order or a page, the
    order is by that field. Null is asked for with ``==`` only; lists and maps are not asked for; ``in`` has at most 30 values.
    """

    collection: str
    where: Sequence[Where] = field(default_factory=tuple)
    order_by: str | None = None
    limit: int | None = None
    after: Document | None = None


class Transaction(Protocol):
    """Reads, then writes, atomically. A read after a write raises ``RuntimeError``, as Firestore has it."""

    def get(self, ref: Ref) -> Document | None: ...

    def query(self, query: Query) -> list[Document]: ...

    def create(self, ref: Ref, data: JsonMap) -> None:
        """Add a document; the commit raises ``AlreadyExists`` where there is one."""
        ...

    def put(self, ref: Ref, data: JsonMap) -> str | None:
        """Write the whole document, whether it exists or not; the version that it has once this is committed, where that is known yet."""
        ...

    def delete(self, ref: Ref) -> None: ...


class DocumentStore(Protocol):
    """Durable: a write that returned survives ``kill -9``. Consistent: a read sees every write that returned before it began.

    Errors: ``AlreadyExists``, ``PreconditionFailed``, ``NotFound`` (update of a missing document), ``TooLarge`` (over 1 MiB),
    ``BadInput`` (a value that is not JSON, an illegal name), ``Unavailable`` (the store is down; nothing is known to be written),
    ``StorageFull``, ``Corrupt``.
    """

    def get(self, ref: Ref) -> Document | None:
        """The document, or ``None``."""
        ...

    def create(self, ref: Ref, data: JsonMap) -> Document:
        """Add a document; ``AlreadyExists`` where there is one."""
        ...

    def update(self, ref: Ref, data: JsonMap, *, expect: str) -> Document:
        """Replace the document if its version still is ``expect``; else ``PreconditionFailed``."""
        ...

    def put(self, ref: Ref, data: JsonMap) -> Document:
        """Write the whole document, whether it exists or not."""
        ...

    def delete(self, ref: Ref) -> None:
        """Remove the document; nothing happens where there is none."""
        ...

    def query(self, query: Query) -> list[Document]:
        """The matching documents, in order."""
        ...

    def transact(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` and commit its writes together; what it read is unchanged at the commit.

        ``work`` may run more than once (contention), so it must have no effect but through its transaction. An exception of
        ``work`` leaves nothing written and is raised as it is. Endless contention raises ``Unavailable``.
        """
        ...

    def close(self) -> None: ...
