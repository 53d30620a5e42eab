-- A table as its catalogue has it, as JSON; :relation is an OID. Names in expressions are qualified as the session's
-- search_path demands: it is pg_catalog alone. `missing`: what rows have in a column that were there before it;
-- `implied`: the column's type has a default of its own; `sequence`: the one that the column owns. Of a partitioned table
-- `storage` and `missing` are those of its partitions.
SELECT json_build_object(
    'relation', c.oid::bigint,
    'schema', n.nspname,
    'name', c.relname,
    'kind', c.relkind,
    'persistence', c.relpersistence,
    'storage', CASE c.relkind WHEN 'p' THEN (
        SELECT coalesce(sum(l.relfilenode::bigint), 0)::bigint
          FROM pg_catalog.pg_partition_tree(c.oid) AS m JOIN pg_catalog.pg_class l ON l.oid = m.relid)
        ELSE c.relfilenode::bigint END,
    'by', CASE c.relkind WHEN 'p' THEN pg_catalog.pg_get_partkeydef(c.oid) END,
    'leaves', CASE c.relkind WHEN 'p' THEN (
        SELECT count(*) FROM pg_catalog.pg_partition_tree(c.oid) AS m WHERE m.isleaf AND m.relid <> c.oid) ELSE 0 END,
    'related', c.relispartition OR EXISTS (
        SELECT FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid OR i.inhparent = c.oid),
    'columns', (
        SELECT coalesce(json_agg(json_build_object(
                   'number', a.attnum,
                   'name', a.attname,
                   'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
                   'not_null', a.attnotnull,
                   'default', pg_catalog.pg_get_expr(d.adbin, d.adrelid),
                   'generated', a.attgenerated,
                   'identity', a.attidentity,
                   'collation', CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END,
                   'missing', CASE WHEN a.atthasmissing THEN to_json(a.attmissingval::text::text[])
                                   WHEN c.relkind = 'p' THEN (
                       SELECT CASE WHEN bool_and(l.atthasmissing) AND count(DISTINCT l.attmissingval::text) = 1
                                   THEN to_json(min(l.attmissingval::text)::text[]) END
                         FROM pg_catalog.pg_partition_tree(c.oid) AS m
                         JOIN pg_catalog.pg_attribute l ON l.attrelid = m.relid AND l.attname = a.attname
                        WHERE m.isleaf AND m.relid <> c.oid) END,
                   'implied', t.typdefault IS NOT NULL,
                   'sequence', (
                       SELECT json_build_object(
                                  'schema', sn.nspname, 'name', s.relname, 'kind', o.deptype,
                                  'type', pg_catalog.format_type(q.seqtypid, NULL), 'start', q.seqstart,
                                  'increment', q.seqincrement, 'minimum', q.seqmin, 'maximum', q.seqmax,
                                  'cache', q.seqcache, 'cycle', q.seqcycle)
                         FROM pg_catalog.pg_depend o
                         JOIN pg_catalog.pg_class s ON s.oid = o.objid AND s.relkind = 'S'
                         JOIN pg_catalog.pg_namespace sn ON sn.oid = s.relnamespace
                         JOIN pg_catalog.pg_sequence q ON q.seqrelid = s.oid
                        WHERE o.classid = 'pg_catalog.pg_class'::regclass
                          AND o.refclassid = 'pg_catalog.pg_class'::regclass
                          AND o.refobjid = c.oid AND o.refobjsubid = a.attnum AND o.deptype IN ('a', 'i')
                        ORDER BY s.oid LIMIT 1),
                   'storage', a.attstorage,
                   'usual_storage', t.typstorage,
                   -- Not every version has it, and some have null for the server's.
                   'compression', coalesce(to_jsonb(a) ->> 'attcompression', ''),
                   'statistics', coalesce((to_jsonb(a) ->> 'attstattarget')::int, -1),
                   'comment', pg_catalog.col_description(c.oid, a.attnum)
               ) ORDER BY a.attnum), '[]')
          FROM pg_catalog.pg_attribute a
          JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
          LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
         WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
    'constraints', (
        SELECT coalesce(json_agg(json_build_object(
                   'oid', k.oid::bigint,
                   'name', k.conname,
                   'definition', pg_catalog.pg_get_constraintdef(k.oid),
                   'columns', coalesce(k.conkey, '{}'),
                   'references', CASE WHEN k.contype = 'f' THEN json_build_array(rn.nspname, r.relname) END
               ) ORDER BY k.oid), '[]')
          FROM pg_catalog.pg_constraint k
          LEFT JOIN pg_catalog.pg_class r ON r.oid = k.confrelid
          LEFT JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
         WHERE k.conrelid = c.oid AND k.contype IN ('c', 'f', 'u', 'p', 'x')
           -- A foreign key to a partitioned table has one more for each of its partitions.
           AND NOT (k.contype = 'f' AND k.conparentid <> 0 AND NOT c.relispartition)),
    'indexes', (
        SELECT coalesce(json_agg(json_build_object(
                   'oid', i.indexrelid::bigint,
                   'name', x.relname,
                   'definition', CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END || substr(
                       pg_catalog.pg_get_indexdef(i.indexrelid),
                       length(format('CREATE %sINDEX %I ON %s%I.%I USING ',
                                     CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END,
                                     x.relname, CASE x.relkind WHEN 'I' THEN 'ONLY ' ELSE '' END,
                                     n.nspname, c.relname)) + 1),
                   'columns', string_to_array(i.indkey::text, ' ')::int[]
               ) ORDER BY i.indexrelid), '[]')
          FROM pg_catalog.pg_index i
          JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
         WHERE i.indrelid = c.oid AND i.indisvalid AND NOT EXISTS (
             SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))),
    'comment', pg_catalog.obj_description(c.oid, 'pg_class'),
    'options', coalesce(to_json(c.reloptions), '[]'),
    'attached', (
        SELECT coalesce(json_agg(json_build_object(
                   'kind', o.kind, 'name', o.name, 'definition', o.definition, 'enabled', o.enabled,
                   'on_update', o.on_update, 'role', coalesce(o.role, ''), 'revoke', coalesce(o.revoke, '')
               ) ORDER BY o.kind, o.name), '[]')
          FROM (
        SELECT 'trigger' AS kind, g.tgname::text AS name, pg_catalog.pg_get_triggerdef(g.oid) AS definition,
               g.tgenabled::text AS enabled, false AS on_update, NULL::text AS role, NULL::text AS revoke
          FROM pg_catalog.pg_trigger g WHERE g.tgrelid = c.oid AND NOT g.tgisinternal
         UNION ALL
        SELECT 'rule', r.rulename, rtrim(pg_catalog.pg_get_ruledef(r.oid), ';'), r.ev_enabled::text, r.ev_type = '2',
               NULL, NULL
          FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid
         UNION ALL
        SELECT 'policy', p.polname, format('CREATE POLICY %I ON %I.%I AS %s FOR %s TO %s%s%s', p.polname, n.nspname,
                   c.relname, CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
                   CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                                 WHEN 'd' THEN 'DELETE' ELSE 'ALL' END, (
                   SELECT string_agg(CASE role WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_catalog.pg_get_userbyid(role))
                                     END, ', ') FROM unnest(p.polroles) AS role),
                   ' USING (' || pg_catalog.pg_get_expr(p.polqual, c.oid) || ')',
                   ' WITH CHECK (' || pg_catalog.pg_get_expr(p.polwithcheck, c.oid) || ')'), 'O', false, NULL, NULL
          FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid
         UNION ALL
        SELECT 'row security', verb, format('ALTER TABLE %I.%I %s ROW LEVEL SECURITY', n.nspname, c.relname, verb),
               'O', false, NULL, NULL
          FROM (VALUES ('ENABLE', c.relrowsecurity), ('FORCE', c.relforcerowsecurity)) AS v (verb, set) WHERE set
         UNION ALL
        SELECT 'statistics', s.stxname, pg_catalog.pg_get_statisticsobjdef(s.oid), 'O', false, NULL, NULL
          FROM pg_catalog.pg_statistic_ext s WHERE s.stxrelid = c.oid AND s.stxnamespace = c.relnamespace
         UNION ALL
        SELECT 'privilege', format('%s to %s', x.what, x.grantee),
               format('GRANT %s ON TABLE %I.%I TO %s%s', x.what, n.nspname, c.relname,
                      CASE x.grantee WHEN 'PUBLIC' THEN 'PUBLIC' ELSE quote_ident(x.grantee) END,
                      CASE WHEN x.grantable THEN ' WITH GRANT OPTION' ELSE '' END),
               'O', false, CASE x.grantee WHEN 'PUBLIC' THEN NULL ELSE x.grantee END,
               format('REVOKE %s ON TABLE %I.%I FROM %s', x.what, n.nspname, c.relname,
                      CASE x.grantee WHEN 'PUBLIC' THEN 'PUBLIC' ELSE quote_ident(x.grantee) END)
          FROM (
            SELECT CASE l.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(l.grantee)::text END AS grantee,
                   l.privilege_type AS what, bool_or(l.is_grantable) AS grantable
              FROM pg_catalog.aclexplode(c.relacl) AS l WHERE l.grantee <> c.relowner GROUP BY 1, 2
             UNION ALL
            SELECT CASE l.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(l.grantee)::text END,
                   format('%s (%I)', l.privilege_type, a.attname), bool_or(l.is_grantable)
              FROM pg_catalog.pg_attribute a, pg_catalog.aclexplode(a.attacl) AS l
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND l.grantee <> c.relowner
             GROUP BY 1, 2) AS x
               ) AS o),
    'partition', (
        SELECT json_build_object(
                   'root', pg_catalog.pg_partition_root(c.oid)::oid::bigint,
                   'schema', pn.nspname,
                   'parent', p.relname,
                   'bound', pg_catalog.pg_get_expr(c.relpartbound, c.oid),
                   'by', pg_catalog.pg_get_partkeydef(c.oid))
          FROM pg_catalog.pg_inherits i
          JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
          JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
         WHERE c.relispartition AND i.inhrelid = c.oid)
)::text
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = :relation AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
