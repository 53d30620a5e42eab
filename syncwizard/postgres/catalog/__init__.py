"""What the catalogue of an end contains: tables, a listing of all objects, the selection, what it needs, rights."""
