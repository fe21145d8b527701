//! Conditions that look into lists, documents and texts.

use std::fmt::Write as _;

use crate::query::QueryError;
use crate::query::condition::{Condition, Scalar};
use crate::query::field::Test;
use crate::query::sql::Sql;
use crate::rules::{JsonPath, PathStep};
use crate::vocabulary::Dialect;

/// The kinds of JSON values, and what of a value is compared.
struct Kinds<'a> {
    booleans: Vec<&'static str>,
    has_null: bool,
    numbers: Vec<&'a str>,
    texts: Vec<&'a str>,
}

impl<'a> Kinds<'a> {
    fn of(values: &'a [Scalar]) -> Self {
        let mut kinds = Self {
            booleans: Vec::new(),
            has_null: false,
            numbers: Vec::new(),
            texts: Vec::new(),
        };
        for value in values {
            match value {
                Scalar::Boolean(true) => kinds.booleans.push("true"),
                Scalar::Boolean(false) => kinds.booleans.push("false"),
                Scalar::Null => kinds.has_null = true,
                Scalar::Number(number) => kinds.numbers.push(number),
                Scalar::Text(text) => kinds.texts.push(text),
            }
        }
        kinds
    }
}

/// The document in a column without the escapes that PostgreSQL keeps but whose values it has no text
/// for, NUL and halves of a surrogate pair: its functions fail on a document with one anywhere. What
/// stands in for them is U+FFFD.
fn readable_in_postgres(column: &str) -> String {
    const REFUSED: &str = concat!(
        r"(?<!\\)((?:\\\\)*)(?:\\u0000",
        r"|\\u[dD][89abAB]..(?!\\u[dD][c-fC-F])",
        r"|(?<!\\u[dD][89abAB]..)\\u[dD][c-fC-F]..)"
    );
    format!(
        r"CASE WHEN strpos({column}::text, $e$\u$e$) = 0 THEN {column} ELSE regexp_replace({column}::text, $e${REFUSED}$e$, $e$\1\\ufffd$e$, 'g')::json END"
    )
}

impl Sql {
    /// That a list of texts has one of these.
    pub(super) fn contains(&mut self, column: &str, texts: &[String]) -> Result<(), QueryError> {
        let each = texts.iter().map(|text| self.has(column, text));
        let each = each.collect::<Result<Vec<_>, _>>()?;
        let condition = match each.as_slice() {
            [one] => one.clone(),
            several => format!("({})", several.join(" OR ")),
        };
        self.condition(&condition);
        Ok(())
    }

    fn has(&mut self, column: &str, text: &str) -> Result<String, QueryError> {
        Ok(match self.dialect {
            Dialect::Postgres => format!("{} = ANY({column})", self.bind(text)?),
            Dialect::MySql => {
                let quoted = serde_json::Value::from(text).to_string();
                format!("JSON_CONTAINS({column}, {})", self.bind(&quoted)?)
            }
            Dialect::Sqlite => format!(
                "EXISTS (SELECT 1 FROM json_each({column}) AS item WHERE item.value = {})",
                self.bind(text)?
            ),
        })
    }

    /// That a text of the event has this one inside.
    pub(super) fn search(&mut self, text: &str) -> Result<(), QueryError> {
        let pattern = |text: &str| {
            let mut pattern = String::from("%");
            for character in text.chars() {
                if matches!(character, '%' | '_' | '!') {
                    pattern.push('!');
                }
                pattern.push(character);
            }
            pattern.push('%');
            pattern
        };
        let quoted = serde_json::Value::from(text).to_string();
        let inside = quoted
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'));
        let plain = pattern(text);
        let inside = pattern(inside.unwrap_or(text));
        let mut any = Vec::new();
        for (column, pattern) in [
            ("label", &plain),
            ("description", &plain),
            ("record_id", &plain),
            ("before_data", &inside),
            ("after_data", &inside),
        ] {
            let place = self.bind(pattern)?;
            any.push(match self.dialect {
                Dialect::Postgres => format!("{column}::text ILIKE {place} ESCAPE '!'"),
                Dialect::MySql => format!("LOWER({column}) LIKE LOWER({place}) ESCAPE '!'"),
                Dialect::Sqlite => format!("{column} LIKE {place} ESCAPE '!'"),
            });
        }
        self.condition(&format!("({})", any.join(" OR ")));
        Ok(())
    }

