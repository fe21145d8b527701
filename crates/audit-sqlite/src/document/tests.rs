use audit_core::rules::{JsonPath, PathStep};
use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn parts(paths: &[(&str, Redaction)]) -> Parts {
    let paths: Vec<(JsonPath, Redaction)> = paths
        .iter()
        .map(|(path, how)| (JsonPath::parse(path).unwrap(), *how))
        .collect();
    Parts::new(paths.iter().map(|(path, how)| (path, *how)))
}

/// As the SQL function has it, but with a hash that shows what was hashed.
fn redact(plain: &str, redaction: Redaction) -> Option<String> {
    match redaction {
        Redaction::Mask => Some("***".to_owned()),
        Redaction::Hash => Some(format!("#{plain}#")),
        Redaction::Truncate(length) if plain.chars().count() > length.into() => {
            let head: String = plain.chars().take(length.into()).collect();
            Some(head + "…")
        }
        Redaction::Truncate(_) => Some(plain.to_owned()),
        _ => None,
    }
}

fn hide(text: &str, paths: &[(&str, Redaction)]) -> Option<String> {
    hidden(text, &parts(paths), &redact)
}

#[test]
fn what_is_not_hidden_keeps_its_bytes() {
    let text = " {\t\"a\" : 1.50e+1 , \"b\":{ \"n\" :\"4111\" , \"x\":[ 1 ,2]}\n, \"\\u0062\": {\"n\":7} } ";
    assert_eq!(
        hide(
            text,
            &[("$.b.n", Redaction::Mask), ("$.no.such", Redaction::Drop)]
        )
        .unwrap(),
        " {\t\"a\" : 1.50e+1 , \"b\":{ \"n\" :\"***\" , \"x\":[ 1 ,2]}\n, \"\\u0062\": {\"n\":\"***\"} } "
    );
    for untouched in ["$.c", "$[0]", "$[*].a", "$.a[0]", "$.a.b", "$.b.x.y", "$.B"] {
        let shown = hide(text, &[(untouched, Redaction::Drop)]);
        assert_eq!(shown.as_deref(), Some(text), "{untouched}");
    }
}

#[test]
fn each_redaction_means_what_it_means_for_a_column() {
    let text = r#"{"s":"h\u00e9llo","n":12345,"o":{"k":[1]},"z":null,"t":true}"#;
    let all = |how| ["$.s", "$.n", "$.o", "$.z", "$.t"].map(|path| (path, how));
    let shown = |how| hide(text, &all(how)).unwrap();
    assert_eq!(shown(Redaction::Drop), "{}");
    assert_eq!(
        shown(Redaction::Mask),
        r#"{"s":"***","n":"***","o":"***","z":null,"t":"***"}"#
    );
    assert_eq!(
        shown(Redaction::Hash),
        r##"{"s":"#héllo#","n":"#12345#","o":"#{\"k\":[1]}#","z":null,"t":"#true#"}"##
    );
    assert_eq!(
        shown(Redaction::Truncate(4)),
        r#"{"s":"héll…","n":"1234…","o":"{\"k\"…","z":null,"t":"true"}"#
    );
}

#[test]
fn what_is_left_out_takes_its_comma_along() {
    let text = "[ 1, 2 ,{\"a\":1, \"b\":2,\"c\":3} ]";
    let left = |paths: &[&str]| {
        let paths: Vec<_> = paths.iter().map(|path| (*path, Redaction::Drop)).collect();
        hide(text, &paths).unwrap()
    };
    assert_eq!(left(&["$[0]"]), "[ 2 ,{\"a\":1, \"b\":2,\"c\":3} ]");
    assert_eq!(left(&["$[1]", "$[2].b"]), "[ 1,{\"a\":1,\"c\":3} ]");
    assert_eq!(left(&["$[2].a", "$[2].c"]), "[ 1, 2 ,{ \"b\":2} ]");
    assert_eq!(left(&["$[2]"]), "[ 1, 2 ]");
    assert_eq!(left(&["$[*]"]), "[]");
}

#[test]
fn every_member_of_a_name_is_hidden() {
    assert_eq!(
        hide(
            r#"{"a":1,"a":{"b":2},"\u0061":3,"A":4}"#,
            &[("$.a", Redaction::Mask)]
        )
        .unwrap(),
        r#"{"a":"***","a":"***","\u0061":"***","A":4}"#
    );
}

#[test]
fn what_lies_inside_a_truncated_part_is_hidden_first() {
    let paths = [
        ("$.card", Redaction::Truncate(60)),
        ("$.card.number", Redaction::Mask),
    ];
    assert_eq!(
        hide(r#"{"card":{"number":"4111","cvc":1}}"#, &paths).unwrap(),
        r#"{"card":"{\"number\":\"***\",\"cvc\":1}"}"#
    );
}

#[test]
fn escapes_that_are_no_text_do_no_harm() {
    let paths = [("$.a", Redaction::Mask), ("$.b", Redaction::Truncate(3))];
    assert_eq!(
        hide(
            r#"{"\ud800":"\udfff","a":"\u0000","b":"\ud800x","c":"\u0000"}"#,
            &paths
        )
        .unwrap(),
        r#"{"\ud800":"\udfff","a":"***","b":"\"\\u…","c":"\u0000"}"#
    );
}

#[test]
fn what_is_no_object_or_array_is_not_taken_apart() {
    let no_documents = [
        "",
        " ",
        "secret",
        "\"secret\"",
        "42",
        "null",
        "{",
        "{}x",
        "{\"a\":1,}",
        "{a:1}",
        "[1 2]",
        "{'a':1}",
        "{\"a\":\"\u{1}\"}",
        "[01]",
        "[1.]",
        "[+1]",
        "[NaN]",
        "[1]//",
        "\u{feff}{}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12\"}",
        "{} {}",
    ];
    for text in no_documents {
        assert_eq!(hide(text, &[("$.a", Redaction::Mask)]), None, "{text}");
    }
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(
        hide(&deep, &[("$.a", Redaction::Mask)]).as_deref(),
        Some("{\"a\":\"***\"}")
    );
    assert_eq!(hide(&deep, &[("$.b", Redaction::Mask)]), Some(deep));
}

/// A document, written with white space that is drawn as well.
fn document() -> impl Strategy<Value = (Value, String)> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[ab\\[\\],:{}\"\\\\é]{0,5}".prop_map(Value::from),
    ];
    let inner = leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[abc]|a b", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    });
    let root = prop_oneof![
        proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
        proptest::collection::btree_map("[abc]", inner, 0..4)
            .prop_map(|members| Value::Object(members.into_iter().collect())),
    ];
    (root, any::<bool>()).prop_map(|(value, pretty)| {
        let text = if pretty {
            serde_json::to_string_pretty(&value)
        } else {
            serde_json::to_string(&value)
        };
        (value, text.unwrap())
    })
}

