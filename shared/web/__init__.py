"""The open web: what may be called (``addresses``), how one page is fetched (``fetch``), and how pages are searched for (``search``)."""
