"""Decisions: which of some options fits a text, by how probable the model finds each, with calibrated probabilities."""