fn paths(
    how: impl Strategy<Value = Redaction>,
) -> impl Strategy<Value = Vec<(JsonPath, Redaction)>> {
    let step = prop_oneof![
        Just("[*]".to_owned()),
        (0..3_u32).prop_map(|place| format!("[{place}]")),
        "[abc]".prop_map(|name| format!(".{name}")),
        Just("['a b']".to_owned()),
    ];
    let path = proptest::collection::vec(step, 1..4)
        .prop_map(|steps| JsonPath::parse(&format!("${}", steps.concat())).unwrap());
    proptest::collection::vec((path, how), 1..5)
}

/// What a path reaches in a parsed document: written without the tree and without the scan.
fn reach(value: &mut Value, steps: &[PathStep], change: &mut dyn FnMut(&mut Value)) {
    let Some((step, rest)) = steps.split_first() else {
        return change(value);
    };
    match (step, value) {
        (PathStep::Each, Value::Array(items)) => {
            items.iter_mut().for_each(|item| reach(item, rest, change));
        }
        (PathStep::Item(at), Value::Array(items)) => {
            let item = items.get_mut(*at as usize);
            item.into_iter().for_each(|item| reach(item, rest, change));
        }
        (PathStep::Member(name), Value::Object(members)) => {
            let member = members.get_mut(name);
            member
                .into_iter()
                .for_each(|member| reach(member, rest, change));
        }
        _ => {}
    }
}

proptest! {
    #[test]
    fn masking_is_what_a_parser_would_do(
        (mut value, text) in document(),
        paths in paths(Just(Redaction::Mask)),
    ) {
        let parts = Parts::new(paths.iter().map(|(path, how)| (path, *how)));
        let shown = hidden(&text, &parts, &redact).unwrap();
        for (path, _) in &paths {
            reach(&mut value, path.steps(), &mut |part| {
                if !part.is_null() {
                    *part = "***".into();
                }
            });
        }
        prop_assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), value);
    }

    #[test]
    fn hiding_twice_is_hiding_once(
        (_, text) in document(),
        how in prop_oneof![Just(Redaction::Mask), (0..6_u16).prop_map(Redaction::Truncate)],
        drawn in paths(Just(Redaction::Mask)),
    ) {
        let parts = Parts::new(drawn.iter().map(|(path, _)| (path, how)));
        let once = hidden(&text, &parts, &redact).unwrap();
        prop_assert_eq!(hidden(&once, &parts, &redact).unwrap(), once);
    }

    #[test]
    fn bytes_outside_of_masked_values_stay(
        (_, text) in document(),
        paths in paths(Just(Redaction::Mask)),
    ) {
        let parts = Parts::new(paths.iter().map(|(path, how)| (path, *how)));
        let shown = hidden(&text, &parts, &redact).unwrap();
        // Between the masks stands the text as it was, in its order.
        let mut rest = text.as_str();
        for piece in shown.split("\"***\"") {
            let found = rest.split_once(piece);
            prop_assert!(found.is_some(), "{} of {} is not in {}", piece, shown, text);
            rest = found.unwrap().1;
        }
    }

    #[test]
    fn no_planted_secret_survives(
        (value, _) in document(),
        paths in paths(prop_oneof![Just(Redaction::Mask), Just(Redaction::Drop)]),
    ) {
        let mut planted = value;
        for (path, _) in &paths {
            reach(&mut planted, path.steps(), &mut |part| *part = "canary".into());
        }
        let parts = Parts::new(paths.iter().map(|(path, how)| (path, *how)));
        let shown = hidden(&planted.to_string(), &parts, &redact).unwrap();
        prop_assert!(!shown.contains("canary"), "{} of {}", shown, planted);
    }

    #[test]
    fn any_text_is_a_document_or_none(
        text in "\\PC*|[\\[\\]{}\",:a1 \\\\]{0,16}",
        paths in paths(Just(Redaction::Drop)),
    ) {
        let parts = Parts::new(paths.iter().map(|(path, how)| (path, *how)));
        let is_document = serde_json::from_str::<Value>(&text)
            .is_ok_and(|value| value.is_object() || value.is_array());
        let shown = hidden(&text, &parts, &redact);
        prop_assert_eq!(shown.is_some(), is_document);
        if let Some(shown) = shown {
            prop_assert!(serde_json::from_str::<Value>(&shown).is_ok(), "{}", shown);
        }
    }
}
