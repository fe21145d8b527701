//! The forms of others against their published schemas, which are in `tests/schemas`.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::*;

const CLOUD_EVENTS: &str = include_str!("../../../tests/schemas/cloudevents.json");
const ECS: &str = include_str!("../../../tests/schemas/ecs.json");
const OCSF: &str = include_str!("../../../tests/schemas/ocsf-entity-management.json");

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn validator(schema: &str) -> jsonschema::Validator {
    let options = jsonschema::options().should_validate_formats(true);
    options.build(&parsed(schema)).unwrap()
}

fn lines(format: &Format, events: &[Event]) -> Vec<String> {
    let text = String::from_utf8(written(format, events)).unwrap();
    text.split_terminator('\n').map(str::to_owned).collect()
}

/// What a validator has against a text; an event in it may have numbers that no value can hold.
fn faults(validator: &jsonschema::Validator, text: &str) -> Vec<String> {
    let value = within_range(text);
    validator
        .iter_errors(&value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

/// The value of a text whose documents may have what serde_json cannot hold, as nulls.
fn within_range(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(value) => value,
        Err(_) => {
            let mut text = text.to_owned();
            for document in DOCUMENTS {
                text = text.replace(&document.replace(['\r', '\n'], " "), "null");
            }
            parsed(&text)
        }
    }
}

/// The leaves of a document by their dotted paths; a list is one.
fn leaves(path: &str, fields: &Map<String, Value>, found: &mut Vec<(String, Value)>) {
    for (name, value) in fields {
        let path = [path, name].join(".").trim_start_matches('.').to_owned();
        match value {
            Value::Object(fields) => leaves(&path, fields, found),
            value => found.push((path, value.clone())),
        }
    }
}

/// What the schema's entry of a field has against its value.
fn ecs_fault(entry: &Value, value: &Value) -> Option<&'static str> {
    let is_list = entry["normalize"]
        .as_array()
        .unwrap()
        .contains(&json!("array"));
    let values = match (value, is_list) {
        (Value::Array(values), true) => values.as_slice(),
        (Value::Array(_), false) => return Some("is one value"),
        (_, true) => return Some("is a list"),
        (value, false) => std::slice::from_ref(value),
    };
    let text_is = |value: &Value, is: fn(&str) -> bool| value.as_str().is_some_and(is);
    let has_type = |value: &Value| match entry["type"].as_str().unwrap() {
        "date" => text_is(value, |text| {
            chrono::DateTime::parse_from_rfc3339(text).is_ok()
        }),
        "ip" => text_is(value, |text| text.parse::<IpAddr>().is_ok()),
        "keyword" | "match_only_text" => value.is_string(),
        "long" => value.is_i64(),
        other => panic!("no field of type {other} is expected"),
    };
    if !values.iter().all(has_type) {
        return Some("has another type");
    }
    let allowed = entry["allowed_values"].as_array()?;
    let is_allowed = |value: &Value| allowed.iter().any(|allowed| &allowed["name"] == value);
    (!values.iter().all(is_allowed)).then_some("has another value")
}

