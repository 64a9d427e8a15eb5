"""The expression language: ``lexer`` (text to tokens), ``parser`` (tokens to the tree of ``tree``), ``compiler`` (tree to Python closures), ``operators``.

Nothing here evaluates Python: a definition can only do what the language can.
"""
