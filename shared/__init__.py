"""What more than one function needs: ports with their adapters, and the domain services on top of them."""
