"""The expression language.

``lexer`` turns text into tokens, ``parser`` tokens into the tree of ``tree``, ``compiler`` the tree into Python closures.
Nothing here evaluates Python: a definition can only do what the language can.
"""
