"""Documents into text that can be quoted: untrusted files are parsed in the sandbox only, and every passage keeps its place.

``document``   what an extracted document is             ``formats``    which parser a file gets, from its first bytes
``extract``    runs the parsers in the sandbox, caches   ``compose``    blocks of any format into one plain text with spans
``sentences``  where sentences begin and end             ``passages``   windows of sentences, the unit of search
``sandbox_scripts/`` the parsers themselves, which run in the sandbox's interpreter
"""
