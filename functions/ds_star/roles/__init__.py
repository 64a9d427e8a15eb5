"""The roles of DS-STAR (arXiv 2509.21825), one file each: input, output, and the extractive implementation.

``analyzer``  describes the files        ``planner``   proposes what to calculate    ``coder``      picks the script that does it
``verifier``  judges what a run found    ``router``    says how it goes on           ``finalizer``  makes the handoff

A role is a function of its input: it keeps nothing, and its model implementation will have the same input and output.
"""
