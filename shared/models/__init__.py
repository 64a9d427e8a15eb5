"""Language models: one way to ask one, and one chain that every request goes through.

``roles``    what a role asks for: its prompt and the type of its answer
``prompts``  prompt files: front matter, rendering, data in marked blocks
``asking``   the ``Models`` of a slice, which the tracks use
``desk``     the same, carried out: numbers the calls, checks the answers
``calls``    one request and its answer, as the chain hands them on; ``failures``: how a physical one fails

``access``   opens the models of a slice: it puts the links of the chain together (``telemetry``, ``guard``, ``remember``, ``retry``,
             ``pay``, ``breaker``, then ``provider`` or ``cassettes``), behind what ``freezing`` says of the slice's tier
``journal``  what became of every request, with its money; ``rows``: what is stored of it; ``orphans``: what nobody waits for
"""
