"""``TelemetrySink`` on BigQuery: rows are collected and streamed into their tables when a request ends, each with its event id."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from shared.adapters.google_errors import GoogleService, translating, without_credentials
from shared.adapters.resilience import Resilience
from shared.endpoints import is_on_this_machine
from shared.errors import KimeraError
from shared.telemetry.rows import Row

if TYPE_CHECKING:
    from google.api_core.retry import Retry
    from google.cloud.bigquery import Client

GOOGLE_ENDPOINT = "https://bigquery.googleapis.com"
MOST_WAITING = 10_000
"""Rows that are kept while BigQuery is away; more push the oldest out."""
BATCH = 500
"""Rows of one request, as the documentation of ``tabledata.insertAll`` advises."""
NO_RETRY = cast("Retry", None)
"""Its types leave out that ``None`` switches the client's own retries off: those would go on for minutes."""
_log = logging.getLogger(__name__)


class BigQuerySink:
    """Rows into the tables of ``dataset`` (``project.dataset``)."""

    def __init__(self, project: str, dataset: str, *, endpoint: str | None, resilience: Callable[[str], Resilience]) -> None:
        self._project = project
        self._dataset = f"{project}.{dataset}"
        self._endpoint = endpoint
        self._service = GoogleService(
            "BigQuery", endpoint or GOOGLE_ENDPOINT, f"roles/bigquery.dataEditor on {self._dataset}", "Create the dataset and its tables."
        )
        self._resilience = resilience(str(self._service))
        self._lock, self._sending = threading.Lock(), threading.Lock()
        self._waiting: list[Row] = []
        self._client: Client | None = None
        self.lost = 0

    def write(self, rows: Sequence[Row]) -> None:
        with self._lock:
            self._waiting += rows
            excess = len(self._waiting) - MOST_WAITING
            if excess > 0:
                del self._waiting[:excess]
        if excess > 0:
            self._lose(excess, f"more than {MOST_WAITING} rows wait")

    def flush(self) -> None:
        with self._sending:
            with self._lock:
                rows, self._waiting = self._waiting, []
            for table in sorted({row.table for row in rows}):
                of_table = [row for row in rows if row.table == table]
                for start in range(0, len(of_table), BATCH):
                    self._send(table, of_table[start : start + BATCH])

    def close(self) -> None:
        self.flush()
        with self._sending:
            if self._client is not None:
                self._client.close()  # type: ignore[no-untyped-call]  # it has no types
                self._client = None

    def _send(self, table: str, rows: list[Row]) -> None:
        """Send the rows; those of a failure that may pass wait for the next flush."""
        contents = [json.loads(row.model_dump_json()) for row in rows]
        ids = [row.event_id for row in rows]
        try:
            client = self._connected()
            with translating(self._service, f"take rows for {self._dataset}.{table}"):
                problems = self._resilience.call(
                    lambda timeout_s: client.insert_rows_json(
                        f"{self._dataset}.{table}", contents, row_ids=ids, skip_invalid_rows=True, retry=NO_RETRY, timeout=timeout_s
                    )
                )
        except KimeraError as error:
            if error.retryable:
                _log.warning("%s rows of telemetry wait: %s", len(rows), error)
                self.write(rows)
            else:
                self._lose(len(rows), str(error))
            return
        refused = {int(problem["index"]) for problem in problems}
        if refused:
            self._lose(len(refused), f"{table} refused them: {json.dumps(problems)[:500]}")

    def _lose(self, rows: int, why: str) -> None:
        self.lost += rows
        _log.error("%s rows of telemetry are lost (%s so far): %s", rows, self.lost, why)

    def _connected(self) -> Client:
        from google.auth.credentials import AnonymousCredentials
        from google.auth.exceptions import GoogleAuthError
        from google.cloud.bigquery import Client

        if self._client is None:
            options = {"api_endpoint": self._endpoint} if self._endpoint else None
            local = self._endpoint is not None and is_on_this_machine(self._endpoint)
            try:
                credentials = AnonymousCredentials() if local else None  # type: ignore[no-untyped-call]  # it has no types
                self._client = Client(project=self._project, credentials=credentials, client_options=options)
            except GoogleAuthError as error:
                raise without_credentials(self._service, error) from error
        return self._client
