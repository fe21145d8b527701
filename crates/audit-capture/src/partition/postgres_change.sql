DO $audit$
BEGIN
@LOCK@
@CHANGE@
END
$audit$
