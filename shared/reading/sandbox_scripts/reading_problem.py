"""Why a document cannot be read, as the parsers say it."""


class Problem(Exception):
    """A stable code, what is wrong with the file (the host puts its name in front), and what to do."""

    def __init__(self, code, message, remedy=""):
        super().__init__(message)
        self.code = code
        self.message = message
        self.remedy = remedy


def plain(text, limit=300):
    """A metadata text without control characters, or None."""
    if not isinstance(text, str):
        return None
    clean = " ".join("".join(c if c.isprintable() else " " for c in text).split())[:limit]
    return clean or None
