//! The expressions over one column: its value as JSON, its text, and whether its bytes changed.

use audit_core::Redaction;

use crate::catalog::Column;
use crate::plan::{Cell, undivided};

use super::{parts, text};

/// Bytes of a value that is too long which stay readable, counted in characters.
const HEAD: usize = 64;

/// What stands around the base64 text of bytes.
const BYTES_FRAME: u64 = 16;

/// What a MariaDB JSON column may hold that RFC 8259 does not allow: `JSON_VALID` there takes `1.`,
/// `-`, `1e` and `\x`. Well-formed strings are skipped over, so a match is never inside one.
pub(super) const MALFORMED: &str = r#"'"(?:[^"\\\\]++|\\\\["\\\\/bfnrtu])*+"(*SKIP)(*F)|"|-(?![0-9])|\\.(?![0-9])|[0-9][eE][+-]?+(?![0-9])'"#;

/// How a type is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A number with a place for leading zeros or bits, which its text must not show.
    Counted,
    /// A whole or decimal number, a date or a time: its own text is exact.
    Exact,
    /// A binary floating-point number; a FLOAT shows six digits unless it is widened.
    Float,
    /// Bytes.
    Bytes,
    /// A document.
    Json,
    /// One of a list of names.
    Named,
    /// Text in a character set.
    Text,
    /// An instant, which reads differently in every session's time zone.
    Timestamp,
    /// Anything else that has a text: UUID, INET6.
    Other,
}

/// A column and the server that holds it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value<'a> {
    pub(super) column: &'a Column,
    pub(super) is_mariadb: bool,
}

