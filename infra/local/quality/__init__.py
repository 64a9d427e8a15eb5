"""The quality gate: tasks with planted truth, run as real missions and scored by code.

``tasks``    what a ``task.toml`` holds      ``scoring``  the deterministic scorers
``bench``    runs a suite on a platform             ``formats``  public benchmarks as such tasks
"""
