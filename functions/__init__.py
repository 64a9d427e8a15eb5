"""One folder per deployed function. ``main.py`` parses, calls and answers; the rest of a folder is that function's own logic."""