impl Value<'_> {
    fn form(&self) -> Form {
        let full = self.column.type_name.to_ascii_lowercase();
        let base: &str = full
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .next()
            .unwrap_or_default();
        match base {
            "bit" | "year" => Form::Counted,
            "float" | "double" | "real" => Form::Float,
            _ if full.contains("zerofill") => Form::Counted,
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "decimal" | "date"
            | "datetime" | "time" => Form::Exact,
            "timestamp" => Form::Timestamp,
            "enum" | "set" => Form::Named,
            "json" => Form::Json,
            "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => Form::Text,
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob"
            | "geometry" | "point" | "linestring" | "polygon" | "multipoint"
            | "multilinestring" | "multipolygon" | "geometrycollection" | "geomcollection"
            | "vector" => Form::Bytes,
            _ => Form::Other,
        }
    }

    /// The text of the value on its own, for keys, hashes and shortening; NULL for NULL.
    pub(super) fn text(&self, value: &str) -> String {
        match self.form() {
            Form::Counted => format!("CAST({value} + 0 AS CHAR)"),
            Form::Exact | Form::Other => format!("CAST({value} AS CHAR)"),
            Form::Float => format!("CAST(CAST({value} AS DOUBLE) AS CHAR)"),
            Form::Bytes => format!("CONCAT('\\\\x', LOWER(HEX({value})))"),
            Form::Json if self.is_mariadb => value.to_owned(),
            Form::Json => format!("CAST({value} AS CHAR)"),
            Form::Named | Form::Text => self.in_unicode(value),
            Form::Timestamp => format!("CAST({} AS CHAR)", utc(value)),
        }
    }

    fn in_unicode(&self, value: &str) -> String {
        match self.column.charset.as_deref() {
            None | Some("utf8mb4") => value.to_owned(),
            Some(_) => format!("CONVERT({value} USING utf8mb4)"),
        }
    }

    /// Whether it may be a document that the server can take apart. MySQL writes its documents
    /// anew and was not tried.
    pub(super) fn has_documents(&self) -> bool {
        self.is_mariadb && matches!(self.form(), Form::Json | Form::Text)
    }

    /// The cell of an image as an argument of `JSON_OBJECT`, no longer than `limit` bytes of JSON.
    pub(super) fn shown(&self, value: &str, cell: &Cell<'_>, limit: usize) -> String {
        let Some(parts) = &cell.parts else {
            return self.json(value, cell.redaction, limit);
        };
        let plain = self.text(value);
        let whole = match undivided(parts) {
            Redaction::Truncate(length) => cut(&plain, length),
            Redaction::Hash => hash(&plain),
            _ => text(Redaction::MASK),
        };
        let hidden = parts::hidden(&plain, parts);
        let named = "audit_hidden.v";
        let (hidden, shown) = match (cell.redaction, self.form()) {
            (Some(Redaction::Truncate(length)), _) => (
                format!("COALESCE({hidden}, {whole})"),
                self.shortened(&cut(named, length), limit),
            ),
            (_, Form::Json) => (
                format!("COALESCE({hidden}, JSON_QUOTE({whole}))"),
                format!(
                    "IF(LENGTH({named}) > {}, {}, {named})",
                    ceiling(limit),
                    stand_in(named, &format!("LEFT({named}, {HEAD})")),
                ),
            ),
            _ => (
                format!("COALESCE({hidden}, {whole})"),
                self.shortened(named, limit),
            ),
        };
        // The table gives the hidden text a name, so that it is made once.
        let shown = format!(
            "COALESCE((SELECT {shown} FROM JSON_TABLE(JSON_ARRAY(CONCAT('', {hidden})), '$[*]' \
             COLUMNS (v LONGTEXT PATH '$')) AS audit_hidden), JSON_QUOTE({}))",
            text(Redaction::MASK),
        );
        format!("IF({value} IS NULL, NULL, {})", self.json_of(&shown))
    }

    /// The value as an argument of `JSON_OBJECT`, no longer than `limit` bytes of JSON.
    pub(super) fn json(&self, value: &str, redaction: Option<Redaction>, limit: usize) -> String {
        if let Some(how) = redaction {
            return self.redacted(value, how, limit);
        }
        match self.form() {
            Form::Counted => format!("{value} + 0"),
            Form::Exact => value.to_owned(),
            Form::Float => format!("CAST({value} AS DOUBLE)"),
            Form::Timestamp => utc(value),
            Form::Other => format!("CAST({value} AS CHAR)"),
            Form::Bytes => self.bytes(value, limit),
            Form::Json => self.document(value, limit),
            Form::Named | Form::Text => {
                let plain = self.in_unicode(value);
                if self.longest_text() > limit as u64 {
                    self.shortened(&plain, limit)
                } else {
                    plain
                }
            }
        }
    }

    /// The most bytes that the JSON of a text can have: every byte may become six.
    fn longest_text(&self) -> u64 {
        let octets = self.column.octets.unwrap_or(u64::MAX);
        octets.saturating_mul(6).saturating_add(2)
    }

    /// The most bytes that the JSON of this value can have, as far as its type tells.
    pub(super) fn longest(&self, limit: usize) -> u64 {
        let longest = match self.form() {
            Form::Bytes => self
                .column
                .octets
                .unwrap_or(u64::MAX)
                .saturating_mul(2)
                .saturating_add(BYTES_FRAME),
            Form::Json | Form::Named | Form::Text => self.longest_text(),
            _ => 80,
        };
        longest.min(limit as u64)
    }

    /// Whether the length of its JSON depends on the value.
    pub(super) fn has_length(&self) -> bool {
        matches!(
            self.form(),
            Form::Bytes | Form::Json | Form::Named | Form::Text
        )
    }

    /// Whether its JSON can be longer than a limit.
    pub(super) fn is_longer_than(&self, limit: usize) -> bool {
        self.longest(usize::MAX) > limit as u64
    }

    /// Whether a hash of the row takes the value's own hash instead of the value.
    pub(super) fn is_long(&self) -> bool {
        let octets = self.column.octets.unwrap_or(0);
        matches!(self.form(), Form::Bytes | Form::Json | Form::Text) && octets > 4096
            || (self.form() == Form::Bytes && self.column.octets.is_none())
    }

    fn json_of(&self, json_text: &str) -> String {
        if self.is_mariadb {
            format!("JSON_COMPACT({json_text})")
        } else {
            format!("CAST({json_text} AS JSON)")
        }
    }

    /// A text that may be too long. Escapes can make it six times as long, which is looked at
    /// only where it can matter.
    fn shortened(&self, plain: &str, limit: usize) -> String {
        let quoted = self.json_of(&format!("JSON_QUOTE({plain})"));
        format!(
            "IF(LENGTH({plain}) > {ceiling} OR (LENGTH({plain}) > {sure} AND \
             LENGTH(JSON_QUOTE({plain})) > {ceiling}), {stand_in}, {quoted})",
            ceiling = ceiling(limit),
            sure = limit / 6,
            stand_in = stand_in(plain, &format!("LEFT({plain}, {HEAD})")),
        )
    }

    fn document(&self, value: &str, limit: usize) -> String {
        if !self.is_mariadb && limit == usize::MAX {
            return value.to_owned();
        }
        if !self.is_mariadb {
            let head = format!("LEFT(CAST({value} AS CHAR), {HEAD})");
            return format!(
                "IF(LENGTH({value}) > {}, {}, {value})",
                ceiling(limit),
                stand_in(&format!("CAST({value} AS CHAR)"), &head),
            );
        }
        // The column itself is a document to the server, which JSON_COMPACT would write anew.
        let text = self.json_of(&format!("JSON_QUOTE({value})"));
        let whole =
            format!("IF(JSON_VALID({value}) AND NOT {value} REGEXP {MALFORMED}, {value}, {text})");
        if limit == usize::MAX {
            return whole;
        }
        format!(
            "IF(LENGTH({value}) > {}, {}, {whole})",
            ceiling(limit),
            stand_in(value, &format!("LEFT({value}, {HEAD})")),
        )
    }

    fn bytes(&self, value: &str, limit: usize) -> String {
        let whole = format!("JSON_OBJECT('$bytes', REPLACE(TO_BASE64({value}), CHAR(10), ''))");
        let kept = if self.longest(usize::MAX) > limit as u64 {
            let head = format!("CONCAT('\\\\x', LOWER(HEX(LEFT({value}, {HEAD}))))");
            format!(
                "IF(LENGTH({value}) > ({} - {BYTES_FRAME}) DIV 4 * 3, {}, {whole})",
                ceiling(limit),
                stand_in(value, &head),
            )
        } else {
            whole
        };
        format!("IF({value} IS NULL, NULL, {kept})")
    }

    fn redacted(&self, value: &str, how: Redaction, limit: usize) -> String {
        let mask = text(Redaction::MASK);
        match how {
            Redaction::Mask => format!("IF({value} IS NULL, NULL, {mask})"),
            Redaction::Truncate(length) => {
                let short = cut(&self.text(value), length);
                if usize::from(length) * 6 + 8 > limit {
                    self.shortened(&short, limit)
                } else {
                    short
                }
            }
            Redaction::Hash => format!("IF({value} IS NULL, NULL, {})", hash(&self.text(value))),
            _ => "NULL".to_owned(),
        }
    }

    /// Whether the column has the same bytes before and after, in a trigger.
    pub(super) fn is_same_in_trigger(&self) -> String {
        let column = super::name(&self.column.name);
        self.is_same(&format!("OLD.{column}"), &format!("NEW.{column}"))
    }

    /// Whether two values have the same bytes; NULL is the same as NULL.
    pub(super) fn is_same(&self, old: &str, new: &str) -> String {
        match self.form() {
            Form::Named => format!("{old} + 0 <=> {new} + 0"),
            Form::Timestamp => format!("UNIX_TIMESTAMP({old}) <=> UNIX_TIMESTAMP({new})"),
            Form::Text | Form::Json if self.is_mariadb => {
                let charset = self.column.charset.as_deref().unwrap_or("utf8mb4");
                format!("{old} COLLATE {charset}_nopad_bin <=> {new}")
            }
            Form::Text => format!("CAST({old} AS BINARY) <=> CAST({new} AS BINARY)"),
            Form::Json => {
                format!(
                    "CAST(CAST({old} AS CHAR) AS BINARY) <=> CAST(CAST({new} AS CHAR) AS BINARY)"
                )
            }
            _ => format!("{old} <=> {new}"),
        }
    }
}

