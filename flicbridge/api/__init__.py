"""The local API: what the command line (and later the web console) asks of a running bridge."""
