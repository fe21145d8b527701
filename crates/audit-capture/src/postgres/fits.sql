-- Whether a table has no column behind this number. It is said to be immutable, so that the server asks
-- when it plans a statement on the table, and not again when it runs; it plans anew when the table has changed.
BEGIN
    RETURN NOT EXISTS (
        SELECT FROM pg_attribute
        WHERE attrelid = relation AND attnum > last_number AND NOT attisdropped
    );
END
