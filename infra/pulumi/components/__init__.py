"""The parts of the cloud, one subject a file. Each takes the ``Place`` it is declared in and what it needs of other parts."""
