"""The fault harness: a workload with checkable meaning, one fault at a time, a reader that never looks away."""
