"""Adapters on disk, and in the engine."""
