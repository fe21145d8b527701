use audit_core::TableRule;

use super::*;

const DIALECTS: [Dialect; 3] = [Dialect::MySql, Dialect::Postgres, Dialect::Sqlite];

/// Two tables with a key and a column of this type.
fn catalog(type_name: &str, is_mariadb: bool) -> Catalog {
    let table = |name: &str| {
        serde_json::json!({
            "name": name,
            "key": ["id"],
            "columns": [
                {"name": "id", "type": "bigint", "key_position": 1, "is_unique": true},
                {"name": "data", "type": type_name, "octets": 60000, "charset": "utf8mb4"},
            ],
        })
    };
    let catalog = serde_json::json!({
        "has_log": true,
        "was_migrated": true,
        "mysql": {"is_mariadb": is_mariadb},
        "tables": [table("plain"), table("ruled")],
    });
    Catalog::parse(&catalog.to_string()).unwrap()
}

fn plan(dialect: Dialect, catalog: &Catalog, rule: TableRule) -> Plan {
    let audit = Audit::builder().table(rule).build().unwrap();
    Plan::new(&audit, catalog, dialect)
}

fn of_table<'a>(plan: &'a Plan, table: &str) -> Vec<&'a Trigger> {
    let triggers = plan.triggers().iter();
    triggers.filter(|trigger| trigger.table == table).collect()
}

#[test]
fn tables_without_a_path_have_the_triggers_they_had() {
    for dialect in DIALECTS {
        let catalog = catalog("json", true);
        let before = plan(dialect, &catalog, TableRule::new("ruled"));
        let path = TableRule::new("ruled").redact_path("data", "$.a", Redaction::Mask);
        let after = plan(dialect, &catalog, path);
        assert_eq!(of_table(&before, "plain"), of_table(&after, "plain"));
        for trigger in of_table(&after, "ruled") {
            assert!(!of_table(&before, "ruled").contains(&trigger));
        }
        for trigger in of_table(&before, "ruled") {
            let text = trigger.create.to_lowercase();
            for word in ["audit_redact_parts", "audit.hidden", "json_table"] {
                assert!(!text.contains(word), "{word} in {text}");
            }
        }
    }
}

#[test]
fn another_path_is_drift() {
    for dialect in DIALECTS {
        let catalog = catalog("json", true);
        let rule = |path: &str, how| TableRule::new("ruled").redact_path("data", path, how);
        let installed = plan(dialect, &catalog, rule("$.a", Redaction::Mask));
        let differs = |rule: TableRule| {
            let mut wanted = plan(dialect, &catalog, rule);
            let installed = installed.triggers.iter().map(|trigger| {
                serde_json::from_value(serde_json::json!({
                    "schema": trigger.schema,
                    "table": trigger.table,
                    "name": trigger.name,
                    "definition": trigger.definition,
                }))
                .unwrap()
            });
            wanted.installed = installed.collect();
            !wanted.drift().is_empty()
        };
        assert!(!differs(rule("$['a']", Redaction::Mask)));
        assert!(differs(rule("$.b", Redaction::Mask)));
        assert!(differs(rule("$.a", Redaction::Truncate(4))));
        assert!(differs(TableRule::new("ruled")));
    }
}

