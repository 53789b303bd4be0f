"""The Translate tab and the /translate endpoint."""