fn check_ecs(fields: &Map<String, Value>, document: &Value) {
    let mut document = document.as_object().unwrap().clone();
    document.remove("audit").unwrap();
    let mut found = Vec::new();
    leaves("", &document, &mut found);
    for (path, value) in &found {
        let entry = fields.get(path);
        let entry = entry.unwrap_or_else(|| panic!("the schema has no field `{path}`"));
        assert_eq!(ecs_fault(entry, value), None, "{path}: {value}");
    }
    for (path, entry) in fields {
        if entry["required"] == true {
            assert!(
                found.iter().any(|(there, _)| there == path),
                "{path} is not there"
            );
        }
    }
    // Which types an event of a category can have.
    let event = &document["event"];
    let categories = fields["event.category"]["allowed_values"]
        .as_array()
        .unwrap();
    let category = categories
        .iter()
        .find(|category| category["name"] == event["category"][0]);
    let types = category.unwrap()["expected_event_types"]
        .as_array()
        .unwrap();
    assert!(types.contains(&event["type"][0]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_written_is_valid_by_the_published_schemas(events in proptest::collection::vec(event(), 1..5)) {
        let envelope = validator(CLOUD_EVENTS);
        for line in lines(&Format::CloudEvents, &events) {
            prop_assert_eq!(faults(&envelope, &line), [""; 0], "{}", line);
        }
        let class = validator(OCSF);
        for line in lines(&Format::Ocsf, &events) {
            prop_assert_eq!(faults(&class, &line), [""; 0], "{}", line);
        }
        let fields = parsed(ECS).as_object().unwrap().clone();
        for line in lines(&Format::Ecs, &events) {
            check_ecs(&fields, &within_range(&line));
        }
    }
}

/// An event with all that the forms have a field for.
fn full() -> Event {
    let context = r#"{"client_ip":"2001:DB8::1","method":"PUT","peer_ip":"10.0.0.2",
        "roles":["clerk","boss"],"span_id":"00f067aa0ba902b7",
        "trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","user_agent":"curl/8"}"#;
    small(&[
        ("recorded_at", "2026-01-02T03:04:06.000007Z"),
        ("action", "invoice.approve"),
        ("outcome", "denied"),
        ("table_schema", "public"),
        ("table_name", "invoices"),
        ("record_id", "43"),
        ("previous_record_id", "42"),
        ("before_data", r#"{"total":1.10}"#),
        ("after_data", r#"{"total":2.200000000000000000001}"#),
        ("actor_id", "u-1"),
        ("actor_name", "Ann"),
        ("tenant_id", "acme"),
        ("service", "billing é"),
        ("environment", "live"),
        ("request_id", "r-1"),
        ("context", context),
        ("reason", "typo"),
        ("label", "Invoice approved"),
        ("severity", "high"),
        ("compliance", r#"["sox"]"#),
        ("duration_us", "1234567"),
        ("error_code", "23505"),
        ("error_message", "there is one"),
        ("reason_code", "not_yours"),
    ])
}

/// The one line of an event, and its value without what holds the event itself.
fn told(format: &Format, event: &Event, own: &str) -> (String, Value) {
    let line = lines(format, std::slice::from_ref(event)).remove(0);
    let mut value = parsed(&line);
    value.as_object_mut().unwrap().remove(own).unwrap();
    (line, value)
}

#[test]
fn an_envelope_is_what_its_table_says() {
    let (line, value) = told(&Format::CloudEvents, &full(), "data");
    assert_eq!(
        value,
        json!({
            "specversion": "1.0",
            "id": "0190a1b2-0000-7000-8000-000000000001",
            "source": "/billing%20%C3%A9/audit_logs",
            "type": "com.github.audit-rs.audit.update",
            "subject": "public/invoices/43",
            "time": "2026-01-02T03:04:05.000000Z",
            "datacontenttype": "application/json",
        })
    );
    assert!(line.contains("2.200000000000000000001"));
    let (_, bare) = told(&Format::CloudEvents, &small(&[]), "data");
    assert_eq!(
        (&bare["source"], bare.get("subject")),
        (&json!("/audit_logs"), None)
    );
}

#[test]
fn a_document_of_ecs_is_what_its_table_says() {
    let (line, value) = told(&Format::Ecs, &full(), "audit");
    assert_eq!(
        value,
        json!({
            "@timestamp": "2026-01-02T03:04:05.000000Z",
            "client": {"ip": "2001:db8::1"},
            "ecs": {"version": "9.4.0"},
            "error": {"code": "23505", "message": "there is one"},
            "event": {
                "action": "invoice.approve",
                "category": ["database"],
                "created": "2026-01-02T03:04:06.000007Z",
                "duration": 1_234_567_000,
                "id": "0190a1b2-0000-7000-8000-000000000001",
                "kind": "event",
                "outcome": "failure",
                "reason": "typo",
                "severity": 3,
                "type": ["change"],
            },
            "http": {"request": {"id": "r-1", "method": "PUT"}},
            "message": "Invoice approved",
            "organization": {"id": "acme"},
            "service": {"environment": "live", "name": "billing é"},
            "source": {"ip": "10.0.0.2"},
            "span": {"id": "00f067aa0ba902b7"},
            "trace": {"id": "4bf92f3577b34da6a3ce929d0e0e4736"},
            "user": {"full_name": "Ann", "id": "u-1", "roles": ["clerk", "boss"]},
            "user_agent": {"original": "curl/8"},
        })
    );
    assert!(line.contains("2.200000000000000000001"));
}

#[test]
fn an_event_of_ocsf_is_what_its_table_says() {
    let (line, value) = told(&Format::Ocsf, &full(), "unmapped");
    assert_eq!(
        value,
        json!({
            "activity_id": 3,
            "activity_name": "Update",
            "actor": {
                "app_name": "billing é",
                "user": {"name": "Ann", "type": "User", "type_id": 1, "uid": "u-1"},
            },
            "category_name": "Identity & Access Management",
            "category_uid": 3,
            "class_name": "Entity Management",
            "class_uid": 3004,
            "comment": "typo",
            "duration": 1234,
            "entity": {
                "data": {"total": 1.1},
                "name": "invoices",
                "type": "invoices",
                "type_id": 99,
                "uid": "42",
            },
            "entity_result": {
                "data": {"total": 2.2},
                "name": "invoices",
                "type": "invoices",
                "type_id": 99,
                "uid": "43",
            },
            "http_request": {"http_method": "PUT", "uid": "r-1", "user_agent": "curl/8"},
            "message": "Invoice approved",
            "metadata": {
                "correlation_uid": "r-1",
                "event_code": "invoice.approve",
                "labels": ["sox"],
                "log_name": "audit_logs",
                "logged_time": 1_767_323_046_000_i64,
                "original_time": "2026-01-02T03:04:05.000000Z",
                "product": {
                    "name": "audit-store",
                    "vendor_name": "audit-rs",
                    "version": env!("CARGO_PKG_VERSION"),
                },
                "tenant_uid": "acme",
                "uid": "0190a1b2-0000-7000-8000-000000000001",
                "version": "1.8.0",
            },
            "severity": "High",
            "severity_id": 4,
            "src_endpoint": {"ip": "2001:db8::1"},
            "status": "Failure",
            "status_code": "23505",
            "status_detail": "not_yours",
            "status_id": 2,
            "time": 1_767_323_045_000_i64,
            "type_name": "Entity Management: Update",
            "type_uid": 300_403,
        })
    );
    assert!(line.contains("2.200000000000000000001"));
    assert_eq!(line.matches("2.200000000000000000001").count(), 1);
}

#[test]
fn what_is_written_is_named_as_in_the_schemas() {
    let ocsf = parsed(OCSF)["$id"].as_str().unwrap().to_owned();
    assert!(ocsf.contains(&format!("/{}/", ocsf::VERSION)), "{ocsf}");
    let method = &parsed(OCSF)["$defs"]["http_request"]["properties"]["http_method"]["enum"];
    let mut methods: Vec<&str> = method
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    methods.sort_unstable();
    assert_eq!(methods, ocsf::METHODS);
    // That of ECS has no version; the script that cuts it out names it.
    let script = include_str!("../../../tests/schemas/make.py");
    assert!(script.contains(&format!("\"{}\"", ecs::VERSION)));
}

/// The words of an activity, a category and a severity are those that the schema has for the number.
#[test]
fn every_operation_has_its_place() {
    let of = |operation: &str| {
        let event = small(&[("operation", operation), ("action", "verb")]);
        let (_, ocsf) = told(&Format::Ocsf, &event, "unmapped");
        let (_, ecs) = told(&Format::Ecs, &event, "audit");
        let activity = ocsf["activity_name"].as_str().unwrap().to_owned();
        let kind = ecs["event"]["type"][0].as_str().unwrap().to_owned();
        (ocsf["activity_id"].as_i64().unwrap(), activity, kind)
    };
    for (operation, activity, name, kind) in [
        ("CUSTOM", 99, "verb", "info"),
        ("DDL", 99, "verb", "change"),
        ("DELETE", 4, "Delete", "change"),
        ("INSERT", 1, "Create", "change"),
        ("SELECT", 2, "Read", "access"),
        ("TRUNCATE", 4, "Delete", "change"),
        ("UPDATE", 3, "Update", "change"),
    ] {
        assert_eq!(of(operation), (activity, name.to_owned(), kind.to_owned()));
    }
}

#[test]
fn a_line_that_holds_no_event_is_refused() {
    let malformed = "event 1 does not follow the format; read the file as what it was exported as";
    for format in [Format::CloudEvents, Format::Ecs, Format::Ocsf] {
        let line = lines(&format, &[full()]).remove(0);
        for other in ["{}".to_owned(), lines(&Format::Ndjson, &[full()]).remove(0)] {
            let told = read(&format, other.as_bytes()).unwrap_err().to_string();
            assert_eq!(told, malformed, "{format:?}");
        }
        for cut in 1..line.len() {
            assert!(read(&format, &line.as_bytes()[..cut]).is_err());
        }
    }
}
