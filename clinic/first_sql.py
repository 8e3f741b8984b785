"""SQL of the first migration that no model declares."""

# plpgsql looks the table up when it runs, so the function may come before the table. Without the connection setting,
# which only demo and test make, it is now() whatever the table holds.
CLINIC_NOW = """
CREATE FUNCTION clinic_now() RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF current_setting('stratum.movable_clock', true) = 'on' THEN
        RETURN now() + COALESCE((SELECT "offset" FROM clinic_clockshift LIMIT 1), interval '0');
    END IF;
    RETURN now();
END
$$;
"""
DROP_CLINIC_NOW = "DROP FUNCTION clinic_now();"

# Django's database cache: rate limits of sign-in must not depend on a second server.
CACHE_TABLE = """
CREATE TABLE clinic_cache (cache_key varchar(255) PRIMARY KEY, value text NOT NULL, expires timestamptz NOT NULL);
CREATE INDEX clinic_cache_expires ON clinic_cache (expires);
"""
DROP_CACHE_TABLE = "DROP TABLE clinic_cache;"
