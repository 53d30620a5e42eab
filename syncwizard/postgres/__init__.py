"""The only code that knows psycopg; source/ and destination/ hold what belongs to one end."""
