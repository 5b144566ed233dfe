"""Input and output only: HTTP, the loopback server, the browser, the session store, the terminal."""
