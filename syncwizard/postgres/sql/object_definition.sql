-- What is no table, as its catalogue has it, as JSON; :class and :object are OIDs. Names are qualified as the session's
-- search_path demands: it is pg_catalog alone.
SELECT json_build_object(
           'kind', 'function', 'schema', n.nspname, 'name', p.proname,
           'arguments', pg_catalog.pg_get_function_identity_arguments(p.oid),
           'create', json_build_array(pg_catalog.pg_get_functiondef(p.oid)))::text
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
 WHERE :class = 'pg_catalog.pg_proc'::regclass AND p.oid = :object AND p.prokind <> 'a'
 UNION ALL
-- An aggregate; those with ordered arguments have a form of their own, and are left out.
SELECT json_build_object(
           'kind', 'aggregate', 'schema', n.nspname, 'name', p.proname,
           'arguments', pg_catalog.pg_get_function_identity_arguments(p.oid),
           'create', json_build_array(format('CREATE OR REPLACE AGGREGATE %I.%I(%s) (%s)', n.nspname, p.proname,
               CASE WHEN p.pronargs = 0 THEN '*' ELSE pg_catalog.pg_get_function_arguments(p.oid) END,
               concat_ws(', ',
                   format('SFUNC = %s, STYPE = %s', a.aggtransfn, pg_catalog.format_type(a.aggtranstype, NULL)),
                   'SSPACE = ' || nullif(a.aggtransspace, 0),
                   'FINALFUNC = ' || nullif(a.aggfinalfn::oid, 0)::regproc,
                   CASE WHEN a.aggfinalextra THEN 'FINALFUNC_EXTRA' END,
                   'COMBINEFUNC = ' || nullif(a.aggcombinefn::oid, 0)::regproc,
                   'SERIALFUNC = ' || nullif(a.aggserialfn::oid, 0)::regproc,
                   'DESERIALFUNC = ' || nullif(a.aggdeserialfn::oid, 0)::regproc,
                   'INITCOND = ' || quote_literal(a.agginitval),
                   'MSFUNC = ' || nullif(a.aggmtransfn::oid, 0)::regproc,
                   'MINVFUNC = ' || nullif(a.aggminvtransfn::oid, 0)::regproc,
                   'MSTYPE = ' || pg_catalog.format_type(nullif(a.aggmtranstype, 0), NULL),
                   'MSSPACE = ' || nullif(a.aggmtransspace, 0),
                   'MFINALFUNC = ' || nullif(a.aggmfinalfn::oid, 0)::regproc,
                   CASE WHEN a.aggmfinalextra THEN 'MFINALFUNC_EXTRA' END,
                   'MINITCOND = ' || quote_literal(a.aggminitval),
                   'SORTOP = ' || (SELECT format('OPERATOR(%I.%s)', s.nspname, o.oprname) FROM pg_catalog.pg_operator o
                                     JOIN pg_catalog.pg_namespace s ON s.oid = o.oprnamespace WHERE o.oid = a.aggsortop),
                   'PARALLEL = ' || CASE p.proparallel WHEN 's' THEN 'SAFE' WHEN 'r' THEN 'RESTRICTED' END))))::text
  FROM pg_catalog.pg_proc p
  JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
  JOIN pg_catalog.pg_aggregate a ON a.aggfnoid = p.oid
 WHERE :class = 'pg_catalog.pg_proc'::regclass AND p.oid = :object AND a.aggkind = 'n'
 UNION ALL
SELECT json_build_object(
           'kind', 'materialized view', 'schema', n.nspname, 'name', c.relname,
           'create', json_build_array(format('CREATE MATERIALIZED VIEW %I.%I%s AS %s%s', n.nspname, c.relname,
               ' WITH (' || array_to_string(c.reloptions, ', ') || ')', rtrim(pg_catalog.pg_get_viewdef(c.oid), ';'),
               CASE WHEN NOT c.relispopulated THEN ' WITH NO DATA' END)))::text
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE :class = 'pg_catalog.pg_class'::regclass AND c.oid = :object AND c.relkind = 'm'
 UNION ALL
-- The index of a materialized view; those of tables belong to their definitions.
SELECT json_build_object(
           'kind', 'index', 'schema', n.nspname, 'name', c.relname,
           'create', json_build_array(pg_catalog.pg_get_indexdef(c.oid)))::text
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
  JOIN pg_catalog.pg_class m ON m.oid = i.indrelid AND m.relkind = 'm'
 WHERE :class = 'pg_catalog.pg_class'::regclass AND c.oid = :object
 UNION ALL
