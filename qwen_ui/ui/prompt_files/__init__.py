"""The Prompts tab: every prompt file of every task, to read, change, try and restore."""
