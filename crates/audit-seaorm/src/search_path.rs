//! The schema search path of SeaORM's options, which the hook that sets it does not share with ours.

use sea_orm::ConnectOptions;

/// What the options call it when they describe themselves.
const NAME: &str = "schema_search_path: ";

/// The search path cannot be read back from the options.
#[derive(Debug, thiserror::Error)]
#[error(
    "the schema search path cannot be read from these options; leave `set_schema_search_path` out and set it with `map_sqlx_postgres_opts(|options| options.options([(\"search_path\", ..)]))`"
)]
pub(crate) struct Unreadable;

/// The statement by which SeaORM sets the search path of a connection that it opened.
pub(crate) fn statement(options: &ConnectOptions) -> Result<Option<String>, Unreadable> {
    let Some(path) = read(options)? else {
        return Ok(None);
    };
    if path.starts_with('"') {
        return Ok(Some(format!("SET search_path = {path}")));
    }
    let schemas = path.split(',').map(|schema| {
        if schema.starts_with('"') {
            schema.to_owned()
        } else {
            format!("\"{schema}\"")
        }
    });
    let schemas: Vec<String> = schemas.collect();
    Ok(Some(format!("SET search_path = {}", schemas.join(","))))
}

/// There is no getter: the options are asked to describe themselves, and any answer but the two
/// that are known is an error.
fn read(options: &ConnectOptions) -> Result<Option<String>, Unreadable> {
    let mut options = options.clone();
    // The one text of the application that comes after it.
    options.set_application_name("");
    let text = format!("{options:?}");
    let (_, value) = text.rsplit_once(NAME).ok_or(Unreadable)?;
    if value.starts_with("None,") {
        return Ok(None);
    }
    let value = value.strip_prefix("Some(").ok_or(Unreadable)?;
    let (value, _) = value
        .split_once("), application_name: ")
        .ok_or(Unreadable)?;
    // A text describes itself as JSON would, but for characters that no schema's name should have.
    unquoted(value).map(Some).ok_or(Unreadable)
}

/// The text that a literal of Rust stands for, where it holds no escapes but those of quotes and
/// backslashes.
fn unquoted(literal: &str) -> Option<String> {
    let inner = literal.strip_prefix('"')?.strip_suffix('"')?;
    let mut text = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            '\\' => characters
                .next()
                .filter(|next| matches!(next, '"' | '\\'))?,
            other => other,
        });
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: Option<&str>) -> Option<String> {
        let mut options = ConnectOptions::new("postgres://u:schema_search_path: None,@localhost/d");
        options.set_application_name("schema_search_path: None, x");
        if let Some(path) = path {
            options.set_schema_search_path(path);
        }
        statement(&options).unwrap()
    }

    #[test]
    fn the_statement_is_that_of_sea_orm() {
        let cases = [
            (None, None),
            (Some("app"), Some("SET search_path = \"app\"")),
            (
                Some("app,public"),
                Some("SET search_path = \"app\",\"public\""),
            ),
            (Some("a,\"b\""), Some("SET search_path = \"a\",\"b\"")),
            (Some("\"a\", \"b\""), Some("SET search_path = \"a\", \"b\"")),
            (Some("a\\b"), Some("SET search_path = \"a\\b\"")),
        ];
        for (path, statement) in cases {
            assert_eq!(of(path).as_deref(), statement);
        }
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        let mut options = ConnectOptions::new("postgres://localhost/d");
        options.set_schema_search_path("a\nb");
        let error = statement(&options).unwrap_err().to_string();
        assert!(error.contains("map_sqlx_postgres_opts"), "{error}");
    }
}
