"""The roles that a model plays in research, one file each: input, prompt (``prompts/``), a contract for the answer, and ``ask_...``.

``planner``  what to search for       ``reader``       what passages say, as claims with their quotes
``auditor``  whether claims follow    ``synthesizer``  what the claims come to for a sub-question

What code does in their place without a model stands in ``quotes.py``, ``audit.py``, ``hypotheses.py`` and ``synthesize.py``.
"""
