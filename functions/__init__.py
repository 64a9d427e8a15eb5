"""One folder per deployed function: ``main.py`` is the thin entry point, the rest is that function's own logic."""
