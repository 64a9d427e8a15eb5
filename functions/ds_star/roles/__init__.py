"""The roles of DS-STAR (arXiv 2509.21825), one file each: input, output, and the implementations.

``analyzer``  describes the files        ``planner``   proposes what to calculate    ``coder``      writes the script that does it
``debugger``  repairs a failing script   ``verifier``  judges what a run found       ``router``     says how it goes on
``finalizer`` makes the handoff

A role is a function of its input and keeps nothing. ``ask_...`` is the model implementation: its ``ModelRole``, whose prompt lies in
``prompts/``, and a contract for the answer. The other functions are the extractive implementation.
"""
