"""One module or package a task: what the user gives → messages; what the model wrote → a result. All pure."""
