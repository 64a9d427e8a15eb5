"""Dead letters: what could not be delivered."""
