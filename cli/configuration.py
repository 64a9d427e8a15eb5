"""The settings of a command, with errors that name the setting."""

from __future__ import annotations

import os
import tomllib

from pydantic import ValidationError
from pydantic_settings import SettingsError

from cli.console import note
from shared.errors import BadInput
from shared.settings import Settings, setting_files
from shared.validation import said
from shared.variables import unknown_variables

_WHERE = "Look at KIMERA_... in the environment, .env and kimera.toml."


def load_settings() -> Settings:
    """What the environment, ``./kimera.toml`` and the user's file say; ``BadInput`` names what is wrong."""
    try:
        settings = Settings()
        _refuse_unknown()
    except ValidationError as error:
        raise BadInput(f"The settings are wrong: {_wrong(error)}.", remedy=_WHERE) from error
    except SettingsError as error:  # a value that has to be JSON and is not
        raise BadInput(
            f"The settings are wrong: {error}.",
            remedy='Write it as JSON, for instance KIMERA_OWNERS=\'{"alice": "<SHA-256 of her token>"}\'.',
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"kimera.toml cannot be read: {error}.", remedy="Correct ./kimera.toml or ~/.config/kimera/kimera.toml.") from error
    _note_unknown_variables()
    return settings


def require_for_cloud() -> None:
    """Raise ``BadInput`` where the functions of the emulated cloud could not start: they read these settings as those of the cloud do."""
    try:
        Settings(profile="cloud")
    except ValidationError as error:
        raise BadInput(
            f"The emulated cloud runs the functions as the cloud does, which does not take these settings: {_wrong(error)}.",
            remedy=f"Leave them out for this command. {_WHERE}",
        ) from error


def _wrong(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(str(p) for p in e['loc'])}: {said(e)}" for e in error.errors(include_url=False, include_input=False))


def _note_unknown_variables() -> None:
    """Say in one line which variables nothing reads. No error: a deployment may set what a newer version reads."""
    if unknown := [*unknown_variables(os.environ)]:
        note(f"warning: nothing reads {', '.join(map(str, unknown))}.")


def _refuse_unknown() -> None:
    """Raise ``BadInput`` for a key of a file that is no setting: somebody believes that it holds, a budget's cap for one."""
    for path in setting_files():
        if not path.is_file():
            continue
        for key in tomllib.loads(path.read_text(encoding="utf-8")):
            if key not in Settings.model_fields:
                from difflib import get_close_matches

                near = get_close_matches(key, Settings.model_fields, 1)
                raise BadInput(
                    f"{path} sets {key!r}, which is no setting.",
                    remedy=f"Did you mean {near[0]}?" if near else "docs/operating.md lists the settings.",
                )
