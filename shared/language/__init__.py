"""Words and questions, without a model: what both tracks need to read a question the same way.

``words``    folding, tokens with offsets, stems        ``detect``   which language a question is in; refuses the unsupported
``lexicon``  the words that steer (``lexicon/en.toml``)  ``split``    a question into sub-questions
"""
