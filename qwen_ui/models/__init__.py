"""Which model runs, where it comes from, whether it fits, and loading it."""
