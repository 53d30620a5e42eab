-- Parameters that were set to something else than the server is built with, and those of the same names here.
SELECT s.name,
       pg_catalog.current_setting(s.name),
       s.setting,
       s.setting IS DISTINCT FROM s.boot_val,
       s.context
  FROM pg_catalog.pg_settings s
 WHERE s.name = ANY (%(names)s)
