CREATE EVENT TRIGGER dts_ddl_command_end ON ddl_command_end EXECUTE FUNCTION dts_ddl.command_end();
CREATE EVENT TRIGGER dts_ddl_sql_drop ON sql_drop EXECUTE FUNCTION dts_ddl.sql_drop();
ALTER EVENT TRIGGER dts_ddl_command_end ENABLE ALWAYS;
ALTER EVENT TRIGGER dts_ddl_sql_drop ENABLE ALWAYS;
