"""What Benchmarks/run and the tools beside it share."""
