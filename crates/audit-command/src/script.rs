//! Statements as a text for the client of a database.

use audit_core::Dialect;
use audit_store::partitions::Step;
use audit_store::words;

/// The statements as a script that `psql`, `mariadb` or `sqlite3` runs: in a transaction where the
/// database can take such statements back.
pub(crate) fn of(dialect: Dialect, statements: &[String]) -> String {
    let all = |end: &str| -> String {
        let statements = statements.iter();
        statements
            .map(|statement| format!("{statement}{end}\n\n"))
            .collect()
    };
    match dialect {
        Dialect::MySql => {
            let delimiter = delimiter(statements);
            let text = all(&format!("\n{delimiter}"));
            format!("DELIMITER {delimiter}\n\n{text}DELIMITER ;\n")
        }
        Dialect::Postgres => format!("BEGIN;\n\n{}COMMIT;\n", all(";")),
        _ => format!(
            "-- For a connection that has the functions of audit-sqlite: each connection of the\n\
             -- application puts these triggers on by itself.\n\n{}",
            all(";")
        ),
    }
}

/// Steps as a script, each below what it does.
pub(crate) fn of_steps(steps: &[Step]) -> String {
    let text = |step: &Step| {
        let lines = step.statement.lines().map(words::printable);
        let statement = lines.collect::<Vec<_>>().join("\n");
        format!("-- {}\n{statement};\n", words::printable(&step.what))
    };
    steps.iter().map(text).collect()
}

/// What ends a statement and is in none.
fn delimiter(statements: &[String]) -> String {
    let mut delimiter = "//".to_owned();
    while statements
        .iter()
        .any(|statement| statement.contains(&delimiter))
    {
        delimiter.push('/');
    }
    delimiter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_a_statement_is_in_none() {
        let statements = ["SELECT 1".to_owned(), "SELECT 'http://'".to_owned()];
        let text = of(Dialect::MySql, &statements);
        let expected = "DELIMITER ///\n\nSELECT 1\n///\n\nSELECT 'http://'\n///\n\nDELIMITER ;\n";
        assert_eq!(text, expected);
    }
}
