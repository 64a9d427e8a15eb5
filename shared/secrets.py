"""The ``SecretStore`` port: keys and passwords by name. Their values are never logged, stored or shown.

Adapters: ``EnvironmentSecrets`` here (the environment and ``.env``) and ``shared/adapters/google_secrets.py`` (Secret Manager).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from shared.errors import SecretMissing

GEMINI_API_KEY = "gemini-api-key"  # pragma: allowlist secret - its name
OPENAI_API_KEY = "openai-api-key"  # pragma: allowlist secret - its name
BRAVE_API_KEY = "brave-api-key"  # pragma: allowlist secret - its name
NEO4J_READER = "neo4j-reader"
NEO4J_WRITER = "neo4j-writer"
NEO4J_EITHER = "neo4j-password"
"""Where one process does all, and its password is in the environment."""
MODEL_KEYS = frozenset({GEMINI_API_KEY, OPENAI_API_KEY})
RESEARCH_KEYS = MODEL_KEYS | {BRAVE_API_KEY}
"""Of the one function that searches the web."""


class SecretStore(Protocol):
    """Gives secrets. Raises ``SecretMissing``, ``SecretExpired``, ``SecretForbidden``, and ``Unavailable`` where the store is away."""

    def get(self, name: str) -> str:
        """The secret's value, perhaps a few minutes old."""
        ...

    def renew(self, name: str) -> str:
        """The value as it is now: for whom the old one was refused with."""
        ...

    def close(self) -> None:
        """Let connections go."""
        ...


class EnvironmentSecrets:
    """The secret ``gemini-api-key`` is the variable ``GEMINI_API_KEY``, or ``KIMERA_GEMINI_API_KEY``; the environment before ``.env``."""

    def __init__(self, environment: Mapping[str, str], env_file: Path = Path(".env")) -> None:
        self._environment = environment
        self._env_file = env_file

    def get(self, name: str) -> str:
        variable = name.upper().replace("-", "_")
        for known in (self._environment, self._file()):
            for key in (variable, f"KIMERA_{variable}"):
                if value := known.get(key):
                    return value
        raise SecretMissing(f"There is no secret {name}.", remedy=f"Set {variable} in the environment or in {self._env_file}.")

    def renew(self, name: str) -> str:
        return self.get(name)

    def close(self) -> None:
        """Nothing is held."""

    def _file(self) -> Mapping[str, str | None]:
        from dotenv import dotenv_values

        return dotenv_values(self._env_file) if self._env_file.is_file() else {}
