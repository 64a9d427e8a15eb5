"""The ``kimera`` command."""
