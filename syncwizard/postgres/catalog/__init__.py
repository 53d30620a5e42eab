"""What the catalogue of an end says: tables, the listing for a person, the selection, what it needs."""
