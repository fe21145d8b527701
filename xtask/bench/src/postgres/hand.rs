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

/// The schema of a variant.
pub(super) fn schema(variant: Variant) -> String {
    match variant {
        Variant::Limit => LIMIT.to_owned(),
        Variant::LimitJson => LIMIT.replace(SLOTS, JSON),
        Variant::LimitOnce => {
            let events = LIMIT.replace(VALUES, REFERENCE).replace(START, NOTED);
            format!("{CONTEXTS}{events}")
        }
        Variant::LimitStatement => {
            let update = include_str!("../../limit/postgres_statement.sql");
            format!("{LIMIT}{update}")
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_takes_the_other_decision() {
        assert_eq!(
            schema(Variant::LimitJson)
                .matches("j ->> 'actor_id'")
                .count(),
            3
        );
        let once = schema(Variant::LimitOnce);
        assert_eq!(once.matches("INSERT INTO audit.contexts").count(), 3);
        assert_eq!(once.matches(REFERENCE).count(), 3);
    }
}
