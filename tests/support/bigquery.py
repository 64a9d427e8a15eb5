"""The part of BigQuery's API that takes rows, over HTTP on this machine: as strict about columns as the service is."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

from shared.telemetry.rows import TABLES
from shared.telemetry.tables import bigquery_schema

_INSERT = re.compile(r"/bigquery/v2/projects/([^/]+)/datasets/([^/]+)/tables/([^/]+)/insertAll\?prettyPrint=false")


@dataclass(frozen=True, slots=True)
class Inserted:
    """A row that arrived, with the id that the service forgets duplicates by."""

    dataset: str
    table: str
    insert_id: str
    row: dict[str, object]


class BigQuery:
    """Keeps rows as JSON lines in ``folder``. ``statuses`` are what the next requests are answered with instead."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.inserted: list[Inserted] = []
        self.statuses: list[int] = []
        self.requests = 0
        bigquery = self

        class Answering(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                bigquery.requests += 1
                if bigquery.statuses:
                    status = bigquery.statuses.pop(0)
                    self._answer(status, {"error": {"code": status, "message": "not now", "errors": []}})
                    return
                known = _INSERT.fullmatch(self.path)
                if known is None or known[3] not in {table.table for table in TABLES}:
                    self._answer(404, {"error": {"code": 404, "message": f"Not found: {self.path}", "errors": []}})
                    return
                self._answer(200, bigquery.insert(f"{known[1]}.{known[2]}", known[3], body["rows"]))

            def _answer(self, status: int, answer: object) -> None:
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def insert(self, dataset: str, table: str, rows: list[dict[str, dict[str, object]]]) -> dict[str, object]:
        """Take the rows that fit the table; the answer names the others."""
        schema = {column["name"]: column["mode"] for column in bigquery_schema(next(t for t in TABLES if t.table == table))}
        problems = []
        for index, sent in enumerate(rows):
            row = sent["json"]
            wrong = [name for name in row if name not in schema]
            wrong += [name for name, mode in schema.items() if mode == "REQUIRED" and row.get(name) is None]
            if wrong:
                problems.append({"index": index, "errors": [{"reason": "invalid", "location": wrong[0], "message": "no such field"}]})
                continue
            self.inserted.append(Inserted(dataset, table, str(sent["insertId"]), row))
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / f"{table}.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        return {"kind": "bigquery#tableDataInsertAllResponse", "insertErrors": problems}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
