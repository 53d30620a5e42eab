"""What a task does, in rooms.

- `precheck`: whether the ends are as a task needs them
- `capture`: the source records every change from a known position
- `definitions`: schema, keys, constraints, indexes, sequences
- `full`: every table under a pair
- `incremental`: catching up, and changes from then on
- `verification`: both ends compared at one commit
- `commands`: what a user asks of a task: resync, switchover, release
- `context`: what every stage is given
- `relations`: what became of captured tables, as events
- `same_source`: whether the source is the server that the slot was made at
- `targets`: which tables take the rows, and which are emptied
- `interruptible`: statements that a pause ends

Stages call the functions of `postgres/source` and ask a `Destination`; they do not import the driver.
"""
