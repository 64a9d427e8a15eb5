"""The ground floor: every contract of KIMERA, as pydantic models. It imports nothing of ours.

``base``        how all of them behave            ``mission``   request, state, status words
``assertion``   what a sentence claims, typed     ``evidence``  the research track's handoff
``analysis``    the analysis track's handoff      ``fusion``    what fusion reads, and its alignment
``outcome``     what fusion publishes             ``events``    the audit chain's entries
``problem``     RFC 9457 errors                   ``sandbox``   the API of the sandbox service
``handoff``     what the tracks tell each other while both run
``release``     exports JSON Schemas to ``v1/`` and refuses breaking changes

The API between the workflow, the queue and the functions: ``messages`` is what all of it has in common, and each function's own messages
stand by themselves, so that an instance that starts does not wait for those of the others.

``steps``       both tracks                       ``gate``      budget
``lifecycle``   lifecycle                         ``fusing``    fusion
``uploads``     intake                            ``letters``   dead_letter
``research_jobs``  deep_research
"""
