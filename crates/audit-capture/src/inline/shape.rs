//! Which kind of statement a text is, and where its parts begin and end.

use std::ops::Range;

use super::Uncapturable;
use super::statement::Statement;

/// What a statement is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// It changes no row by itself; what it calls may.
    Quiet,
    /// It changes the rows of one table.
    Write(Box<Write>),
    /// It fills a table in a way of its own: `COPY`, `MERGE` and `TRUNCATE`.
    Other(&'static str, Vec<Name>),
}

/// What a statement does to its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Delete,
    Insert,
    Update,
}

/// What becomes of a row that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conflict {
    Fails,
    Nothing,
    Update,
}

/// The name of a table as a statement says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) schema: Option<String>,
    pub(crate) table: String,
}

/// A statement that changes one table; the ranges are bytes of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Write {
    pub(crate) verb: Verb,
    /// Its `WITH` and what follows up to its verb.
    pub(crate) with: Option<Range<usize>>,
    /// From its verb to before `RETURNING`.
    pub(crate) body: Range<usize>,
    pub(crate) only: bool,
    pub(crate) name: Name,
    /// What its rows are called in it: the alias, or the name of the table.
    pub(crate) alias: Range<usize>,
    /// The same as the database knows it.
    called: String,
    /// Between `SET` and what follows.
    pub(crate) set: Option<Range<usize>>,
    /// What stands behind `FROM` of an UPDATE, or `USING` of a DELETE.
    pub(crate) from: Option<Range<usize>>,
    /// What stands behind `WHERE`.
    pub(crate) condition: Option<Range<usize>>,
    pub(crate) conflict: Conflict,
    /// What stands behind `RETURNING`.
    pub(crate) returning: Option<Range<usize>>,
}

impl Write {
    /// Whether a name means the rows of the table.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.called == name
    }
}

/// Statements that change no row of a table.
const QUIET: &[&str] = &[
    "ABORT",
    "ALTER",
    "ANALYSE",
    "ANALYZE",
    "BEGIN",
    "CHECKPOINT",
    "CLOSE",
    "CLUSTER",
    "COMMENT",
    "COMMIT",
    "CREATE",
    "DEALLOCATE",
    "DECLARE",
    "DISCARD",
    "DROP",
    "END",
    "FETCH",
    "GRANT",
    "IMPORT",
    "LISTEN",
    "LOAD",
    "LOCK",
    "MOVE",
    "NOTIFY",
    "REASSIGN",
    "REFRESH",
    "REINDEX",
    "RELEASE",
    "RESET",
    "REVOKE",
    "ROLLBACK",
    "SAVEPOINT",
    "SECURITY",
    "SELECT",
    "SET",
    "SHOW",
    "START",
    "TABLE",
    "UNLISTEN",
    "VACUUM",
    "VALUES",
];

/// The verbs that a `WITH` can stand before.
const AFTER_WITH: &[&str] = &[
    "DELETE", "INSERT", "MERGE", "SELECT", "TABLE", "UPDATE", "VALUES",
];

