"""What developers of the project run, and the app does not need."""
