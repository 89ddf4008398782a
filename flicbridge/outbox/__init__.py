"""Stage 4: committed to disk, tried again. Has never heard of transports; it is handed something to call."""
