"""Documents → passages → search: what the Ask tab answers from."""
