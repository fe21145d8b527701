use proptest::prelude::*;

use super::*;

/// A catalog with one table of this name.
fn planner(version: u32) -> Planner {
    let catalog = format!(
        "{{\"has_log\": true, \"tables\": [{{\"schema\": \"public\", \"name\": \"t\", \"columns\": \
         [{{\"name\": \"id\", \"type\": \"integer\", \"number\": 1}}, {{\"name\": \"v\", \"type\": \
         \"text\", \"number\": 2}}], \"key\": [\"id\"], \"inline\": {{\"is_readable\": true}}}}], \
         \"postgres\": {{\"version\": {version}}}}}"
    );
    let audit = Audit::builder().build().unwrap();
    Planner::new(&audit, Catalog::parse(&catalog).unwrap())
}

fn write(text: &str) -> (Write, String) {
    let statements = statements(text).unwrap();
    match statements[0].shape().unwrap() {
        Shape::Write(write) => (*write, text.to_owned()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn clauses_end_where_the_next_begins() {
    let part = |text: &str, part: fn(&Write) -> Option<std::ops::Range<usize>>| {
        let (write, text) = write(text);
        part(&write).map(|span| text.get(span).unwrap().to_owned())
    };
    let condition = |text| part(text, |write| write.condition.clone());
    let from = |text| part(text, |write| write.from.clone());
    let returning = |text| part(text, |write| write.returning.clone());
    let set = |text| part(text, |write| write.set.clone());
    let some = |text: &str| Some(text.to_owned());

    let text = "UPDATE t SET v = (SELECT 'FROM' FROM u WHERE true), id = 1 /* FROM */ WHERE id IS \
                DISTINCT FROM 1 -- RETURNING\n RETURNING t.from, id AS where";
    assert_eq!(
        set(text),
        some("v = (SELECT 'FROM' FROM u WHERE true), id = 1")
    );
    assert_eq!(from(text), None);
    assert_eq!(condition(text), some("id IS DISTINCT FROM 1"));
    assert_eq!(returning(text), some("t.from, id AS where"));
    let text = "UPDATE ONLY a.t * AS set SET v = 1 FROM u JOIN w ON true";
    assert_eq!(
        (set(text), from(text)),
        (some("v = 1"), some("u JOIN w ON true"))
    );
    let text = "DELETE FROM t USING u, w WHERE CASE WHEN a THEN b END RETURNING *";
    assert_eq!(from(text), some("u, w"));
    assert_eq!(condition(text), some("CASE WHEN a THEN b END"));
    let (write, _) = write(
        "INSERT INTO t SELECT a FROM x JOIN y ON conflict ON CONFLICT (id) DO UPDATE SET v = 1 WHERE \
         true RETURNING id",
    );
    assert_eq!(write.conflict, Conflict::Update);
}

#[test]
fn the_context_is_the_bind_behind_those_of_the_statement() {
    let planner = planner(150_000);
    for (text, bind) in [
        ("DELETE FROM t", "$1::text"),
        ("DELETE FROM t WHERE id = $2 OR id = $1", "$3::text"),
        ("DELETE FROM t WHERE v = '$7' OR id = $1 -- $9", "$2::text"),
    ] {
        let Ok(Inline::Spliced(spliced)) = planner.plan(text) else {
            panic!("{text}");
        };
        assert!(
            spliced.text().contains(&format!("nullif({bind}, '')")),
            "{}",
            spliced.text()
        );
    }
}

#[test]
fn what_the_operator_turned_off_runs_as_it_is() {
    let mut planner = planner(150_000);
    assert_ne!(planner.plan("DELETE FROM t"), Ok(Inline::AsIs));
    let mut catalog = planner.catalog.clone();
    catalog.switch = audit_core::Switch::from_settings([("capture", "off")]);
    planner = Planner::new(&planner.audit, catalog);
    assert_eq!(planner.plan("DELETE FROM t"), Ok(Inline::AsIs));
}

#[test]
fn plans_are_kept_by_their_text_and_never_too_many() {
    let cache = PlanCache::new(planner(180_000), 10);
    let first = cache.plan("DELETE FROM t").unwrap();
    for number in 0..1000 {
        let text = format!("DELETE FROM t WHERE id = {number}");
        cache.plan(&text).unwrap();
        assert!(cache.len() <= 20, "{}", cache.len());
        // What is in use stays.
        assert!(Arc::ptr_eq(&first, &cache.plan("DELETE FROM t").unwrap()));
    }
    let before = cache.len();
    let long = format!("DELETE FROM t WHERE v = '{}'", "x".repeat(20_000));
    cache.plan(&long).unwrap();
    assert_eq!(cache.len(), before);
    assert_eq!(cache.plan("CALL p()"), cache.plan("CALL p()"));
}

#[test]
fn what_cannot_be_captured_runs_only_where_the_policy_lets_it() {
    let text = "CALL p('secret', 5 /* secret */)";
    let planned = |policy| planner(150_000).on_uncapturable(policy).plan(text);
    assert!(planner(150_000).plan(text).is_err());
    assert!(planned(OnUncapturable::Deny).is_err());
    let Ok(Inline::Uncaptured { event: None, .. }) = planned(OnUncapturable::Allow) else {
        panic!("it runs");
    };
    let Ok(Inline::Uncaptured {
        event: Some(event), ..
    }) = planned(OnUncapturable::Record)
    else {
        panic!("it runs, and is told of");
    };
    let binds = format!("{:?}", event.binds);
    assert!(binds.contains("CALL p ( ? , ? )"), "{binds}");
    assert!(!binds.contains("secret"), "{binds}");
}

fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "SELECT",
        "INSERT",
        "INTO",
        "UPDATE",
        "DELETE",
        "FROM",
        "ONLY",
        "t",
        "public",
        "SET",
        "v",
        "id",
        "=",
        "1",
        "'x'",
        "WHERE",
        "RETURNING",
        "AS",
        "WITH",
        "USING",
        "ON",
        "CONFLICT",
        "DO",
        "NOTHING",
        "VALUES",
        "(",
        ")",
        ",",
        ".",
        ";",
        "*",
        "::",
        "CAST",
        "$1",
        "TRUNCATE",
        "COPY",
        "MERGE",
        "é",
        "EXPLAIN",
        "[",
        "]",
        "\"t\"",
        "old",
        "new",
        "CURRENT",
        "OF",
    ])
}

proptest! {
    #[test]
    fn any_text_is_planned_or_refused(
        pieces in prop::collection::vec(piece(), 0..25), begins in prop::sample::select(vec![
            "", "DELETE FROM t", "UPDATE t SET v = 1", "INSERT INTO t VALUES (1)",
            "DELETE FROM t RETURNING",
        ]), version in prop::sample::select(vec![150_000, 180_000]),
    ) {
        let text = format!("{begins} {}", pieces.join(" "));
        if let Ok(Inline::Spliced(spliced)) = planner(version).plan(&text) {
            // What is written is in it as it was.
            let verb = pieces.first().filter(|_| begins.is_empty()).copied();
            prop_assert!(spliced.text().contains(verb.unwrap_or(begins).trim_end_matches(" RETURNING")));
        }
        let _ = planner(version).plan(&pieces.concat());
    }
}
