"""Looks inside the model that serves: what can be asked, what comes back, and how it is computed."""
