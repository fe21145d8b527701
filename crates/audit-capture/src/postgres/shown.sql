-- A value or row as JSON, whatever the settings of the session.
BEGIN
    RETURN to_json(value);
END
