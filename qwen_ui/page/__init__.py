"""The page around the tabs: its frame, header and style, and what all tabs share."""
