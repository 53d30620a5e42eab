"""The switchover of a running task, step by step (rule 26).

- `run`: the steps in their order, their facts, and the limit of the time without writes
- `checks`: what stands in the way, before anything changes
- `fence`: keeps writes out of the source
- `drain`: a marker in the stream, and the proof that no row came after it
- `opening`: what the destination's definitions lack to take writes
- `way_back`: the task of the other direction
- `ending`: the slot of the task that is left
- `lifting`: takes a fence away
- `undo`: brings both ends back to what they were
"""
