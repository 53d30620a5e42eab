UPDATE syncwizard.progress
   SET epoch = epoch + 1,
       publication_oid = %(oid)s,
       publication_xmin = %(xmin)s,
       publication_owner = %(owner)s,
       resynchronization = %(order)s
 WHERE task_id = %(task_id)s
