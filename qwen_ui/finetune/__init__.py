"""Fine-tuning: from a file of examples to an adapter, in a process of its own."""
