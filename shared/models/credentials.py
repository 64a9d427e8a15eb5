"""Where models are reached: endpoints and keys, from the environment under the names that the providers' own tools use."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.mission import ResearchOptions, Tier
from shared.models.calls import ModelSpec, Provider
from shared.secrets import BRAVE_API_KEY, GEMINI_API_KEY, OPENAI_API_KEY

ADDRESS_REMEDY = "Write it like http://localhost:8000/v1."
KEY_REMEDY = "Set it anew, as the provider shows it: plain letters, digits and signs."
_FIELDS: Mapping[str, str] = {GEMINI_API_KEY: "google_api_key", OPENAI_API_KEY: "openai_api_key", BRAVE_API_KEY: "brave_api_key"}


class ModelEndpoints(BaseSettings):
    """Keys never stand in ``kimera.toml``: the environment or ``.env`` only. They are not shown, logged or stored."""

    model_config = SettingsConfigDict(env_file=Path(".env"), env_ignore_empty=True, extra="ignore", frozen=True, populate_by_name=True)

    google_api_key: SecretStr | None = Field(default=None, validation_alias=AliasChoices("GOOGLE_API_KEY", "GEMINI_API_KEY"))
    google_base_url: str | None = Field(default=None, validation_alias="KIMERA_GOOGLE_BASE_URL")
    vertex_project: str | None = Field(default=None, validation_alias="KIMERA_VERTEX_PROJECT")
    """Set: Gemini is asked through Vertex AI in this project, as the machine's own identity."""
    vertex_location: str = Field(default="global", validation_alias="KIMERA_VERTEX_LOCATION")
    openai_api_key: SecretStr | None = Field(default=None, validation_alias="OPENAI_API_KEY")
    openai_base_url: str | None = Field(default=None, validation_alias="OPENAI_BASE_URL")
    """Any endpoint that speaks chat completions; a local one needs no key."""

    brave_api_key: SecretStr | None = Field(default=None, validation_alias=AliasChoices("BRAVE_API_KEY", "BRAVE_SEARCH_API_KEY"))
    brave_base_url: str = Field(default="https://api.search.brave.com", validation_alias="KIMERA_BRAVE_BASE_URL")

    @field_validator(*_FIELDS.values())
    @classmethod
    def _trimmed(cls, key: SecretStr | None) -> SecretStr | None:
        return trimmed(key.get_secret_value()) if key is not None else None

    def with_keys(self, secret: Callable[[str], str], names: Collection[str]) -> ModelEndpoints:
        """The same with the keys of these ``names`` from a secret store (``shared/secrets.py``); an error of it is raised."""
        keys = {field: trimmed(secret(name)) for name, field in _FIELDS.items() if name in names}
        return self.model_copy(update=keys)

    def reaches(self, provider: Provider) -> bool:
        """Whether there is enough to ask this provider."""
        if provider == "brave":
            return self.brave_api_key is not None
        if provider == "google":
            return self.google_api_key is not None or self.vertex_project is not None
        return self.openai_api_key is not None or self.openai_base_url is not None

    def address(self, provider: Provider) -> str:
        """The address of an endpoint of one's own that is asked, without what may be secret in it; empty where the provider's own is."""
        at = (self.openai_base_url or "").strip() if provider == "openai" else ""
        scheme, separator, rest = at.partition("?")[0].rpartition("://")
        return f"{scheme}{separator}{rest.rpartition('@')[2]}"

    def wrong_address(self, provider: Provider) -> str | None:
        """What is wrong with that address, since no request could be sent to it."""
        at = self.address(provider)
        if not at:
            return None
        try:
            parts = urlsplit(at)
            right = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and not any(c.isspace() for c in at)
        except ValueError:  # a port that is none
            right = False
        return None if right else f"OPENAI_BASE_URL: {at[:80]!r} is no address of an endpoint."

    def wrong_key(self, provider: Provider) -> str | None:
        """What is wrong with the key of this provider, since no request could carry it; without the key itself."""
        keys = {
            "google": (GEMINI_API_KEY, self.google_api_key if self.vertex_project is None else None),
            "openai": (OPENAI_API_KEY, self.openai_api_key),
            "brave": (BRAVE_API_KEY, self.brave_api_key),
        }
        name, key = keys[provider]
        value = key.get_secret_value() if key is not None else ""
        if value.isascii() and value.isprintable():
            return None
        return f"The key {name} ({name.upper().replace('-', '_')}) holds a character that no request can carry."

    def missing(self, model: ModelSpec) -> str:
        """What to set so that ``model`` can be asked."""
        if model.provider == "brave":
            return "Set BRAVE_API_KEY, or use --web none."
        if model.provider == "google":
            return "Set GEMINI_API_KEY, or KIMERA_VERTEX_PROJECT to use Vertex AI; or use --tier extractive, which needs no model."
        return "Set OPENAI_API_KEY, or OPENAI_BASE_URL for an endpoint of your own; or use --tier extractive, which needs no model."

    def missing_remote(self, options: ResearchOptions) -> tuple[str, str] | None:
        """What research asks beyond the models that cannot be asked, and what to set for it; ``None`` where all can be asked."""
        needs_key = self.google_api_key is None
        if options.provider != "builtin" and needs_key:
            return "the Gemini Deep Research agent", "Set GEMINI_API_KEY, or use --research builtin."
        if options.web == "gemini" and needs_key:
            return "web search by Gemini", "Set GEMINI_API_KEY, or use --web brave or none."
        if options.web == "brave" and self.brave_api_key is None:
            return "Brave Search", "Set BRAVE_API_KEY, or use --web gemini or none."
        return None

    def usual_tier(self) -> Tier:
        """What a mission runs on when nobody says: standard where its models can be asked, else extractive."""
        return Tier.STANDARD if self.reaches("google") else Tier.EXTRACTIVE


def trimmed(key: str) -> SecretStr | None:
    """A key without the blanks and line breaks around it, which come with the file or the terminal that it was taken from."""
    return SecretStr(key.strip()) if key.strip() else None
