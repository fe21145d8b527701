//! The triggers written by hand, and what becomes of them when one decision is taken otherwise.

use crate::variant::Variant;

const LIMIT: &str = include_str!("../../limit/postgres.sql");

/// How the limit reads the context.
const SLOTS: &str =
    "c text[] := string_to_array(current_setting('audit.context', true), E'\\x1f', '');";

/// The same from a JSON object.
const JSON: &str = "j json := nullif(convert_from(decode(current_setting('audit.context', true), \
    'base64'), 'UTF8'), '')::json;
    c text[] := ARRAY[j ->> 'actor_id', j ->> 'actor_kind', j ->> 'actor_name', \
    j ->> 'on_behalf_of', j ->> 'tenant_id', j ->> 'assurance', j ->> 'request_id', \
    j ->> 'causation_id', j ->> 'context', j ->> 'reason', j ->> 'metadata', j ->> 'action', \
    j ->> 'label', j ->> 'severity', j ->> 'suppress', j ->> 'service', j ->> 'environment'];";

/// The context in the event of the limit.
const VALUES: &str = "c[1], coalesce(c[2], 'unknown'), c[3], c[4], c[5], c[6], c[16], c[17], c[7], \
                      c[8],\n        c[9]::json, c[10], c[11]::json, c[13], c[14], 'trigger'";

/// The event that only names the request.
const REFERENCE: &str = "NULL, 'unknown', NULL, NULL, NULL, NULL, NULL, NULL, c[7], NULL, \
                         NULL::json, NULL, NULL::json, NULL, NULL, 'trigger'";

const START: &str = "BEGIN\n    INSERT INTO audit.audit_logs (";

/// The first event of a transaction writes the context.
const NOTED: &str = "BEGIN
    IF current_setting('audit.noted', true) IS DISTINCT FROM pg_current_xact_id()::text THEN
        INSERT INTO audit.contexts VALUES (
            pg_current_xact_id()::text, c[7], c[1], coalesce(c[2], 'unknown'), c[3], c[4], c[5],
            c[6], c[16], c[17], c[8], c[9]::json, c[10], c[11]::json, c[13], c[14]
        );
        PERFORM set_config('audit.noted', pg_current_xact_id()::text, true);
    END IF;
    INSERT INTO audit.audit_logs (";

const CONTEXTS: &str = "CREATE TABLE audit.contexts (
    transaction_id text PRIMARY KEY, request_id text, actor_id text, actor_kind text,
    actor_name text, on_behalf_of text, tenant_id text, assurance text, service text,
    environment text, causation_id text, context json, reason text, metadata json, label text,
    severity text
);
";

/// The ids of the limit: the time in front, random behind.
const ID_OF_INSERT: &str = "encode(set_byte(substr(int8send((extract(epoch FROM n.at) * 1000)::bigint), 3, 6)\n            \
             || substr(uuid_send(gen_random_uuid()), 7), 6, 112), 'hex')::uuid";
const ID_OF_UPDATE: &str = "encode(set_byte(substr(int8send((extract(epoch FROM t) * 1000)::bigint), 3, 6)\n            \
             || substr(uuid_send(gen_random_uuid()), 7), 6, 112), 'hex')::uuid";
const ID_OF_DELETE: &str = "encode(set_byte(substr(int8send((extract(epoch FROM o.at) * 1000)::bigint), 3, 6)\n            \
             || substr(uuid_send(gen_random_uuid()), 7), 6, 112), 'hex')::uuid";

/// Images in the other type.
const JSONB_COLUMNS: &str =
    "ALTER TABLE audit.audit_logs ALTER before_data TYPE jsonb, ALTER after_data TYPE jsonb;\n";

/// What of the limit is another text in a variant; each is in it.
fn edits(variant: Variant) -> &'static [(&'static str, &'static str)] {
    match variant {
        Variant::LimitInvoker => &[(
            "SECURITY DEFINER\nSET search_path = pg_catalog, pg_temp ",
            "",
        )],
        Variant::LimitJson => &[(SLOTS, JSON)],
        Variant::LimitJsonb => &[("row_to_json(", "to_jsonb(")],
        Variant::LimitOnce => &[(VALUES, REFERENCE), (START, NOTED)],
        Variant::LimitOpen => &[
            (
                START,
                "BEGIN\n    BEGIN\n    INSERT INTO audit.audit_logs (",
            ),
            (
                "    RETURN NULL;",
                "    EXCEPTION WHEN OTHERS THEN NULL;\n    END;\n    RETURN NULL;",
            ),
        ],
        Variant::LimitRandom => &[
            (ID_OF_INSERT, "gen_random_uuid()"),
            (ID_OF_UPDATE, "gen_random_uuid()"),
            (ID_OF_DELETE, "gen_random_uuid()"),
        ],
        Variant::LimitRow => &[
            (
                "SELECT r.id, row_to_json(r) AS image, clock_timestamp() AS at FROM new_rows AS r",
                "SELECT NEW.id, row_to_json(NEW) AS image, clock_timestamp() AS at",
            ),
            (
                "SELECT r.id, row_to_json(r) AS image, clock_timestamp() AS at FROM old_rows AS r",
                "SELECT OLD.id, row_to_json(OLD) AS image, clock_timestamp() AS at",
            ),
            (
                "REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT",
                "FOR EACH ROW",
            ),
            (
                "REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT",
                "FOR EACH ROW",
            ),
        ],
        _ => &[],
    }
}

/// What comes before or after the limit in a variant.
fn around(variant: Variant) -> (&'static str, &'static str) {
    match variant {
        Variant::LimitJsonb => (JSONB_COLUMNS, ""),
        Variant::LimitOnce => (CONTEXTS, ""),
        Variant::LimitStatement => ("", include_str!("../../limit/postgres_statement.sql")),
        _ => ("", ""),
    }
}

/// The schema of a variant.
pub(super) fn schema(variant: Variant) -> String {
    if !variant.has_hand_triggers() {
        return String::new();
    }
    let (before, after) = around(variant);
    let limit = edits(variant)
        .iter()
        .fold(LIMIT.to_owned(), |text, (from, to)| text.replace(from, to));
    format!("{before}{limit}{after}")
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_function_takes_the_other_decision() {
        for variant in Variant::value_variants() {
            for (from, _) in edits(*variant) {
                assert!(LIMIT.contains(from), "{}: {from}", variant.name());
            }
        }
        for (variant, text, count) in [
            (Variant::LimitInvoker, "SECURITY DEFINER", 0),
            (Variant::LimitJson, "j ->> 'actor_id'", 3),
            (Variant::LimitJsonb, "to_jsonb(", 4),
            (Variant::LimitOnce, "INSERT INTO audit.contexts", 3),
            (Variant::LimitOnce, REFERENCE, 3),
            (Variant::LimitOpen, "EXCEPTION WHEN OTHERS", 3),
            (Variant::LimitRandom, "encode(", 0),
            (Variant::LimitRow, "FOR EACH ROW", 3),
        ] {
            let found = schema(variant).matches(text).count();
            assert_eq!(found, count, "{}: {text}", variant.name());
        }
    }
}
