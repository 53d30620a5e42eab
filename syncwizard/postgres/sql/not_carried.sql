-- What belongs to the selected tables, to schemas that are selected whole, or to a database of which such a schema is
-- selected, and is not created at the destination. Objects of extensions come with the extension.
WITH whole AS MATERIALIZED (
    SELECT oid, nspname FROM pg_catalog.pg_namespace WHERE nspname = ANY (%(whole)s)
), of_extension AS MATERIALIZED (
    SELECT classid, objid FROM pg_catalog.pg_depend WHERE deptype = 'e'
), relation AS MATERIALIZED (
    -- The tables, materialized views, and their indexes.
    SELECT c.oid, c.relname, c.relnamespace, c.reltablespace, c.relam
      FROM pg_catalog.pg_class c
      LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
     WHERE coalesce(i.indrelid, c.oid) = ANY (%(tables)s::bigint[]::oid[])
        OR c.relkind = 'm' AND c.relnamespace IN (SELECT oid FROM whole)
)
SELECT kind, name
  FROM (
        SELECT 'row security policy' AS kind, format('%%s on %%s.%%s', p.polname, n.nspname, c.relname) AS name
          FROM pg_catalog.pg_policy p
          JOIN pg_catalog.pg_class c ON c.oid = p.polrelid
          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE c.oid = ANY (%(tables)s::bigint[]::oid[])
        UNION ALL
        SELECT 'row security', format('%%s.%%s', n.nspname, c.relname)
          FROM pg_catalog.pg_class c
          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE c.oid = ANY (%(tables)s::bigint[]::oid[]) AND c.relrowsecurity
        UNION ALL
        SELECT 'tablespace', format('%%s of %%s.%%s', s.spcname, n.nspname, c.relname)
          FROM relation c
          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_catalog.pg_tablespace s ON s.oid = c.reltablespace
        UNION ALL
        SELECT 'table access method', format('%%s of %%s.%%s', a.amname, n.nspname, c.relname)
          FROM relation c
          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_catalog.pg_am a ON a.oid = c.relam AND a.amtype = 't' AND a.amname <> 'heap'
        UNION ALL
        SELECT 'security label', format('%%s of %%s %%s', l.provider, l.objtype, l.objname)
          FROM pg_catalog.pg_seclabels l
         WHERE l.objnamespace IN (SELECT oid FROM whole)
            OR l.classoid = 'pg_catalog.pg_namespace'::regclass AND l.objoid IN (SELECT oid FROM whole)
            OR l.classoid = 'pg_catalog.pg_class'::regclass AND l.objoid IN (SELECT oid FROM relation)
        UNION ALL
        SELECT 'default privileges',
               format('of %%s%%s', pg_catalog.pg_get_userbyid(d.defaclrole),
                      CASE WHEN n.nspname IS NULL THEN '' ELSE ' in ' || n.nspname END)
          FROM pg_catalog.pg_default_acl d
          LEFT JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace
         WHERE d.defaclnamespace IN (SELECT oid FROM whole)
            OR d.defaclnamespace = 0 AND EXISTS (SELECT FROM whole)
        UNION ALL
        SELECT 'text search parser', format('%%s.%%s', n.nspname, p.prsname)
          FROM pg_catalog.pg_ts_parser p JOIN whole n ON n.oid = p.prsnamespace
         WHERE ('pg_catalog.pg_ts_parser'::regclass, p.oid) NOT IN (SELECT * FROM of_extension)
        UNION ALL
        SELECT 'text search template', format('%%s.%%s', n.nspname, t.tmplname)
          FROM pg_catalog.pg_ts_template t JOIN whole n ON n.oid = t.tmplnamespace
         WHERE ('pg_catalog.pg_ts_template'::regclass, t.oid) NOT IN (SELECT * FROM of_extension)
        UNION ALL
        SELECT 'conversion', format('%%s.%%s', n.nspname, c.conname)
          FROM pg_catalog.pg_conversion c JOIN whole n ON n.oid = c.connamespace
        UNION ALL
        SELECT 'event trigger', e.evtname
          FROM pg_catalog.pg_event_trigger e
         WHERE EXISTS (SELECT FROM whole) AND e.evtname NOT LIKE 'dts\_%%'
           AND ('pg_catalog.pg_event_trigger'::regclass, e.oid) NOT IN (SELECT * FROM of_extension)
        UNION ALL
        SELECT 'publication', p.pubname
          FROM pg_catalog.pg_publication p WHERE EXISTS (SELECT FROM whole) AND p.pubname NOT LIKE 'dts\_sync\_%%'
        UNION ALL
        SELECT 'subscription', s.subname
          FROM pg_catalog.pg_subscription s
          JOIN pg_catalog.pg_database d ON d.oid = s.subdbid AND d.datname = pg_catalog.current_database()
         WHERE EXISTS (SELECT FROM whole)
        UNION ALL
        SELECT 'foreign server', s.srvname
          FROM pg_catalog.pg_foreign_server s
         WHERE EXISTS (SELECT FROM whole)
           AND ('pg_catalog.pg_foreign_server'::regclass, s.oid) NOT IN (SELECT * FROM of_extension)
        UNION ALL
        SELECT 'language', l.lanname
          FROM pg_catalog.pg_language l
         WHERE EXISTS (SELECT FROM whole) AND l.oid >= 16384
           AND ('pg_catalog.pg_language'::regclass, l.oid) NOT IN (SELECT * FROM of_extension)
        UNION ALL
        SELECT 'large object', l.oid::text
          FROM pg_catalog.pg_largeobject_metadata l
         WHERE EXISTS (SELECT FROM whole)
       ) AS found
 ORDER BY kind, name
