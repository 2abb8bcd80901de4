"""A package of its own name: some library installs another `tests`, which would be found first."""
