"""The roles that a model plays in fusion, one file each; without a model their work is left out, and the report rests on code alone.

``filler``   names what a statement is about, in the words of the other track   ``pairer``   which proposed pairs are about one thing
``writer``   words the answer, figures as slots and sources as ids              ``checker``  whether each sentence says what it cites
"""
