"""Small inputs from the field, each with a trait that stopped or misled tools like this one."""
