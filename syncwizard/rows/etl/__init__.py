"""The transformation language: a script becomes a checked tree, and that SQL; nothing of it is interpreted row by row.

- `grammar.lark`, `parsing`, `tree`: from the text to a tree with positions
- `types`: what values are, for checking
- `catalogue/`: the functions that give values, each with its arguments, its SQL and an example
- `values`: checked expressions
- `steps`: the functions that change rows, as levels of a query
- `table`: the functions as a table for the manual
"""
