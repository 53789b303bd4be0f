"""Side-by-side measurements: `python -m bench` prints the tables of docs/benchmarks.md."""
