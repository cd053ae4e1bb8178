"""What the figures in the docs come from. Each is a program with data of its own:
`python -m benchmarks.NAME --help`."""
