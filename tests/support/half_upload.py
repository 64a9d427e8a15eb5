"""A process that says ``half`` in the middle of an upload and waits there: ``python -m tests.support.half_upload URL BUCKET KEY``."""

from __future__ import annotations

import io
import os
import random
import sys

from shared.adapters.cloud_storage_artifacts import CloudStorageArtifacts
from shared.adapters.cloud_storage_bucket import EMULATOR, CloudBucket
from shared.adapters.cloud_storage_uploads import CHUNK
from shared.clock import SystemClock

SIZE = 4 * CHUNK


class WaitsWhileSent(io.BytesIO):
    """Is measured at once, and waits once two chunks of it have been taken to be sent."""

    taken = 0

    def read(self, size: int | None = -1) -> bytes:
        self.taken += size or 0
        if self.taken > SIZE + 2 * CHUNK + CHUNK // 2:
            os.write(1, b"half\n")
            sys.stdin.read()
        return super().read(size)


if __name__ == "__main__":
    url, name, key = sys.argv[1:]
    os.environ[EMULATOR] = url
    bucket = CloudBucket(name, project="kimera-tests", clock=SystemClock(), uniform=random.Random().random)
    CloudStorageArtifacts(bucket).put(key, WaitsWhileSent(b"x" * SIZE))
