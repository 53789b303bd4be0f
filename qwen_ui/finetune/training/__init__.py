"""The training itself: the only part of this room that knows torch."""
