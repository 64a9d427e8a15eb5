"""One Firestore database, call by call: each with a deadline, each with its errors translated.

Through Google's generated client, not the one with references and snapshots: that one has no whole-document write with a
precondition, and no deadline on the begin, commit and rollback of a transaction.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from shared.adapters.document_rules import check_query, check_ref
from shared.adapters.firestore_errors import translating
from shared.adapters.firestore_query import sorts_itself, structured
from shared.adapters.firestore_values import fields, plain_fields
from shared.documents import Document, JsonMap, Query, Ref
from shared.errors import Corrupt

if TYPE_CHECKING:
    from datetime import datetime

    from google.api_core.retry import Retry
    from google.cloud.firestore_v1.services.firestore import FirestoreClient
    from google.cloud.firestore_v1.types import Document as Stored
    from google.cloud.firestore_v1.types import Write

READ_TIMEOUT_S = 15.0
WRITE_TIMEOUT_S = 30.0


class FirestoreSession:
    """The calls. ``Contention`` comes out where Firestore aborted one: nothing was written then, and it may be made again."""

    def __init__(self, project: str, database: str, prefix: str) -> None:
        self.where = f"{project}/{database}"
        self._database = f"projects/{project}/databases/{database}"
        self._documents = f"{self._database}/documents"
        self._prefix = prefix
        self._metadata = (("google-cloud-resource-prefix", self._database),)
        self._opening, self._count = os.urandom(8).hex(), itertools.count(1)
        self._patience = _patience()
        with self._translating("the connection"):
            self._client = _client(os.environ.get("FIRESTORE_EMULATOR_HOST"))

    def begin(self, retried: bytes) -> bytes:
        """The id of a new transaction; ``retried`` is that of the one it repeats, whose place in the line it takes, or empty."""
        from google.cloud.firestore_v1.types import TransactionOptions

        options = TransactionOptions(read_write=TransactionOptions.ReadWrite(retry_transaction=retried))
        request = {"database": self._database, "options": options}
        with self._translating("a transaction"):
            return bytes(
                self._client.begin_transaction(
                    request=request, retry=self._patience, timeout=READ_TIMEOUT_S, metadata=self._metadata
                ).transaction
            )

    def rollback(self, transaction: bytes) -> None:
        """Give up the transaction and its locks."""
        request = {"database": self._database, "transaction": transaction}
        with self._translating("a transaction"):
            self._client.rollback(request=request, timeout=READ_TIMEOUT_S, retry=None, metadata=self._metadata)

    def read(self, ref: Ref, transaction: bytes | None = None) -> Document | None:
        """The document, or ``None``."""
        check_ref(ref)
        request = {"database": self._database, "documents": [self._name(ref)], "transaction": transaction}
        with self._translating(str(ref)):
            for answer in self._client.batch_get_documents(
                request=request, retry=self._patience, timeout=READ_TIMEOUT_S, metadata=self._metadata
            ):
                if "found" in answer:
                    return self._document(ref, answer.found)
        return None

    def find(self, query: Query, transaction: bytes | None = None) -> list[Document]:
        """The matching documents, in order."""
        check_query(query)
        asked = structured(query, self._prefix + query.collection, self._documents)
        request = {"parent": self._documents, "structured_query": asked, "transaction": transaction}
        fields_asked = [where.field for where in query.where] + [query.order_by or "id"]
        with self._translating(f"the query on {query.collection} ({', '.join(fields_asked)})"):
            answers = self._client.run_query(request=request, retry=self._patience, timeout=READ_TIMEOUT_S, metadata=self._metadata)
            stored = [answer.document for answer in answers if "document" in answer]
        found = [self._document(Ref(query.collection, document.name.rpartition("/")[2]), document) for document in stored]
        return sorted(found, key=lambda document: document.ref.id) if sorts_itself(query) else found

    def commit(self, writes: Sequence[Write], what: str, transaction: bytes | None = None) -> str:
        """Do the writes together; the version of the last. Never sent twice: where the answer is lost, they may have been done."""
        request = {"database": self._database, "writes": writes, "transaction": transaction}
        with self._translating(what):
            answer = self._client.commit(request=request, timeout=WRITE_TIMEOUT_S, retry=None, metadata=self._metadata)
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
        self._client.transport.close()  # type: ignore[no-untyped-call]  # of the generated client

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


def _patience() -> Retry:
    """Reads are sent again while the service is away, for ``READ_TIMEOUT_S`` in all: left alone, Google's client goes on for minutes."""
    from google.api_core.exceptions import InternalServerError, ServiceUnavailable
    from google.api_core.retry import Retry, if_exception_type

    again = if_exception_type(ServiceUnavailable, InternalServerError)
    return Retry(predicate=again, initial=0.1, maximum=2.0, multiplier=1.5, timeout=READ_TIMEOUT_S)


def _client(emulator: str | None) -> FirestoreClient:
    from google.cloud.firestore_v1.services.firestore import FirestoreClient
    from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcTransport

    if not emulator:
        return FirestoreClient()
    import grpc  # type: ignore[import-untyped]

    return FirestoreClient(transport=FirestoreGrpcTransport(channel=grpc.insecure_channel(emulator)))