SELECT json_build_object(
           'kind', 'view', 'schema', n.nspname, 'name', c.relname,
           'columns', (SELECT json_agg(json_build_array(a.attname, pg_catalog.pg_get_expr(d.adbin, d.adrelid))
                                       ORDER BY a.attnum)
                         FROM pg_catalog.pg_attribute a
                         LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
                        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
           'create', json_build_array(format('CREATE OR REPLACE VIEW %I.%I%s AS %s', n.nspname, c.relname,
               ' WITH (' || array_to_string(c.reloptions, ', ') || ')', pg_catalog.pg_get_viewdef(c.oid))))::text
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE :class = 'pg_catalog.pg_class'::regclass AND c.oid = :object AND c.relkind = 'v' AND c.relpersistence <> 't'
 UNION ALL
SELECT json_build_object(
           'kind', 'sequence', 'schema', n.nspname, 'name', c.relname,
           'create', (SELECT json_agg(format('%s %I.%I AS %s INCREMENT BY %s MINVALUE %s MAXVALUE %s START WITH %s'
                                         ' CACHE %s %s', verb, n.nspname, c.relname, q.seqtypid::regtype,
                                         q.seqincrement, q.seqmin, q.seqmax, q.seqstart, q.seqcache,
                                         CASE WHEN q.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END) ORDER BY at)
                        FROM (VALUES (1, 'CREATE SEQUENCE IF NOT EXISTS'), (2, 'ALTER SEQUENCE')) AS v (at, verb)))::text
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_sequence q ON q.seqrelid = c.oid
 WHERE :class = 'pg_catalog.pg_class'::regclass AND c.oid = :object AND c.relkind = 'S' AND c.relpersistence = 'p'
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
                      AND d.refobjsubid > 0)
 UNION ALL
SELECT json_build_object(
           'kind', CASE t.typtype WHEN 'd' THEN 'domain' ELSE 'type' END, 'schema', n.nspname, 'name', t.typname,
           'labels', CASE WHEN t.typtype = 'e' THEN (
               SELECT coalesce(json_agg(e.enumlabel ORDER BY e.enumsortorder), '[]')
                 FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid) END,
           'attributes', CASE WHEN t.typtype = 'c' THEN (
               SELECT coalesce(json_agg(json_build_array(
                          a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod) || CASE
                              WHEN a.attcollation <> y.typcollation THEN ' COLLATE ' || a.attcollation::regcollation
                              ELSE '' END) ORDER BY a.attnum), '[]')
                 FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type y ON y.oid = a.atttypid
                WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) END,
           'domain', CASE WHEN t.typtype = 'd' THEN json_build_object(
               'type', pg_catalog.format_type(t.typbasetype, t.typtypmod),
               'default', t.typdefault, 'not_null', t.typnotnull,
               'checks', (SELECT coalesce(json_object_agg(k.conname, pg_catalog.pg_get_constraintdef(k.oid)), '{}')
                            FROM pg_catalog.pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c')) END,
           'create', json_build_array(CASE t.typtype
               WHEN 'e' THEN format('CREATE TYPE %I.%I AS ENUM (%s)', n.nspname, t.typname, (
                   SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
                     FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid))
               WHEN 'c' THEN format('CREATE TYPE %I.%I AS (%s)', n.nspname, t.typname, (
                   SELECT string_agg(format('%I %s%s', a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
                              CASE WHEN a.attcollation <> y.typcollation
                                   THEN ' COLLATE ' || a.attcollation::regcollation END), ', ' ORDER BY a.attnum)
                     FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type y ON y.oid = a.atttypid
                    WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped))
               WHEN 'r' THEN (
                   SELECT format('CREATE TYPE %I.%I AS RANGE (%s)', n.nspname, t.typname, concat_ws(', ',
                              'SUBTYPE = ' || pg_catalog.format_type(g.rngsubtype, NULL),
                              format('SUBTYPE_OPCLASS = %I.%I', os.nspname, o.opcname),
                              'COLLATION = ' || nullif(g.rngcollation, 0)::regcollation,
                              'SUBTYPE_DIFF = ' || nullif(g.rngsubdiff::oid, 0)::regproc,
                              'MULTIRANGE_TYPE_NAME = ' || pg_catalog.format_type(nullif(g.rngmultitypid, 0), NULL)))
                     FROM pg_catalog.pg_range g
                     JOIN pg_catalog.pg_opclass o ON o.oid = g.rngsubopc
                     JOIN pg_catalog.pg_namespace os ON os.oid = o.opcnamespace
                    WHERE g.rngtypid = t.oid AND g.rngcanonical = 0)
               ELSE format('CREATE DOMAIN %I.%I AS %s%s%s%s%s', n.nspname, t.typname,
                   pg_catalog.format_type(t.typbasetype, t.typtypmod),
                   CASE WHEN t.typcollation <> b.typcollation THEN ' COLLATE ' || t.typcollation::regcollation END,
                   ' DEFAULT ' || t.typdefault,
                   CASE WHEN t.typnotnull THEN ' NOT NULL' END, (
                       SELECT ' ' || string_agg(
                                  format('CONSTRAINT %I %s', k.conname, pg_catalog.pg_get_constraintdef(k.oid)), ' '
                                  ORDER BY k.conname)
                         FROM pg_catalog.pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c')) END))::text
  FROM pg_catalog.pg_type t
  JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
  LEFT JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype
  LEFT JOIN pg_catalog.pg_class r ON r.oid = t.typrelid
 WHERE (:class = 'pg_catalog.pg_type'::regclass AND t.oid = :object
        OR :class = 'pg_catalog.pg_class'::regclass AND t.typrelid = :object)
   AND (t.typtype IN ('d', 'e') OR t.typtype = 'r' AND EXISTS (
            SELECT FROM pg_catalog.pg_range g WHERE g.rngtypid = t.oid AND g.rngcanonical = 0) OR t.typtype = 'c' AND r.relkind = 'c')
