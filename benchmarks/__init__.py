"""Side-by-side measurements of this load generator, k6 and a bare loop: `python -m benchmarks`."""
