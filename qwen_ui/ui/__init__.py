"""The page and the API: one file a tab, plus the shell and what tabs share."""
