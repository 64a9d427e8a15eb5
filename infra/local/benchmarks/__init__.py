"""How fast the platform is: the orchestration by itself, under load, and from a cold start (``kimera bench``, docs/performance.md)."""
