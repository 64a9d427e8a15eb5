"""One Firestore database, call by call: each with a deadline and behind the database's circuit, each with its errors translated.

Through Google's generated client, not the one with references and snapshots: that one has no whole-document write with a
precondition, and no deadline on the begin, commit and rollback of a transaction.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from shared.adapters.document_rules import check_query, check_ref
from shared.adapters.firestore_errors import translating
from shared.adapters.firestore_query import sorts_itself, structured
from shared.adapters.firestore_values import fields, plain_fields
from shared.adapters.google_channels import way_to
from shared.adapters.resilience import Resilience
from shared.documents import Document, JsonMap, Query, Ref
from shared.errors import Corrupt

if TYPE_CHECKING:
    from datetime import datetime

    from google.cloud.firestore_v1.services.firestore import FirestoreClient
    from google.cloud.firestore_v1.types import Document as Stored
    from google.cloud.firestore_v1.types import Write

_GOOGLE = "firestore.googleapis.com"
READ_TIMEOUT_S = 10.0
"""Of one read, which is repeated; a write has all the time that the caller has patience for, since it may wait for others' locks."""


class FirestoreSession:
    """The calls. ``Contention`` comes out where Firestore aborted one: nothing was written then, and it may be made again.

    Reads are repeated while the database is away; a commit never is. ``resilience`` is made for the database as messages name it.
    """

    def __init__(self, project: str, database: str, prefix: str, resilience: Callable[[str], Resilience]) -> None:
        self.where = f"{project}/{database}"
        self._database = f"projects/{project}/databases/{database}"
        self._documents = f"{self._database}/documents"
        self._prefix = prefix
        self._metadata = (("google-cloud-resource-prefix", self._database),)
        self._opening, self._count = os.urandom(8).hex(), itertools.count(1)
        emulator = os.environ.get("FIRESTORE_EMULATOR_HOST") or None
        self._resilience = resilience(f"Firestore ({self.where}) at {emulator or _GOOGLE}")
        with self._translating("the connection"):
            self._client = _client(emulator)

    def begin(self, retried: bytes) -> bytes:
        """The id of a new transaction; ``retried`` is that of the one it repeats, whose place in the line it takes, or empty."""
        from google.cloud.firestore_v1.types import TransactionOptions

        options = TransactionOptions(read_write=TransactionOptions.ReadWrite(retry_transaction=retried))
        request = {"database": self._database, "options": options}
        with self._translating("a transaction"):
            begun = self._resilience.call(
                lambda timeout_s: self._client.begin_transaction(
                    request=request, retry=None, timeout=_read(timeout_s), metadata=self._metadata
                )
            )
        return bytes(begun.transaction)

    def rollback(self, transaction: bytes) -> None:
        """Give up the transaction and its locks."""
        request = {"database": self._database, "transaction": transaction}
        with self._translating("a transaction"):
            self._resilience.call_once(
                lambda timeout_s: self._client.rollback(request=request, retry=None, timeout=_read(timeout_s), metadata=self._metadata)
            )

    def read(self, ref: Ref, transaction: bytes | None = None) -> Document | None:
        """The document, or ``None``."""
        check_ref(ref)
        request = {"database": self._database, "documents": [self._name(ref)], "transaction": transaction}
        with self._translating(str(ref)):
            answers = self._resilience.call(
                lambda timeout_s: list(
                    self._client.batch_get_documents(request=request, retry=None, timeout=_read(timeout_s), metadata=self._metadata)
                )
            )
        return next((self._document(ref, answer.found) for answer in answers if "found" in answer), None)

    def find(self, query: Query, transaction: bytes | None = None) -> list[Document]:
        """The matching documents, in order."""
        check_query(query)
        asked = structured(query, self._prefix + query.collection, self._documents)
        request = {"parent": self._documents, "structured_query": asked, "transaction": transaction}
        fields_asked = [where.field for where in query.where] + [query.order_by or "id"]
        with self._translating(f"the query on {query.collection} ({', '.join(fields_asked)})"):
            answers = self._resilience.call(
                lambda timeout_s: list(
                    self._client.run_query(request=request, retry=None, timeout=_read(timeout_s), metadata=self._metadata)
                )
            )
        stored = [answer.document for answer in answers if "document" in answer]
        found = [self._document(Ref(query.collection, document.name.rpartition("/")[2]), document) for document in stored]
        return sorted(found, key=lambda document: document.ref.id) if sorts_itself(query) else found

    def commit(self, writes: Sequence[Write], what: str, transaction: bytes | None = None) -> str:
        """Do the writes together; the version of the last. Never sent twice: where the answer is lost, they may have been done."""
        request = {"database": self._database, "writes": writes, "transaction": transaction}
        with self._translating(what):
            answer = self._resilience.call_once(
                lambda timeout_s: self._client.commit(request=request, retry=None, timeout=timeout_s, metadata=self._metadata)
            )
        return answer.write_results[-1].update_time.rfc3339() if answer.write_results and answer.write_results[-1].update_time else ""

    def writing(self, ref: Ref, data: JsonMap, *, exists: bool | None = None, updated: datetime | None = None) -> Write:
        """The write of a whole document (checked), and what must hold before it."""
        from google.cloud.firestore_v1.types import Document as Stored
        from google.cloud.firestore_v1.types import Precondition, Write

        stored = Stored(name=self._name(ref), fields=fields(data, f"{self._opening}-{next(self._count)}"))
        if exists is None and updated is None:
            return Write(update=stored)
        return Write(update=stored, current_document=Precondition(exists=exists, update_time=updated))

    def deleting(self, ref: Ref) -> Write:
        """The removal of a document."""
        from google.cloud.firestore_v1.types import Write

        check_ref(ref)
        return Write(delete=self._name(ref))

    def close(self) -> None:
        """Close the connection."""
        self._client.transport.close()  # type: ignore[no-untyped-call]  # it has no types

    def _name(self, ref: Ref) -> str:
        return f"{self._documents}/{self._prefix}{ref.collection}/{ref.id}"

    def _document(self, ref: Ref, stored: Stored) -> Document:
        try:
            return Document(ref, plain_fields(stored.fields), stored.update_time.rfc3339())
        except ValueError as error:
            raise Corrupt(
                f"{ref} in Firestore ({self.where}) was not written by KIMERA: {error}.", remedy="Remove or repair it."
            ) from error

    def _translating(self, what: str) -> AbstractContextManager[None]:
        return translating(what, self.where)


def _read(timeout_s: float) -> float:
    return min(READ_TIMEOUT_S, timeout_s)


def _client(emulator: str | None) -> FirestoreClient:
    from google.cloud.firestore_v1.services.firestore import FirestoreClient
    from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcTransport

    return FirestoreClient(transport=way_to(emulator, FirestoreGrpcTransport))
