"""What happens to stored files that no program asked for."""

from __future__ import annotations

from pathlib import Path


def damage(root: Path, key: str) -> None:
    """Change the last byte of an artifact of the ``FolderArtifacts`` at ``root``, as a failing disk may."""
    path = root / "objects" / f"{key}@" / key.rpartition("/")[2]
    data = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
