"""What a function finds in its environment: names and addresses, never a secret. Each name is a field of ``shared/settings.py`` or of
``shared/models/credentials.py``; a test compares them.
"""

from __future__ import annotations

from functions.manifest import FunctionRow, Role
from infra.pulumi.configuration import Models
from infra.pulumi.place import Place


def environment_of(place: Place, row: FunctionRow) -> dict[str, str]:
    """The variables of one function."""
    settings = place.settings
    variables = {
        "KIMERA_PROFILE": "cloud",
        "KIMERA_HOME": "/tmp/kimera",  # noqa: S108 - an instance's own memory: the one folder that can be written
        "KIMERA_GOOGLE_PROJECT": settings.project,
        "KIMERA_GOOGLE_LOCATION": settings.region,
        "KIMERA_FIRESTORE_DATABASE": settings.prefix,
        "KIMERA_WORKFLOW": place.name("mission"),
        "KIMERA_BUDGET_USD": str(settings.budget_usd),
        "KIMERA_DAY_BUDGET_USD": str(settings.day_budget_usd),
        "KIMERA_MAX_RUNNING": str(settings.size.max_running),
    }
    if Role.MODELS in row.roles and settings.models is Models.VERTEX:
        variables["KIMERA_VERTEX_PROJECT"] = settings.project
    if settings.models is Models.NONE:
        variables["KIMERA_TIER"] = "extractive"
    return variables
