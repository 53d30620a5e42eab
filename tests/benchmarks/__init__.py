"""Measures the engine against its peers in one run: `python -m tests.benchmarks copy|drain|index|latency|memory`.

The figures are ratios: absolute times say more about the machine. These are not tests and pytest does not run them.
"""
