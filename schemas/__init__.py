"""The ground floor: every contract of KIMERA, as pydantic models. It imports nothing of ours.

``base``        how all of them behave            ``mission``   request, state, status words
``assertion``   what a sentence claims, typed     ``evidence``  the research track's handoff
``analysis``    the analysis track's handoff      ``fusion``    what fusion reads, and its alignment
``outcome``     what fusion publishes             ``steps``     the API between workflow and functions
``events``      the audit chain's entries         ``problem``   RFC 9457 errors
``handoff``     what the tracks tell each other while both run
``release``     exports JSON Schemas to ``v1/`` and refuses breaking changes
"""
