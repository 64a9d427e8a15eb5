"""Reading a question against file descriptions, without a model: words become an ``OperationSpec`` or a refusal.

``views``    the tables a question may be about, joined too    ``sentence``    its tokens and what they mean
``columns``  words to columns                                 ``cells``       words to cell values
``filters``  numbers and dates to conditions                  ``slots``       what each named column is for
``cues``     words to what is asked                           ``operations``  cues and slots to operations
``read``     all of it: ``read_question``                     ``suggest``     questions that these files can answer
"""