/// The first characters of a text, and a sign that there were more.
pub(super) fn cut(plain: &str, length: u16) -> String {
    let ellipsis = text(Redaction::ELLIPSIS);
    format!(
        "IF(CHAR_LENGTH({plain}) > {length}, CONCAT(LEFT({plain}, {length}), {ellipsis}), {plain})"
    )
}

/// HMAC (RFC 2104) over SHA-256: the connection holds the two padded keys. One that holds none
/// masks the value, because leaving NULL would say that it was NULL.
pub(super) fn hash(plain: &str) -> String {
    format!(
        "COALESCE(CONCAT({}, SHA2(CONCAT(@audit_hash_outer, UNHEX(SHA2(CONCAT(@audit_hash_inner, \
         CAST({plain} AS BINARY)), 256))), 256)), {})",
        text(Redaction::HASH_PREFIX),
        text(Redaction::MASK),
    )
}

/// The limit of a cell where the session's own may be lower: functions give NULL beyond it.
fn ceiling(limit: usize) -> String {
    format!("LEAST({limit}, @@max_allowed_packet DIV 8)")
}

/// What is written in place of a value that is too long.
fn stand_in(value: &str, head: &str) -> String {
    format!("JSON_OBJECT('$truncated', JSON_OBJECT('len', LENGTH({value}), 'head', {head}))")
}

/// A TIMESTAMP in UTC, whatever the time zone of the session.
fn utc(value: &str) -> String {
    format!(
        "IF(UNIX_TIMESTAMP({value}) = 0, '0000-00-00 00:00:00', \
         TIMESTAMP'1970-01-01 00:00:00' + INTERVAL UNIX_TIMESTAMP({value}) SECOND)"
    )
}