    /// That a field has one of some values, or is there with another.
    pub(super) fn field(&mut self, test: &Test) -> Result<(), QueryError> {
        let Test {
            document,
            condition: test,
        } = test;
        let kinds = Kinds::of(&test.values);
        let column = document.column();
        let condition = match self.dialect {
            Dialect::Postgres => self.field_of_postgres(column, test, &kinds)?,
            Dialect::MySql => self.field_of_mysql(column, test, &kinds)?,
            Dialect::Sqlite => self.field_of_sqlite(column, test, &kinds)?,
        };
        self.condition(&condition);
        Ok(())
    }

    fn field_of_postgres(
        &mut self,
        column: &str,
        test: &Condition,
        kinds: &Kinds<'_>,
    ) -> Result<String, QueryError> {
        let mut value = readable_in_postgres(column);
        for step in test.path.steps() {
            let step = match step {
                PathStep::Item(place) => place.to_string(),
                PathStep::Member(name) => format!("{}::text", self.bind(name)?),
                PathStep::Each => continue,
            };
            value = format!("({value}) -> {step}");
        }
        let mut any = Vec::new();
        if !kinds.texts.is_empty() {
            let is_one = self.one_of("part.v #>> '{}'", &kinds.texts)?;
            any.push(format!("WHEN 'string' THEN {is_one}"));
        }
        if !kinds.numbers.is_empty() {
            // A number beyond what the type holds is no error, and equals none.
            let numbers = self.bind_all("?::text::numeric", &kinds.numbers)?;
            any.push(format!(
                "WHEN 'number' THEN CASE WHEN length(part.v::text) < 1000 AND part.v::text ~ \
                 '^[-+.0-9]+([eE][-+]?[0-9]{{1,3}})?$' THEN (part.v::text)::numeric IN ({numbers}) \
                 ELSE false END"
            ));
        }
        if !kinds.booleans.is_empty() {
            let is_one = self.one_of("part.v::text", &kinds.booleans)?;
            any.push(format!("WHEN 'boolean' THEN {is_one}"));
        }
        if kinds.has_null {
            any.push("WHEN 'null' THEN true".to_owned());
        }
        let wanted = test.is_one;
        Ok(format!(
            "EXISTS (SELECT 1 FROM (SELECT {value} AS v OFFSET 0) AS part WHERE part.v IS NOT NULL \
             AND CASE json_typeof(part.v) {} ELSE false END = {wanted})",
            any.join(" ")
        ))
    }

    fn field_of_sqlite(
        &mut self,
        column: &str,
        test: &Condition,
        kinds: &Kinds<'_>,
    ) -> Result<String, QueryError> {
        let mut parts = String::new();
        let mut keys = Vec::new();
        let (mut inside, mut last) = (column.to_owned(), String::new());
        for (level, step) in test.path.steps().iter().enumerate() {
            let comma = if level == 0 { "" } else { ", " };
            last = format!("p{level}");
            let _ = write!(parts, "{comma}json_each({inside}) AS {last}");
            keys.push(match step {
                PathStep::Item(place) => format!("{last}.key = {place}"),
                PathStep::Member(name) => format!("{last}.key = {}", self.bind(name)?),
                PathStep::Each => continue,
            });
            inside = format!("CASE WHEN {last}.type IN ('object', 'array') THEN {last}.value END");
        }
        let value = format!("{last}.value");
        let mut any = Vec::new();
        if !kinds.texts.is_empty() {
            let is_one = self.one_of(&value, &kinds.texts)?;
            any.push(format!("{last}.type = 'text' AND {is_one}"));
        }
        if !kinds.numbers.is_empty() {
            let numbers = self.bind_all("CAST(? AS NUMERIC)", &kinds.numbers)?;
            any.push(format!(
                "{last}.type IN ('integer', 'real') AND {value} IN ({numbers})"
            ));
        }
        for boolean in &kinds.booleans {
            any.push(format!("{last}.type = '{boolean}'"));
        }
        if kinds.has_null {
            any.push(format!("{last}.type = 'null'"));
        }
        let not = if test.is_one { "" } else { "NOT " };
        Ok(format!(
            "EXISTS (SELECT 1 FROM {parts} WHERE {} AND {not}({}))",
            keys.join(" AND "),
            any.join(" OR ")
        ))
    }

