"""The Code tab and the /code endpoint. What was written or generated is checked, and never run."""
