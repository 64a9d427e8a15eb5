"""What a stack may choose: typed, with defaults for a small start and a large one, and every mistake named at once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from enum import StrEnum
from typing import TypeVar

from shared.secrets import GEMINI_API_KEY, OPENAI_API_KEY

PREFIX = "kimera:"
T = TypeVar("T")


class ConfigurationError(ValueError):
    """The stack's configuration cannot be used; the message has one line for each thing that is wrong."""


class Models(StrEnum):
    """How language models are reached."""

    VERTEX = "vertex"
    """Gemini on Vertex AI, as each function's own identity: there is no key."""
    GEMINI = GEMINI_API_KEY
    """Gemini by an API key, which lies in Secret Manager under this name."""
    OPENAI = OPENAI_API_KEY
    """OpenAI, likewise."""
    NONE = "none"
    """Not at all: the extractive tier."""

    @property
    def key(self) -> str | None:
        """The name of the secret that holds the key."""
        return self.value if self in (Models.GEMINI, Models.OPENAI) else None


@dataclass(frozen=True, slots=True)
class Size:
    """What a small start and a large one differ in; ``kimera:size`` chooses, and each can be set alone."""

    max_running: int
    """Missions that run at the same time."""
    max_instances: int
    """Of each function."""
    min_instances: int
    """Of the functions that every mission waits for: 0 costs nothing and a cold start."""
    dispatches_per_second: int
    monthly_budget_usd: int
    """Where the budget alerts stand; nothing is switched off there."""


SIZES: Mapping[str, Size] = {
    "small": Size(max_running=8, max_instances=5, min_instances=0, dispatches_per_second=5, monthly_budget_usd=100),
    "large": Size(max_running=200, max_instances=100, min_instances=1, dispatches_per_second=50, monthly_budget_usd=5000),
}


@dataclass(frozen=True, slots=True)
class StackSettings:
    """One stack. Each field is ``kimera:<name>`` in camel case, but ``project`` and ``region``, which are ``gcp:``'s."""

    project: str
    region: str
    """Where everything runs and lies, the inbox bucket and its trigger included."""
    size: Size
    neo4j_uri: str
    """The Neo4j server of the knowledge graph; the passwords of its users are secrets."""
    neo4j_user: str = "neo4j"
    neo4j_reader: str = "neo4j"
    """The user of the functions that only read; where none is named, ``neo4j_user``."""
    users: tuple[str, ...] = ()
    """Who may call the API: IAM members (``user:``, ``group:``, ``serviceAccount:``, ``domain:``)."""
    prefix: str = "kimera"
    """In front of all names, so that two stacks can share a project. An account's id has 30 characters, which leaves 14. It is a database's
    id as it is, and that has 4 at least."""
    inbox_owner: str | None = None
    """Whose the missions are that come by upload: an e-mail address. Without it uploads are not taken."""
    models: Models = Models.VERTEX
    search_key: bool = False
    """Web search by Brave's API, whose key is the secret ``brave-api-key``."""
    budget_usd: Decimal = Decimal(1)
    """What a mission may spend on models."""
    day_budget_usd: Decimal = Decimal(10)
    """What all missions together may spend on a day."""
    sandbox_image: str | None = None
    """The image of ``infra/docker/sandbox.Dockerfile``, with its digest."""
    billing_account: str | None = None
    """Where the budget is declared; without it there are no budget alerts."""
    alert_emails: tuple[str, ...] = ()
    """Who hears of alerts."""
    github_repository: str | None = None
    """``owner/name``: its workflow on the branch ``main`` may deploy this stack, without a key."""
    audit_retention_days: int = 365
    lock_audit: bool = False
    """Lock the audit bucket's retention. Nobody can undo that, Google included, until the last object's time is over."""
    protect: bool = True
    """Refuse to delete what holds state. A tear-down sets it to false first."""


_USER = r"[A-Za-z0-9_.-]+"


