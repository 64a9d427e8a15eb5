"""The standard library: one file per module, and the two tables that names are looked up in.

Overview page: https://cloud.google.com/workflows/docs/reference/stdlib/overview
"""

from __future__ import annotations

from typing import Final

from infra.local.workflows.stdlib import codecs64, events, hashes, helpers, http, jsons, lists, maps, maths, retries, system, texts, times
from infra.local.workflows.stdlib.signature import BlockingFunction, Function
from infra.local.workflows.values import Value

_ENTRIES: Final[tuple[Function | BlockingFunction, ...]] = (
    *codecs64.FUNCTIONS,
    *events.FUNCTIONS,
    *hashes.FUNCTIONS,
    *helpers.FUNCTIONS,
    *http.FUNCTIONS,
    *jsons.FUNCTIONS,
    *lists.FUNCTIONS,
    *maps.FUNCTIONS,
    *maths.FUNCTIONS,
    *retries.FUNCTIONS,
    *system.FUNCTIONS,
    *texts.FUNCTIONS,
    *times.FUNCTIONS,
)

FUNCTIONS: Final[dict[str, Function | BlockingFunction]] = {function.name: function for function in _ENTRIES}
CONSTANTS: Final[dict[str, Value]] = retries.CONSTANTS

# Called through a connector: see `Runner(connectors=...)`.
CONNECTOR_PREFIXES: Final = ("googleapis.", "experimental.executions.", "gke.")
