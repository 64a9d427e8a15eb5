"""Which variables named ``KIMERA_...`` something reads: one that nothing reads is most likely a setting that was misspelled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from shared.secrets import BRAVE_API_KEY, GEMINI_API_KEY, NEO4J_EITHER, NEO4J_READER, NEO4J_WRITER, OPENAI_API_KEY
from shared.settings import Settings

PREFIX = "KIMERA_"
_SECRETS = (GEMINI_API_KEY, OPENAI_API_KEY, BRAVE_API_KEY, NEO4J_READER, NEO4J_WRITER, NEO4J_EITHER)
_OTHERS = frozenset(
    {
        "KIMERA_TOKEN",
        "KIMERA_DEBUG",
        "KIMERA_CRASH_AT",
        "KIMERA_CLOUD_SDK",
        "KIMERA_GOOGLE_BASE_URL",
        "KIMERA_BRAVE_BASE_URL",
        "KIMERA_VERTEX_PROJECT",
        "KIMERA_VERTEX_LOCATION",
        # of the scripts and the tests
        "KIMERA_PYTHON",
        "KIMERA_PEERS",
        "KIMERA_CASES",
        "KIMERA_ACCEPT_PROMPTS",
        "KIMERA_WRITE_TABLES",
        "KIMERA_SELFCHECK_MARK",
        "KIMERA_ESCAPE_MARK",
    }
)
"""What is read without being a setting. ``tests/unit/test_variables.py`` looks for more of them in the code."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A variable that nothing reads; ``near``: the known one that it is most like, if any is."""

    name: str
    near: str | None

    def __str__(self) -> str:
        return f"{self.name} (did you mean {self.near}?)" if self.near else self.name


def known_variables() -> frozenset[str]:
    """All that something of this version reads."""
    of_settings = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    return _OTHERS | of_settings | {f"{PREFIX}{name.upper().replace('-', '_')}" for name in _SECRETS}


def unknown_variables(environment: Iterable[str], env_file: Path = Path(".env")) -> Iterator[Unknown]:
    """The variables of the environment, and of ``.env``, that are called like ours and that nothing reads."""
    given = {name for name in (*environment, *_names_in(env_file)) if name.upper().startswith(PREFIX)}
    known = known_variables()
    for name in sorted(given):
        if name.upper() not in known:
            near = get_close_matches(name.upper().removeprefix(PREFIX), sorted(one.removeprefix(PREFIX) for one in known), 1)
            yield Unknown(name, f"{PREFIX}{near[0]}" if near else None)


def _names_in(env_file: Path) -> Iterable[str]:
    if not env_file.is_file():
        return ()
    from dotenv import dotenv_values

    return dotenv_values(env_file)
