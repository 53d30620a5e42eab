"""Small inputs from the field, each with a trait that stopped or misled tools like this one.

- `test_carried_definitions`: k02, k12, k13, k14, k17, t1, v4
- `test_changed_definitions`: v2, v3
- `test_checks`: k01, k01b, v8
- `test_extension_tables`: m10, m10b, p10
- `test_hash_partitions`: k09
- `test_of_fifteen`: p04, t3
- `test_refused_definitions`: k03, k05, k06, k07, k08, v7
- t2 needs no rows: `integration/test_schema`, options of columns that only the source knows

What cannot be carried at all (tablespaces, access methods, security labels) is compared as what the precheck says.
Rows that a replaced function left behind (v4) are found among the first of each table.
"""
