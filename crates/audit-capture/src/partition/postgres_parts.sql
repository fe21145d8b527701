-- Partitions are made, and what they hold is as it was.
DO $audit$
DECLARE
    v_made text[] := ARRAY[@NAMES@];
    v_owner name;
    v_name text;
    v_text text;
BEGIN
@LOCK@
    SELECT pg_get_userbyid(c.relowner) INTO v_owner
    FROM pg_catalog.pg_class AS c WHERE c.oid = 'audit.audit_logs'::regclass;
@MAKE@
@OWN@
END
$audit$
