"""The open web: what may be called, how a page is fetched, the ports of search and of the remote research agent."""