    fn field_of_mysql(
        &mut self,
        column: &str,
        test: &Condition,
        kinds: &Kinds<'_>,
    ) -> Result<String, QueryError> {
        let path = mysql_path(&test.path, test.path.steps())?;
        let mut all = Vec::new();
        // An element is looked for in whatever is there, as if it were a list.
        for (at, step) in test.path.steps().iter().enumerate() {
            if matches!(step, PathStep::Item(_)) {
                let steps = test.path.steps().get(..at).unwrap_or_default();
                let place = self.bind(&mysql_path(&test.path, steps)?)?;
                all.push(format!(
                    "JSON_TYPE(JSON_EXTRACT({column}, {place})) = 'ARRAY'"
                ));
            }
        }
        let value = |sql: &mut Self| {
            let place = sql.bind(&path)?;
            Ok::<_, QueryError>(format!("JSON_EXTRACT({column}, {place})"))
        };
        let there = value(self)?;
        all.push(format!("{there} IS NOT NULL"));
        let mut any = Vec::new();
        if !kinds.texts.is_empty() {
            let (kind, text) = (value(self)?, value(self)?);
            let texts = self.bind_all("CAST(? AS BINARY)", &kinds.texts)?;
            any.push(format!(
                "JSON_TYPE({kind}) = 'STRING' AND CAST(JSON_UNQUOTE({text}) AS BINARY) IN ({texts})"
            ));
        }
        for number in &kinds.numbers {
            let kind = value(self)?;
            let mut equal = vec![format!("JSON_TYPE({kind}) IN ('INTEGER', 'DOUBLE')")];
            for kind in ["DECIMAL(65,30)", "DOUBLE"] {
                let value = value(self)?;
                let number = self.bind(number)?;
                equal.push(format!(
                    "CAST(JSON_UNQUOTE({value}) AS {kind}) = CAST({number} AS {kind})"
                ));
            }
            any.push(equal.join(" AND "));
        }
        if !kinds.booleans.is_empty() {
            let (kind, text) = (value(self)?, value(self)?);
            let booleans = self.bind_all("?", &kinds.booleans)?;
            any.push(format!(
                "JSON_TYPE({kind}) = 'BOOLEAN' AND JSON_UNQUOTE({text}) IN ({booleans})"
            ));
        }
        if kinds.has_null {
            any.push(format!("JSON_TYPE({}) = 'NULL'", value(self)?));
        }
        let not = if test.is_one { "" } else { "NOT " };
        let any: Vec<String> = any.iter().map(|one| format!("({one})")).collect();
        Ok(format!(
            "({} AND {not}({}))",
            all.join(" AND "),
            any.join(" OR ")
        ))
    }
}

/// The first steps of a path as MariaDB reads them.
fn mysql_path(path: &JsonPath, steps: &[PathStep]) -> Result<String, QueryError> {
    let mut text = String::from("$");
    for step in steps {
        match step {
            PathStep::Member(name) if name.contains(is_special) => {
                return Err(QueryError::UnsupportedPath {
                    path: path.to_string(),
                    remedy: "MySQL and MariaDB find no name with a quotation mark, a backslash or a \
                             control character",
                });
            }
            PathStep::Member(name) => {
                let _ = write!(text, ".\"{name}\"");
            }
            PathStep::Item(place) => {
                let _ = write!(text, "[{place}]");
            }
            PathStep::Each => {}
        }
    }
    Ok(text)
}

fn is_special(character: char) -> bool {
    character == '"' || character == '\\' || character.is_control()
}
