"""Benchmarks: `python -m bench NAME [options]`. Each prints one JSON object as its last line."""
