"""Renders an outcome, the same bytes every time: ``markdown``, ``html`` (one self-contained file) and ``json``.

``view``  what both page formats show, in reading order    ``svg``     charts made harmless
``tables``  recorded tables, formatted
"""
