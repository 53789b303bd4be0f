"""The Sentiment tab, and its endpoint: which of some labels fits a text, or each row of a file."""
