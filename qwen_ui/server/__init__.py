"""What serves: the engine's host, limits and records of requests, who is let in, logs, metrics, health, closing."""
