"""The standard library: one file per module, and the two tables that names are looked up in.

Overview page: https://cloud.google.com/workflows/docs/reference/stdlib/overview
"""

from __future__ import annotations

import re
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

_GOOGLE_API: Final = re.compile(r"googleapis(?:\.[A-Za-z][A-Za-z0-9_]*){2,}")
# Pages: reference/googleapis/gke ("Kubernetes API"), stdlib/experimental.executions/*, and `shell`, which only samples show.
_CONNECTORS: Final = {
    *("gke.await_job", "gke.create_job", "gke.delete_job", "gke.request"),
    *("experimental.executions.map", "experimental.executions.run"),
    *("shell.gcloud", "shell.kubectl"),
}


def is_connector(name: str) -> bool:
    """Whether a call of ``name`` goes through a connector: see ``Runner(connectors=...)``."""
    return name in _CONNECTORS or _GOOGLE_API.fullmatch(name) is not None