impl Statement<'_> {
    /// Where the verb stands: behind what a WITH names.
    fn verb(&self) -> usize {
        let opened = (0..self.len()).find(|&at| self.at(at) != "(");
        let first = opened.unwrap_or(0);
        if !self.is(first, "WITH") {
            return first;
        }
        let depth = self.depth(first);
        let follows_query = |at: usize| {
            let before = self.before(at);
            !matches!(before, "," | "(")
                && !before.eq_ignore_ascii_case("with")
                && !before.eq_ignore_ascii_case("recursive")
        };
        (first..self.len())
            .find(|&at| self.depth(at) == depth && self.is_any(at, AFTER_WITH) && follows_query(at))
            .unwrap_or(first)
    }

    /// Whether a statement inside this one changes rows.
    fn changes_rows_within(&self) -> bool {
        (1..self.len()).any(|at| {
            self.depth(at).is_some_and(|depth| depth > 0)
                && matches!(self.before(at), "(" | ")")
                && (self.is_any(at, &["INSERT", "MERGE"]) && self.is(at + 1, "INTO")
                    || self.is(at, "DELETE") && self.is(at + 1, "FROM")
                    || self.is(at, "UPDATE") && self.is_name(at + 1))
        })
    }

    /// What the statement is.
    ///
    /// # Errors
    /// When it may change rows that nothing in the text shows.
    pub(crate) fn shape(&self) -> Result<Shape, Uncapturable> {
        let verb = self.verb();
        let word = self.at(verb).to_ascii_uppercase();
        if word == "EXPLAIN" {
            let all = self.span(0..self.len());
            let runs = self.has_word("ANALYZE", &all) || self.has_word("ANALYSE", &all);
            let writes = ["INSERT", "UPDATE", "DELETE", "MERGE", "EXECUTE"];
            return if runs && writes.iter().any(|word| self.has_word(word, &all)) {
                Err(Uncapturable::Explain)
            } else {
                Ok(Shape::Quiet)
            };
        }
        if self.changes_rows_within() {
            return Err(Uncapturable::Within);
        }
        match word.as_str() {
            "DELETE" => self.delete(verb),
            "INSERT" => self.insert(verb),
            "UPDATE" => self.update(verb),
            "COPY" => self.copy(verb),
            "TRUNCATE" => self.truncate(verb),
            "MERGE" => {
                let into = verb + 1 + usize::from(self.is(verb + 1, "INTO"));
                let (name, _) = self.table(into + usize::from(self.is(into, "ONLY")))?;
                Ok(Shape::Other("MERGE", vec![name]))
            }
            "PREPARE" if self.is(verb + 1, "TRANSACTION") => Ok(Shape::Quiet),
            "CALL" | "DO" | "EXECUTE" | "PREPARE" => Err(Uncapturable::Hidden { verb: word }),
            _ if QUIET.contains(&word.as_str()) => Ok(Shape::Quiet),
            _ => Err(Uncapturable::Unknown { verb: word }),
        }
    }

    /// The name of a table, and what stands behind it.
    fn table(&self, at: usize) -> Result<(Name, usize), Uncapturable> {
        let mut parts = Vec::new();
        let mut at = at;
        loop {
            parts.push(self.named(at).ok_or(Uncapturable::Unreadable)?);
            at += 1;
            if self.at(at) != "." {
                break;
            }
            at += 1;
        }
        let table = parts.pop().unwrap_or_default();
        let schema = parts.pop();
        // What stands behind a name for its children.
        at += usize::from(self.at(at) == "*");
        Ok((Name { schema, table }, at))
    }

    /// What rows are called, where a name for them may follow without AS unless it is one of these
    /// words; and what stands behind it.
    fn alias(&self, name: usize, at: usize, words: Option<&[&str]>) -> (Range<usize>, usize) {
        if self.at(at).eq_ignore_ascii_case("as") {
            return (self.span(at + 1..at + 2), at + 2);
        }
        match words {
            Some(words) if self.is_name(at) && !self.is_any(at, words) => {
                (self.span(at..at + 1), at + 1)
            }
            _ => {
                let last = at - 1 - usize::from(self.at(at - 1) == "*");
                (self.span(last.max(name)..last.max(name) + 1), at)
            }
        }
    }

    /// The name that takes these bytes.
    fn called(&self, bytes: &Range<usize>) -> String {
        let at = (0..self.len()).find(|&at| bytes.contains(&self.start(at)));
        at.and_then(|at| self.named(at)).unwrap_or_default()
    }

    /// What a WITH before the verb holds.
    fn with(&self, verb: usize) -> Option<Range<usize>> {
        (verb > 0).then(|| self.span(0..verb))
    }

    /// What is between a word and the next of those that may follow it.
    fn clause(&self, at: Option<usize>, following: &[Option<usize>]) -> Option<Range<usize>> {
        let at = at?;
        let next = following.iter().flatten().copied().find(|next| *next > at);
        Some(self.span(at + 1..next.unwrap_or(self.len())))
    }

    fn delete(&self, verb: usize) -> Result<Shape, Uncapturable> {
        let only = self.is(verb + 2, "ONLY");
        let name_at = verb + 2 + usize::from(only);
        let (name, at) = self.table(name_at)?;
        let (alias, at) = self.alias(name_at, at, Some(&["USING", "WHERE", "RETURNING"]));
        let from = self.find(at, &["USING"]);
        let condition = self.find(at, &["WHERE"]);
        let returning = self.find(at, &["RETURNING"]);
        let from = from.filter(|from| condition.or(returning).is_none_or(|next| *from < next));
        Ok(Shape::Write(Box::new(Write {
            verb: Verb::Delete,
            with: self.with(verb),
            body: self.span(verb..returning.unwrap_or(self.len())),
            only,
            name,
            called: self.called(&alias),
            alias,
            set: None,
            from: self.clause(from, &[condition, returning]),
            condition: self.clause(condition, &[returning]),
            conflict: Conflict::Fails,
            returning: self.clause(returning, &[]),
        })))
    }

    fn update(&self, verb: usize) -> Result<Shape, Uncapturable> {
        let only = self.is(verb + 1, "ONLY");
        let name_at = verb + 1 + usize::from(only);
        let (name, at) = self.table(name_at)?;
        let (alias, at) = self.alias(name_at, at, Some(&["SET"]));
        let set = self.find(at, &["SET"]).ok_or(Uncapturable::Unreadable)?;
        let returning = self.find(set, &["RETURNING"]);
        let until = |at: &usize| returning.is_none_or(|returning| *at < returning);
        let condition = self.find(set, &["WHERE"]).filter(until);
        let from = self.find(set, &["FROM"]).filter(until);
        let from = from.filter(|from| condition.is_none_or(|condition| *from < condition));
        Ok(Shape::Write(Box::new(Write {
            verb: Verb::Update,
            with: self.with(verb),
            body: self.span(verb..returning.unwrap_or(self.len())),
            only,
            name,
            called: self.called(&alias),
            alias,
            set: self.clause(Some(set), &[from, condition, returning]),
            from: self.clause(from, &[condition, returning]),
            condition: self.clause(condition, &[returning]),
            conflict: Conflict::Fails,
            returning: self.clause(returning, &[]),
        })))
    }

    fn insert(&self, verb: usize) -> Result<Shape, Uncapturable> {
        let name_at = verb + 2;
        let (name, at) = self.table(name_at)?;
        let (alias, at) = self.alias(name_at, at, None);
        let returning = self.find(at, &["RETURNING"]);
        let action = (at..returning.unwrap_or(self.len())).rfind(|&at| {
            self.depth(at) == Some(0)
                && self.is(at, "DO")
                && self.is_any(at + 1, &["NOTHING", "UPDATE"])
        });
        let conflict = match action {
            None => Conflict::Fails,
            Some(action) if self.is(action + 1, "UPDATE") => Conflict::Update,
            Some(_) => Conflict::Nothing,
        };
        let set = action.filter(|_| conflict == Conflict::Update);
        let condition = set.and_then(|set| self.find(set, &["WHERE"]));
        let condition = condition.filter(|at| returning.is_none_or(|returning| *at < returning));
        Ok(Shape::Write(Box::new(Write {
            verb: Verb::Insert,
            with: self.with(verb),
            body: self.span(verb..returning.unwrap_or(self.len())),
            only: false,
            name,
            called: self.called(&alias),
            alias,
            set: self.clause(set.map(|set| set + 2), &[condition, returning]),
            from: None,
            condition: None,
            conflict,
            returning: self.clause(returning, &[]),
        })))
    }

    fn copy(&self, verb: usize) -> Result<Shape, Uncapturable> {
        if self.at(verb + 1) == "(" || self.find(verb, &["FROM"]).is_none() {
            return Ok(Shape::Quiet);
        }
        let (name, _) = self.table(verb + 1)?;
        Ok(Shape::Other("COPY", vec![name]))
    }

    fn truncate(&self, verb: usize) -> Result<Shape, Uncapturable> {
        if self.find(verb, &["CASCADE"]).is_some() {
            return Err(Uncapturable::Emptied);
        }
        let mut at = verb + 1;
        at += usize::from(self.is(at, "TABLE"));
        let mut names = Vec::new();
        loop {
            at += usize::from(self.is(at, "ONLY"));
            let (name, next) = self.table(at)?;
            names.push(name);
            if self.at(next) != "," {
                return Ok(Shape::Other("TRUNCATE", names));
            }
            at = next + 1;
        }
    }
}
