"""A folder of the data folder, made where it is missing; where it cannot be, the error says what to do."""

from __future__ import annotations

from pathlib import Path

from shared.errors import BadInput, Unavailable


def folder_in(home: Path, name: str) -> Path:
    """``home/name``, which exists then. ``BadInput``: something else lies there; ``Unavailable``: the system refuses."""
    folder = home / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (NotADirectoryError, FileExistsError) as error:
        raise BadInput(f"{home} is no data folder: {error.strerror}.", remedy="Set KIMERA_HOME to a folder.") from error
    except OSError as error:
        raise Unavailable(
            f"The data folder {home} cannot be used: {error.strerror}.",
            remedy="Check that you may write there, or choose another with KIMERA_HOME.",
        ) from error
    return folder
