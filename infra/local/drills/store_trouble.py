"""The store cannot be written for 20 seconds, or its disk is full: missions wait, and go on when it is well again."""

from __future__ import annotations

import errno
import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from pathlib import Path

from infra.local.drills import promises
from infra.local.drills.drill import Drill, Scene
from infra.local.drills.host import Host
from infra.local.drills.missions import Asked, submit, until_over
from infra.local.drills.standin import StandIn
from infra.local.drills.standin.playing import plays_well
from infra.local.emulated.component import Missing
from shared.errors import KimeraError

LOCKED_S = 20.0
FULL_S = 12.0
DISK_BYTES = 48 << 20
_PIECE = b"\0" * (1 << 16)
_MOUNT = 'mount -t tmpfs -o size={size} drill "$KIMERA_HOME" && exec "$@"'


def drills() -> list[Drill]:
    """Both troubles."""
    return [
        Drill("store.locked", f"another process holds the exclusive lock of the SQLite file for {LOCKED_S:.0f} s", _locked),
        Drill("store.full", f"the disk of the data folder is full for {FULL_S:.0f} s (a small tmpfs: ENOSPC)", _full, _require_namespaces),
    ]


def _locked(scene: Scene) -> None:
    standin = scene.closing.enter_context(StandIn())
    plays_well(standin)
    host = scene.closing.enter_context(Host(scene.folder, standin.environment()))
    mission_id = _in_the_middle(scene, host, standin)
    began = scene.clock.now()
    holder = sqlite3.connect(host.data / "kimera.sqlite3", timeout=30, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        refused = _busy_for_others(host.data / "kimera.sqlite3")
        scene.clock.sleep(LOCKED_S)
    finally:
        holder.execute("ROLLBACK")
        holder.close()
    freed = scene.clock.now()
    state = until_over(scene, host.api, mission_id)
    within = [event for event in host.api.events(mission_id) if began < event.at < freed]
    later = [event for event in host.api.events(mission_id) if event.at >= freed]
    proof = f"{refused}; the mission wrote {len(within)} events in {(freed - began).total_seconds():.0f} s, {len(later)} afterwards"
    scene.hurt("nobody can write to the store", proof=proof, really=bool(refused and later))
    promises.all_kept(scene, host, state, standin)


def _busy_for_others(path: Path) -> str:
    """What a third party hears that wants to write now."""
    other = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        return f"a third writer hears {error.sqlite_errorname}"
    finally:
        other.close()
    return ""


class SmallDisk(Host):
    """The platform in a user and mount namespace of its own, where its data folder is a small file system. Needs no root."""

    def command(self) -> Sequence[str]:
        self.data.mkdir(parents=True, exist_ok=True)
        script = _MOUNT.format(size=DISK_BYTES)
        return ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", *super().command())

    def inside(self) -> Sequence[str]:
        return ("nsenter", "--target", str(self.pid), "--user", "--mount", "--preserve-credentials")

    @property
    def disk(self) -> Path:
        """The data folder, as we see it from outside."""
        return Path(f"/proc/{self.pid}/root") / self.data.relative_to("/")


def _require_namespaces() -> None:
    tried = None
    if all(shutil.which(program) for program in ("unshare", "nsenter")):
        tried = subprocess.run(
            ["unshare", "--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "drill", "/mnt"], capture_output=True, check=False
        )
    if tried is None or tried.returncode != 0:
        raise Missing(
            "A small file system of one's own cannot be made on this machine.",
            remedy="It takes util-linux and user namespaces (sysctl kernel.unprivileged_userns_clone, or AppArmor's restriction of them).",
        )


def _full(scene: Scene) -> None:
    standin = scene.closing.enter_context(StandIn())
    plays_well(standin)
    host = scene.closing.enter_context(SmallDisk(scene.folder, standin.environment()))
    mission_id = _in_the_middle(scene, host, standin)
    began = scene.clock.now()
    filler = host.disk / "filler"
    written, why = _fill(filler)
    refused = _refusal(host, scene.folder)
    scene.clock.sleep(FULL_S)
    more, why_still = _fill(filler)
    free = shutil.disk_usage(host.disk).free
    filler.unlink()
    freed = scene.clock.now()
    state = until_over(scene, host.api, mission_id)
    within = [event for event in host.api.events(mission_id) if began < event.at < freed]
    proof = (
        f"{written + more:,} bytes filled it up to {errno.errorcode.get(why_still, '?')}, {free} bytes free; "
        f"{len(within)} events in {(freed - began).total_seconds():.0f} s; an upload was answered: {refused}"
    )
    scene.hurt("no room on the disk of the data folder", proof=proof, really=bool(why == why_still == errno.ENOSPC))
    scene.check("what finds no room says so", "room" in refused or "space" in refused, refused)
    promises.all_kept(scene, host, state, standin)


def _fill(path: Path) -> tuple[int, int]:
    """Bytes written until the disk took no more, and the error number that said so."""
    written, piece, why = 0, _PIECE, 0
    with path.open("ab", buffering=0) as stream:
        while piece:
            try:
                written += stream.write(piece)
            except OSError as error:
                why, piece = error.errno or 0, piece[: len(piece) // 2]
    return written, why


def _refusal(host: Host, folder: Path) -> str:
    """What somebody hears who uploads a file now."""
    path = folder / "one-more.csv"
    path.write_bytes(b"a,b\n" + b"1,2\n" * 50_000)
    try:
        host.api.upload(path, path.name)
    except KimeraError as error:
        return f"{error.code}: {error}"
    return "accepted"


def _in_the_middle(scene: Scene, host: Host, standin: StandIn) -> str:
    """A mission with a model that is at work."""
    mission_id = submit(host.api, Asked().upload(host.api, scene.folder / "files"), "drill")
    assert mission_id is not None, "the platform answers"
    scene.until(lambda: len(standin.given) >= 2 or None, "the middle of the mission", seconds=60)
    return mission_id
