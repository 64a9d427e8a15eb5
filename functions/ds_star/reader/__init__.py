"""Reading a question against file descriptions, without a model: words become an ``OperationSpec`` or a refusal.

``views``    the tables a question may be about, joined too    ``sentence``    its tokens and what they mean
``columns``  words to columns                                 ``cells``       words to cell values
``slots``    what each named column is for                    ``filling``     names, values, numbers and times to slots
``filters``  numbers to conditions                            ``times``       "since", "not in" to conditions on time
``periods``  "Q2 2024", "5 March 2024" to stretches of days   ``written_dates``  those in digits
``time_parts``  a year and its quarter or month in two columns  ``unsure_times``  "last year" and the like, refused
``amounts``  "8 cylinders" to a condition                     ``nouns``       "gas prices" to a column ``gas``
``cues``     words to what is asked                           ``deciding``    cues and slots to one operation
``specs``    what every operation's spec is made of           ``operations``  the operation to its specs; those with more to
             say have a file: ``rankings``, ``shares``, ``lookups``, ``changes``, ``members``, ``ratios``
``qualifiers``  words that no condition holds, refused     ``nested``    figures of figures, refused
``read``     all of it: ``read_question``                     ``saying``      the reading in one line
``suggest``  questions that these files can answer
"""
