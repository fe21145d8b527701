//! `audit timeline`, `blame`, `as-of` and `show`: records and tables through time.

use audit_testkit::Server;
use serde_json::Value;

use crate::{Audited, Db, GONE, MADE, OF_INVOICES, PAID};

pub(crate) async fn a_record_is_told_through_time<DB: Db>(server: Server) {
    let audited = Audited::<DB>::create(server).await;
    let record = ["invoices", "acme", "1"];
    assert_eq!(
        audited.events(&[&["timeline"], &record[..]].concat()),
        [GONE, PAID, MADE]
    );
    assert_eq!(
        audited.events(&["timeline", "invoices", "acme", "9"]),
        [""; 0]
    );

    let (code, blamed, _) =
        audited.ask(&[&["blame"], &record[..], &["--format", "ndjson"]].concat());
    let blamed: Vec<Value> = blamed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let who: Vec<_> = blamed
        .iter()
        .map(|blame| {
            [
                &blame["field"],
                &blame["value"],
                &blame["event"]["actor_id"],
            ]
        })
        .collect();
    assert_eq!(code, 0);
    assert_eq!(
        who,
        [
            ["number", "1", "alice"],
            ["org", "acme", "alice"],
            ["status", "paid", "bob"]
        ]
    );

    let paid = [
        &OF_INVOICES[..],
        &["--operation", "update", "--format", "ndjson"],
    ]
    .concat();
    let paid: Value = serde_json::from_str(&audited.ask(&paid).1).unwrap();
    let at = paid["occurred_at"].as_str().unwrap();
    let (code, was, _) =
        audited.ask(&[&["as-of", at], &record[..], &["--format", "ndjson"]].concat());
    let was: Value = serde_json::from_str(&was).unwrap();
    assert_eq!((code, &was["fields"]["status"]), (0, &Value::from("paid")));
    assert_eq!(
        was["gaps"],
        serde_json::json!(["`secret` is hidden, or a part of it"])
    );
    let (code, told, said) = audited.ask(&[&["as-of", "0s"], &record[..]].concat());
    assert_eq!((code, told.as_str()), (1, ""));
    assert!(said.starts_with("there was no such record at "), "{said}");

    let id = paid["id"].as_str().unwrap();
    let (code, shown, _) = audited.ask(&["show", id]);
    assert_eq!(code, 0);
    assert!(shown.ends_with("\nstatus\n  - open\n  + paid\n"), "{shown}");
    assert_eq!(audited.events(&["show", id]), [PAID]);
    assert_eq!(
        audited
            .ask(&["show", "00000000-0000-0000-0000-000000000000"])
            .0,
        1
    );
}

pub(crate) async fn a_table_is_told_as_it_was<DB: Db>(server: Server) {
    let audited = Audited::<DB>::create(server).await;
    let paid = audited.ask(&["log", "--operation", "update", "--format", "ndjson"]);
    let paid: Value = serde_json::from_str(&paid.1).unwrap();
    let at = paid["occurred_at"].as_str().unwrap();
    let table = audited.ask(&["as-of", at, "invoices", "--format", "ndjson"]);
    let table: Vec<Value> = table
        .1
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let ids: Vec<_> = table
        .iter()
        .map(|was| was["record_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, [r#"["acme","1"]"#, r#"["acme","2"]"#]);
    assert_eq!(table[0]["fields"], paid["after_data"]);
    let (code, told, _) = audited.ask(&["as-of", at, "invoices"]);
    assert_eq!(
        (code, told.contains("\n  status paid\n")),
        (0, true),
        "{told}"
    );

    // What is asked of the table is asked of what it was then.
    let having = |conditions: &[&str]| {
        let flags = conditions
            .iter()
            .flat_map(|condition| ["--where", condition]);
        let arguments: Vec<&str> = ["as-of", at, "invoices", "--format", "ndjson"]
            .into_iter()
            .chain(flags)
            .collect();
        let (code, told, said) = audited.ask(&arguments);
        let line = |line: &str| serde_json::from_str::<Value>(line).unwrap()["record_id"].clone();
        (code, told.lines().map(line).collect::<Vec<Value>>(), said)
    };
    let not_listed = "note: rows that no event ever touched are not listed\n".to_owned();
    let paid = having(&[r#"status = "paid""#]);
    assert_eq!(paid, (0, vec![ids[0].into()], not_listed.clone()));
    let both = having(&[r#"status != "open""#, r#"number = "2""#]);
    assert_eq!(both, (0, vec![ids[1].into()], not_listed.clone()));
    assert_eq!(having(&[r#"status = "open""#]), (1, vec![], not_listed));
    let (code, found, said) = having(&[r#"secret = "hush""#]);
    assert_eq!((code, found.len()), (0, 2));
    assert!(
        said.starts_with("note: records of which nobody can tell whether the condition held: 2\n"),
        "{said}"
    );
    let (code, _, said) = audited.ask(&["as-of", at, "invoices", "--where", "status = paid"]);
    let refused = "audit: `status = paid` is no condition on a record; write one such as";
    assert!(code == 2 && said.starts_with(refused), "{code} {said}");
    let one = [
        "as-of",
        at,
        "invoices",
        "acme",
        "1",
        "--where",
        "status = 1",
    ];
    assert_eq!(audited.ask(&one).0, 2);
}
