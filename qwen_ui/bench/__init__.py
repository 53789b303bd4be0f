"""Side-by-side measurements: `python -m qwen_ui.bench` prints the tables of docs/benchmarks.md."""
