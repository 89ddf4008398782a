"""Flic 1, and whatever else the vendor's Linux daemon `flicd` speaks with: a client of its TCP protocol.

`events` says what is in packets, `wire` reads and writes them, `session` holds one connection, `retelling`
turns clicks into `ButtonEvent`s; `daemon` keeps the connection, and each `button` is heard through it.
"""
