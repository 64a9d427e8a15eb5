"""``python -m infra.packaging FUNCTION FOLDER``: an archive as files, for the stage of a container build that has no library."""

from __future__ import annotations

import sys
from pathlib import Path

from functions.manifest import MANIFEST
from infra.packaging.archive import contents_of


def main(arguments: list[str]) -> int:
    """Write the files; exit code 2 says what is wrong with the arguments."""
    rows = {row.name: row for row in MANIFEST}
    if len(arguments) != 2 or arguments[0] not in rows:
        sys.stderr.write(f"usage: python -m infra.packaging FUNCTION FOLDER (functions: {', '.join(rows)})\n")
        return 2
    for name, content in sorted(contents_of(rows[arguments[0]]).items()):
        path = Path(arguments[1]) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
