-- The text of a value, whatever the settings of the session. Types that somebody made are written by
-- their output function, because a cast could run their code.
BEGIN
    IF value IS NOT DISTINCT FROM NULL THEN
        RETURN NULL;
    ELSIF custom THEN
        RETURN concat(value);
    END IF;
    RETURN value::text;
END
