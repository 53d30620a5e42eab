-- The equality operator of each key column of the unique btree indexes, as their operator classes define it.
SELECT i.indexrelid::bigint,
       array_agg(pg_catalog.format('OPERATOR(%%I.%%s)', pn.nspname, o.oprname) ORDER BY k.position)
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL unnest(i.indclass::oid[]) WITH ORDINALITY AS k (opclass, position)
  JOIN pg_catalog.pg_opclass oc ON oc.oid = k.opclass
  JOIN pg_catalog.pg_amop ao ON ao.amopfamily = oc.opcfamily
                            AND ao.amoplefttype = oc.opcintype
                            AND ao.amoprighttype = oc.opcintype
                            AND ao.amopstrategy = 3
                            AND ao.amoppurpose = 's'
  JOIN pg_catalog.pg_operator o ON o.oid = ao.amopopr
  JOIN pg_catalog.pg_namespace pn ON pn.oid = o.oprnamespace
 WHERE i.indisunique
   AND n.nspname = ANY (%s)
   AND c.relname = ANY (coalesce(%s::text[], ARRAY[c.relname::text]))
 GROUP BY i.indexrelid
