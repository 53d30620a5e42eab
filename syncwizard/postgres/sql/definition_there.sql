-- Whether the destination has something of this kind and name, of this table where it belongs to one.
SELECT CASE
         WHEN %(kind)s IN ('foreign key', 'check constraint', 'unique constraint', 'exclusion constraint') THEN EXISTS (
           SELECT FROM pg_catalog.pg_constraint k
             JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE k.conname = %(name)s AND n.nspname = %(table_schema)s AND c.relname = %(table)s
              AND k.contype = %(constraint)s)
         WHEN %(kind)s IN ('index', 'unique index') THEN EXISTS (
           SELECT FROM pg_catalog.pg_index i
             JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid
             JOIN pg_catalog.pg_namespace n ON n.oid = ic.relnamespace
             JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
             JOIN pg_catalog.pg_namespace cn ON cn.oid = c.relnamespace
            WHERE n.nspname = %(schema)s AND ic.relname = %(name)s AND i.indisvalid
              AND (i.indisunique OR %(kind)s = 'index')
              AND cn.nspname = %(table_schema)s AND c.relname = %(table)s)
         WHEN %(kind)s IN ('view', 'materialized view') THEN EXISTS (
           SELECT FROM pg_catalog.pg_class c
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = %(schema)s AND c.relname = %(name)s
              AND c.relkind = CASE %(kind)s WHEN 'view' THEN 'v' ELSE 'm' END)
         WHEN %(kind)s = 'statistics' THEN EXISTS (
           SELECT FROM pg_catalog.pg_statistic_ext s
             JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace
             JOIN pg_catalog.pg_class c ON c.oid = s.stxrelid
             JOIN pg_catalog.pg_namespace cn ON cn.oid = c.relnamespace
            WHERE n.nspname = %(schema)s AND s.stxname = %(name)s
              AND cn.nspname = %(table_schema)s AND c.relname = %(table)s)
         WHEN %(kind)s = 'trigger' THEN EXISTS (
           SELECT FROM pg_catalog.pg_trigger t
             JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE t.tgname = %(name)s AND n.nspname = %(table_schema)s AND c.relname = %(table)s)
         -- Its name and arguments are what another of them would have to share.
         ELSE %(kind)s IN ('function', 'aggregate', 'operator', 'cast')
       END
