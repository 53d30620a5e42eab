-- How rows of a keyless table are found by their values: for each column what can be hashed of it ('value', 'text',
-- 'bytes', or nothing), and the equality operator and collation of an index that begins with it, or holds it after
-- others that it begins with.
SELECT a.attname,
       CASE
           WHEN b.oid IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype) THEN 'text'
           WHEN b.oid = 'bytea'::regtype THEN 'bytes'
           WHEN b.typlen > 0 AND hashed.found OR b.oid IN ('numeric'::regtype, 'inet'::regtype) THEN 'value'
           ELSE ''
       END,
       COALESCE(indexed.operator, ''),
       COALESCE(indexed.collating, '')
  FROM pg_catalog.pg_attribute a
  JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
  JOIN pg_catalog.pg_type b ON b.oid = CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END
 CROSS JOIN LATERAL (
       SELECT EXISTS (
              SELECT FROM pg_catalog.pg_opclass oc
                JOIN pg_catalog.pg_am am ON am.oid = oc.opcmethod
               WHERE am.amname = 'hash'
                 AND oc.opcdefault
                 AND oc.opcintype = CASE b.typtype WHEN 'e' THEN 'anyenum'::regtype ELSE b.oid END) AS found
       ) AS hashed
  LEFT JOIN LATERAL (
       SELECT pg_catalog.format('OPERATOR(%I.%s)', opn.nspname, o.oprname) AS operator,
              CASE WHEN c.oid IS NOT NULL THEN pg_catalog.format('%I.%I', cn.nspname, c.collname) END AS collating
         FROM pg_catalog.pg_index i
         JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
         JOIN pg_catalog.pg_am am ON am.oid = ic.relam AND am.amname IN ('btree', 'hash')
        CROSS JOIN LATERAL unnest(i.indkey::int2[], i.indclass::oid[], i.indcollation::oid[])
                          WITH ORDINALITY AS k (attribute, opclass, collating, position)
         JOIN pg_catalog.pg_opclass oc ON oc.oid = k.opclass
         JOIN pg_catalog.pg_amop ao ON ao.amopfamily = oc.opcfamily
                                   AND ao.amoplefttype = oc.opcintype
                                   AND ao.amoprighttype = oc.opcintype
                                   AND ao.amopstrategy = CASE am.amname WHEN 'btree' THEN 3 ELSE 1 END
                                   AND ao.amoppurpose = 's'
         JOIN pg_catalog.pg_operator o ON o.oid = ao.amopopr
         JOIN pg_catalog.pg_namespace opn ON opn.oid = o.oprnamespace
         LEFT JOIN pg_catalog.pg_collation c ON c.oid = k.collating
         LEFT JOIN pg_catalog.pg_namespace cn ON cn.oid = c.collnamespace
        WHERE i.indrelid = a.attrelid
          AND i.indisvalid
          AND i.indpred IS NULL
          AND k.attribute = a.attnum
          -- Nothing but plain columns up to here.
          AND NOT 0 = ANY ((i.indkey::int2[])[0:k.position - 1])
        ORDER BY k.position, i.indexrelid
        LIMIT 1
       ) AS indexed ON true
 WHERE a.attrelid = pg_catalog.to_regclass(pg_catalog.format('%I.%I', $1::text, $2::text))
   AND a.attnum > 0
   AND NOT a.attisdropped
