"""The cloud, declared. ``program.py`` puts the parts of ``components/`` together; ``configuration.py`` says what a stack may choose.

It reads ``functions/manifest.py`` and other tables, and runs nothing of the platform. ``tests/infrastructure`` holds it to its policies.
"""
