"""Stand-ins for hardware and providers that speak the real bytes: for rehearsals, demos, tests and CI."""
