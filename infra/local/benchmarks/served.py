"""A served platform whose tracks are idle: ``kimera serve`` in all but the two functions. ``kimera bench load`` starts and kills it.

python -m infra.local.benchmarks.served PORT
"""

from __future__ import annotations

import gc
import logging
import sys

from infra.local.benchmarks.idle_functions import idle_functions
from infra.local.server import Address, serve
from shared.settings import Settings

_GARBAGE_AFTER = 50_000  # as the command has it


def main(port: int) -> None:
    """Serve until SIGTERM."""
    settings = Settings()
    gc.set_threshold(_GARBAGE_AFTER, *gc.get_threshold()[1:])
    settings.home.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        filename=settings.home / "kimera.log", level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    serve(settings, Address("127.0.0.1", port), started=lambda _: None, functions=idle_functions)


if __name__ == "__main__":
    main(int(sys.argv[1]))
