"""/v1: the model for any program that speaks OpenAI's API."""
