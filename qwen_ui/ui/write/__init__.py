"""The Write tab and the /write endpoint: up to four versions of a text, written side by side."""
