//! Keeping passwords to ourselves.

/// The text with every password of a URL in it as `***`: what is between the first colon and the
/// last `@` behind `://`, and the value of `password=`.
pub(crate) fn hide(text: &str) -> String {
    let words = text.split_inclusive(|c: char| c.is_whitespace());
    words.map(hide_in_word).collect()
}

fn hide_in_word(word: &str) -> String {
    let Some((scheme, rest)) = word.split_once("://") else {
        return hide_parameter(word);
    };
    let Some((account, place)) = rest.rsplit_once('@') else {
        return format!("{scheme}://{}", hide_parameter(rest));
    };
    let account = match account.split_once(':') {
        Some((name, _)) => format!("{name}:***"),
        None => account.to_owned(),
    };
    format!("{scheme}://{account}@{}", hide_parameter(place))
}

fn hide_parameter(text: &str) -> String {
    let Some((before, value)) = text.split_once("password=") else {
        return text.to_owned();
    };
    let end = value.find(['&', '\'', '"', '`', ' ', '\n']);
    let rest = end.map_or("", |end| value.split_at(end).1);
    format!("{before}password=***{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_of_a_url_is_told() {
        for (text, told) in [
            (
                "'postgres://ann:pw@host:5432/app' is no verb",
                "'postgres://ann:***@host:5432/app' is no verb",
            ),
            (
                "mysql://ann:p@ss:w/ord@host/app",
                "mysql://ann:***@host/app",
            ),
            (
                "postgres://host/app?password=pw&sslmode=require\n",
                "postgres://host/app?password=***&sslmode=require\n",
            ),
            ("postgres://ann@host/app", "postgres://ann@host/app"),
            ("sqlite://app.db", "sqlite://app.db"),
            (
                "an error: of ann@example.org",
                "an error: of ann@example.org",
            ),
        ] {
            assert_eq!(hide(text), told);
        }
    }
}