#[test]
fn a_column_that_cannot_be_taken_apart_is_found() {
    let found = |dialect, is_mariadb, type_name: &str, path: &str| {
        let rule = TableRule::new("ruled").redact_path("data", path, Redaction::Mask);
        let plan = plan(dialect, &catalog(type_name, is_mariadb), rule);
        let finding = Finding::ColumnUndivided {
            table: "ruled".to_owned(),
            column: "data".to_owned(),
        };
        assert!(finding.is_gap());
        plan.findings().contains(&finding)
    };
    let on = |dialect, type_name: &str| found(dialect, true, type_name, "$.a[*]['b c']");
    for (dialect, types) in [
        (Dialect::MySql, ["json", "longtext", "varchar(9)"]),
        (Dialect::Postgres, ["json", "jsonb", "json"]),
        (Dialect::Sqlite, ["", "TEXT", "JSON"]),
    ] {
        assert!(
            !types.into_iter().any(|name| on(dialect, name)),
            "{dialect:?}"
        );
    }
    for (dialect, types) in [
        (Dialect::MySql, ["bigint", "longblob", "datetime(6)"]),
        (Dialect::Postgres, ["text", "integer", "jsonb[]"]),
        (Dialect::Sqlite, ["INTEGER", "REAL", "DOUBLE PRECISION"]),
    ] {
        assert!(
            types.into_iter().all(|name| on(dialect, name)),
            "{dialect:?}"
        );
    }
    assert!(found(Dialect::MySql, false, "json", "$.a"));
    let deep = format!("${}", ".a".repeat(31));
    for path in [
        r#"$["a\"b"]"#,
        r#"$["a\\b"]"#,
        r#"$["\t"]"#,
        "$['-a']",
        "$[2147483648]",
        &deep,
    ] {
        assert!(found(Dialect::MySql, true, "json", path), "{path}");
        assert!(!found(Dialect::Postgres, true, "json", path), "{path}");
        assert!(!found(Dialect::Sqlite, true, "json", path), "{path}");
    }
}

/// The tables of the log's own partitions, and the one of the operator's switch.
fn own_catalog() -> Catalog {
    let table = |name: &str| {
        let columns = [serde_json::json!({"name": "name", "type": "text", "key_position": 1})];
        serde_json::json!({"name": name, "key": ["name"], "columns": columns})
    };
    let catalog = serde_json::json!({
        "has_log": true,
        "was_migrated": true,
        "mysql": {"is_mariadb": true},
        "tables": [
            table("audit_settings"),
            table("audit_logs_2026_11"),
            table("audit_logs_of_mine"),
        ],
    });
    Catalog::parse(&catalog.to_string()).unwrap()
}

#[test]
fn a_hash_without_a_key_leaves_the_column_out() {
    for dialect in DIALECTS {
        let how = |how| TableRule::new("ruled").redact("data", how);
        let catalog = catalog("text", true);
        let hashed = plan(dialect, &catalog, how(Redaction::Hash));
        let dropped = plan(dialect, &catalog, how(Redaction::Drop));
        assert_eq!(hashed.triggers(), dropped.triggers(), "{dialect:?}");
        let audit = Audit::builder().table(how(Redaction::Hash));
        let keyed = audit.hash_key([7; 32]).build().unwrap();
        let keyed = Plan::new(&keyed, &catalog, dialect);
        assert_ne!(keyed.triggers(), dropped.triggers(), "{dialect:?}");
    }
}

#[test]
fn a_document_that_cannot_be_taken_apart_keeps_its_place() {
    let rule = TableRule::new("ruled").redact_path("data", "$.a", Redaction::Drop);
    let audit = Audit::builder().table(rule).build().unwrap();
    let rule = audit.rule(None, "ruled", Operation::Insert).unwrap();
    assert_eq!(undivided(&Parts::new(rule.paths("data"))), Redaction::Mask);
}

#[test]
fn the_switch_can_be_turned_without_a_context() {
    for dialect in [Dialect::MySql, Dialect::Sqlite] {
        let audit = Audit::builder().on_missing_context(MissingContext::Deny);
        let plan = Plan::new(&audit.build().unwrap(), &own_catalog(), dialect);
        let refuses = |table: &str| {
            let mut triggers = of_table(&plan, table).into_iter();
            triggers.any(|trigger| trigger.create.contains(crate::MISSING_CONTEXT))
        };
        assert!(refuses("audit_logs_of_mine"), "{dialect:?}");
        assert!(!of_table(&plan, "audit_settings").is_empty());
        assert!(!refuses("audit_settings"), "{dialect:?}");
        assert!(of_table(&plan, "audit_logs_2026_11").is_empty());
    }
}
