"""Programming languages: their names, and the check of their syntax, which a confined process does."""
