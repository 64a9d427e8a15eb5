"""The knowledge graph: documents, their passages, and what links them; apart for each mission and each owner's knowledge space.

``port``       what a graph promises            ``terms``      the words a passage is found by
``ranking``    BM25 over one search's scopes    ``pagerank``   personalised PageRank over a fetched neighbourhood
``indexing``   a document into nodes and edges  ``retrieval``  passages for a question
"""
