"""The engine: what turns messages into streamed text and scores. `base` is its protocol, without torch."""
