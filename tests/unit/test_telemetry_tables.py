"""``shared/telemetry/tables.json``: the tables as the infrastructure reads them, which has no library that rows are typed with."""

from __future__ import annotations

import json
import os
from pathlib import Path

from shared.telemetry.rows import TABLES
from shared.telemetry.tables import CLUSTER_FIELD, PARTITION_FIELD, bigquery_schema

FILE = Path(__file__).parents[2] / "shared" / "telemetry" / "tables.json"


def described() -> str:
    tables = {
        table.table: {
            "description": table.description,
            "partition": PARTITION_FIELD,
            "cluster": CLUSTER_FIELD,
            "fields": bigquery_schema(table),
        }
        for table in TABLES
    }
    return json.dumps(tables, indent=1) + "\n"


def test_the_tables_are_described_as_the_rows_are_typed() -> None:
    """With KIMERA_WRITE_TABLES=1 the test writes the file. A new column has to be nullable: BigQuery refuses another one."""
    if os.environ.get("KIMERA_WRITE_TABLES") == "1":
        FILE.write_text(described(), encoding="utf-8")
    assert FILE.read_text(encoding="utf-8") == described(), (
        "write it: KIMERA_WRITE_TABLES=1 scripts/test tests/unit/test_telemetry_tables.py"
    )
