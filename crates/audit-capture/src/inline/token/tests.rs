use proptest::prelude::*;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::tokenizer::{Token as Theirs, Tokenizer};

use super::*;

fn of<'t>(text: &'t str, token: &Token) -> &'t str {
    text.get(token.span.clone()).unwrap()
}

/// What two implementations have to agree on: what is inside of strings, names and comments, and
/// what is not.
fn ours(text: &str) -> Vec<String> {
    let word = |token: &Token| {
        let text = of(text, token);
        match token.kind {
            Kind::Word => Some(format!("word {text}")),
            Kind::Quoted => Some("name".to_owned()),
            Kind::Text => Some("text".to_owned()),
            Kind::Number => Some(format!("number {text}")),
            Kind::Parameter => Some(format!("parameter {text}")),
            Kind::Punctuation if text != "::" => Some(text.to_owned()),
            _ => None,
        }
    };
    tokens(text).iter().filter_map(word).collect()
}

fn theirs(text: &str) -> Vec<String> {
    let dialect = PostgreSqlDialect {};
    let tokens = Tokenizer::new(&dialect, text).tokenize().unwrap();
    let word = |token: &Theirs| match token {
        Theirs::Word(word) if word.quote_style.is_some() => Some("name".to_owned()),
        Theirs::Word(word) => Some(format!("word {}", word.value)),
        Theirs::Number(number, _) => Some(format!("number {number}")),
        Theirs::Placeholder(number) => Some(format!("parameter {number}")),
        Theirs::SingleQuotedString(_)
        | Theirs::DollarQuotedString(_)
        | Theirs::EscapedStringLiteral(_)
        | Theirs::NationalStringLiteral(_)
        | Theirs::UnicodeStringLiteral(_)
        | Theirs::HexStringLiteral(_) => Some("text".to_owned()),
        Theirs::Comma => Some(",".to_owned()),
        Theirs::SemiColon => Some(";".to_owned()),
        Theirs::LParen => Some("(".to_owned()),
        Theirs::RParen => Some(")".to_owned()),
        Theirs::LBracket => Some("[".to_owned()),
        Theirs::RBracket => Some("]".to_owned()),
        Theirs::Period => Some(".".to_owned()),
        _ => None,
    };
    tokens.iter().filter_map(word).collect()
}

/// Parts of statements, with what could be taken for the end of another. No string follows a line end
/// alone: the server takes it for a part of the string before, the other implementation does not.
fn piece() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "SELECT",
        "from",
        "_a$1",
        "été",
        "\"a \"\"b; '\"",
        "'it''s; -- \"'",
        "E'a\\'b; \\\\'",
        "N'n'",
        "X'1F'",
        "U&'d\\0061t'",
        "$$ ; ' $1 $$",
        "$tag$ $$ ; \" $tag$",
        "$1",
        "$23",
        "12",
        "1.5",
        "/* a /* ' */ \" */",
        "-- ' \" /*\n,",
        "(",
        ")",
        "[",
        "]",
        ",",
        ";",
        ".",
        "::",
        "<>",
        "||",
        "->>",
        "=",
        "''",
        "E''",
        "\"\"\"\"",
    ])
}

proptest! {
    #[test]
    fn tokens_together_are_the_text(text in any::<String>()) {
        let together: String = tokens(&text).iter().map(|token| of(&text, token)).collect();
        prop_assert_eq!(together, text);
    }

    #[test]
    fn pieces_together_are_the_text(pieces in prop::collection::vec(piece(), 0..30)) {
        let text = pieces.concat();
        let together: String = tokens(&text).iter().map(|token| of(&text, token)).collect();
        prop_assert_eq!(together, text);
    }

    #[test]
    fn another_implementation_finds_the_same_tokens(pieces in prop::collection::vec(piece(), 0..30)) {
        let text = pieces.join(" ");
        prop_assert_eq!(ours(&text), theirs(&text));
    }
}

#[test]
fn what_is_rare_is_read_as_the_server_does() {
    let kinds = |text: &str| -> Vec<Kind> {
        let tokens = tokens(text);
        let kinds = tokens.iter().map(|token| token.kind);
        kinds.filter(|kind| *kind != Kind::Space).collect()
    };
    // A string goes on behind a line end, and is read as it began.
    assert_eq!(kinds("E'a' -- c\n '\\'; b'"), [Kind::Text]);
    assert_eq!(kinds("'a' '\\'"), [Kind::Text, Kind::Text]);
    assert_eq!(kinds("'\\'"), [Kind::Text]);
    // A dollar within a word begins no string.
    assert_eq!(kinds("a$b$"), [Kind::Word]);
    assert_eq!(
        kinds("$a $"),
        [Kind::Punctuation, Kind::Word, Kind::Punctuation]
    );
    // A comment ends an operator.
    assert_eq!(
        kinds("1+--x\n2"),
        [Kind::Number, Kind::Operator, Kind::Comment, Kind::Number]
    );
    assert_eq!(
        kinds("1-/*x*/2"),
        [Kind::Number, Kind::Operator, Kind::Comment, Kind::Number]
    );
    assert_eq!(
        kinds("1e-5+.5"),
        [Kind::Number, Kind::Operator, Kind::Number]
    );
    assert_eq!(kinds("u&\"d\" U&'x'"), [Kind::Quoted, Kind::Text]);
    for open in [
        "'a", "E'a\\'", "\"a", "\"a\"\"", "/* /* */", "$$ $ $a$", "$a$ $$",
    ] {
        assert_eq!(kinds(open), [Kind::Unterminated], "{open}");
    }
}
