"""The variables that ``sys.get_env`` reads: the service's own, with the values of one machine, and those of the user.

Pages: environment-variables, use-environment-variables; REST reference of workflows, ``userEnvVars``, for what the user's may be.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from infra.local.workflows.errors import ArgumentError
from infra.local.workflows.limits import Limits

_RESERVED: Final = ("GOOGLE", "WORKFLOWS")


def built_in(workflow: str, execution_id: str) -> dict[str, str]:
    """The variables of the service (Environment variables page), for one machine."""
    return {
        "GOOGLE_CLOUD_LOCATION": "local",
        "GOOGLE_CLOUD_PROJECT_ID": "local",
        "GOOGLE_CLOUD_PROJECT_NUMBER": "0",
        "GOOGLE_CLOUD_SERVICE_ACCOUNT_NAME": "local",
        "GOOGLE_CLOUD_WORKFLOW_EXECUTION_ATTEMPT": "1",
        "GOOGLE_CLOUD_WORKFLOW_EXECUTION_ID": execution_id,
        "GOOGLE_CLOUD_WORKFLOW_ID": workflow,
        "GOOGLE_CLOUD_WORKFLOW_REVISION_ID": "000001-local",
    }


def checked(variables: Mapping[str, str], limits: Limits) -> dict[str, str]:
    """``variables``, if the service would deploy a workflow with them. A built-in one may be given another value. Raises ArgumentError."""
    own = {name: value for name, value in variables.items() if name not in built_in("", "")}
    if len(own) > limits.user_variables:
        raise ArgumentError(f"{len(own)} environment variables are given; the limit is {limits.user_variables}")
    for name, value in own.items():
        if not name:
            raise ArgumentError("an environment variable has no name")
        if name.startswith(_RESERVED):
            raise ArgumentError(f"the environment variable {name!r} has a reserved name: it begins with {' or '.join(_RESERVED)}")
        if max(len(name.encode()), len(value.encode("utf-8", "surrogatepass"))) > limits.variable_bytes:
            raise ArgumentError(f"the environment variable {name[:60]!r} has more than {limits.variable_bytes} bytes")
    return dict(variables)