def read_settings(config: Mapping[str, object]) -> StackSettings:
    """The settings in a stack's configuration (``kimera:users`` -> JSON or text); ``ConfigurationError`` names all that is wrong."""
    reader = _Reader(config)
    base = reader.size()
    neo4j_user = reader.text("kimera:neo4jUser", _USER, "a user of the Neo4j server", default="neo4j")
    settings = StackSettings(
        project=reader.text("gcp:project", r"[a-z][a-z0-9-]{4,28}[a-z0-9]", "a project's id"),
        region=reader.text("gcp:region", r"[a-z]+-[a-z]+\d+", "a region such as europe-west1"),
        size=Size(
            max_running=reader.number("maxRunning", base.max_running, 1, 10_000),
            max_instances=reader.number("maxInstances", base.max_instances, 1, 1_000),
            min_instances=reader.number("minInstances", base.min_instances, 0, 100),
            dispatches_per_second=reader.number("dispatchesPerSecond", base.dispatches_per_second, 1, 500),
            monthly_budget_usd=reader.number("monthlyBudgetUsd", base.monthly_budget_usd, 1, 1_000_000),
        ),
        neo4j_uri=reader.text("kimera:neo4jUri", r"(neo4j|bolt)\+s://[A-Za-z0-9.-]+(:\d+)?", "neo4j+s://HOST or bolt+s://HOST"),
        neo4j_user=neo4j_user,
        neo4j_reader=reader.text("kimera:neo4jReader", _USER, "a user of the Neo4j server", default=neo4j_user),
        users=reader.members("users"),
        inbox_owner=reader.optional("inboxOwner", r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address"),
        prefix=reader.text("kimera:prefix", r"[a-z][a-z0-9-]{2,12}[a-z0-9]", "4 to 14 small letters, digits, hyphens", default="kimera"),
        models=reader.one_of("models", Models, Models.VERTEX),
        search_key=reader.flag("searchKey", default=False),
        budget_usd=reader.money("budgetUsd", Decimal(1)),
        day_budget_usd=reader.money("dayBudgetUsd", Decimal(10)),
        sandbox_image=reader.optional("sandboxImage", r"\S+@sha256:[0-9a-f]{64}", "an image with its digest (NAME@sha256:...)"),
        billing_account=reader.optional("billingAccount", r"[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}", "XXXXXX-XXXXXX-XXXXXX"),
        alert_emails=reader.texts("alertEmails", r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address"),
        github_repository=reader.optional("githubRepository", r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+", "owner/name"),
        audit_retention_days=reader.number("auditRetentionDays", 365, 1, 36_500),
        lock_audit=reader.flag("lockAudit", default=False),
        protect=reader.flag("protect", default=True),
    )
    reader.finish()
    return settings


class _Reader:
    """Reads values one by one and keeps what is wrong for the end."""

    def __init__(self, config: Mapping[str, object]) -> None:
        self._config = config
        self._wrong: list[str] = []
        self._asked: set[str] = set()

    def finish(self) -> None:
        """Raise for all that was wrong, misspelt names included."""
        known = sorted(self._asked)
        for key in sorted(self._config):
            if key.startswith(PREFIX) and key not in self._asked:
                close = get_close_matches(key, known, n=1)
                self._wrong.append(f"{key} is not known" + (f"; did you mean {close[0]}?" if close else ""))
        if self._wrong:
            raise ConfigurationError("\n".join(["The stack's configuration cannot be used:", *(f"  {line}" for line in self._wrong)]))

    def size(self) -> Size:
        name = self._value(f"{PREFIX}size") or "small"
        if name not in SIZES:
            self._wrong.append(f"{PREFIX}size is {name!r}; possible: {', '.join(SIZES)}")
        return SIZES.get(name, SIZES["small"])

    def text(self, key: str, pattern: str, shape: str, *, default: str | None = None) -> str:
        value = self._value(key) or default
        if value is None:
            self._wrong.append(f"{key} is missing: pulumi config set {key} VALUE ({shape})")
            return ""
        return self._matching(key, value, pattern, shape)

    def optional(self, name: str, pattern: str, shape: str) -> str | None:
        value = self._value(PREFIX + name)
        return None if value is None else self._matching(PREFIX + name, value, pattern, shape)

    def texts(self, name: str, pattern: str, shape: str) -> tuple[str, ...]:
        return tuple(self._matching(PREFIX + name, value, pattern, shape) for value in self._list(PREFIX + name))

    def members(self, name: str) -> tuple[str, ...]:
        return self.texts(
            name, r"(user|group|serviceAccount|domain):[^\s:]+", "user:, group:, serviceAccount: or domain: and a name, never everybody"
        )

    def number(self, name: str, default: int, least: int, most: int) -> int:
        return self._parsed(name, default, int, lambda n: least <= n <= most, f"a whole number from {least} to {most}")

    def money(self, name: str, default: Decimal) -> Decimal:
        return self._parsed(name, default, Decimal, lambda d: d.is_finite() and 0 <= d <= 1_000_000, "US dollars, such as 2.50")

    def flag(self, name: str, *, default: bool) -> bool:
        return self._parsed(name, default, lambda text: {"true": True, "false": False}[text.lower()], lambda _: True, "true or false")

    def one_of(self, name: str, kind: type[Models], default: Models) -> Models:
        return self._parsed(name, default, kind, lambda _: True, f"one of {', '.join(kind)}")

    def _parsed(self, name: str, default: T, parse: Callable[[str], T], fits: Callable[[T], bool], shape: str) -> T:
        value = self._value(PREFIX + name)
        if value is None:
            return default
        try:
            parsed = parse(value)
        except (ValueError, KeyError, InvalidOperation):
            parsed = None
        if parsed is None or not fits(parsed):
            self._wrong.append(f"{PREFIX}{name} is {value!r}; it has to be {shape}")
            return default
        return parsed

    def _list(self, key: str) -> list[str]:
        value = self._value(key)
        if value is None:
            return []
        try:
            parsed = json.loads(value)
        except ValueError:
            parsed = None
        if not isinstance(parsed, list) or not all(isinstance(item, str) for item in parsed):
            self._wrong.append(f"{key} has to be a list: pulumi config set --path '{key}[0]' VALUE")
            return []
        return parsed

    def _matching(self, key: str, value: str, pattern: str, shape: str) -> str:
        if not re.fullmatch(pattern, value):
            self._wrong.append(f"{key} is {value!r}; it has to be {shape}")
        return value

    def _value(self, key: str) -> str | None:
        self._asked.add(key)
        value = self._config.get(key)
        return None if value is None or value == "" else str(value)


KEYS = tuple(PREFIX + re.sub(r"_(\w)", lambda m: m[1].upper(), f.name) for f in (*fields(StackSettings), *fields(Size)))
"""All names that a stack file may have under ``kimera:``; the example files are checked against them."""
