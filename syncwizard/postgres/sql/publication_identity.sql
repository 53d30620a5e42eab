-- What must stay as we made it: a publication dropped and made again loses changes without any error. Every change of
-- its options writes its row anew, so options that were changed and changed back show in xmin; so does a change of owner,
-- by which nothing is lost.
SELECT p.oid::bigint,
       p.xmin::text::bigint,
       p.pubowner::bigint,
       array(SELECT m.oid::bigint FROM pg_catalog.pg_publication_rel m WHERE m.prpubid = p.oid),
       p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate AND NOT p.pubviaroot AND NOT p.puballtables
  FROM pg_catalog.pg_publication p
 WHERE p.pubname = %s
