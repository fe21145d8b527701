//! The closed word lists of an event, each with the exact text that the columns and the wire carry.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::query::OneOf;

/// A text that is not one of the words an event field may hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is not {expected}; use one of {allowed}")]
pub struct UnknownWord {
    word: String,
    expected: &'static str,
    allowed: String,
}

impl UnknownWord {
    /// The text that was refused.
    #[must_use]
    pub fn word(&self) -> &str {
        &self.word
    }
}

/// Expands to an enum whose variants each carry their wire text: `as_str`, `ALL`, `Display`,
/// `FromStr` and serde all use that text, so a word is written in one place.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident, $expected:literal {
        $($(#[$variant_meta:meta])* $variant:ident = $text:literal),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_meta])* #[serde(rename = $text)] $variant),+
        }

        impl $name {
            /// Every word of this list, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The text in columns and on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(self.as_str())
            }
        }

        impl OneOf<Self> for $name {
            fn into_values(self) -> Vec<Self> {
                vec![self]
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $($text => Ok(Self::$variant),)+
                    other => Err(UnknownWord {
                        word: other.to_owned(),
                        expected: $expected,
                        allowed: [$(concat!("`", $text, "`")),+].join(", "),
                    }),
                }
            }
        }
    };
}

words! {
    /// What was done to a row, a table or the system.
    Operation, "an operation" {
        /// A business event recorded by the application itself.
        Custom = "CUSTOM",
        /// A change of the schema or of the audit settings.
        Ddl = "DDL",
        /// A row was removed.
        Delete = "DELETE",
        /// A row was added.
        Insert = "INSERT",
        /// Rows were read.
        Select = "SELECT",
        /// A table was emptied; there are no row images.
        Truncate = "TRUNCATE",
        /// A row was changed.
        Update = "UPDATE",
    }
}

words! {
    /// How the attempt ended.
    Outcome, "an outcome" {
        /// The actor was not allowed to do it.
        Denied = "denied",
        /// It was tried and failed.
        Failure = "failure",
        /// It was done.
        Success = "success",
    }
}

words! {
    /// What kind of party acted.
    ActorKind, "an actor kind" {
        /// A request without credentials, seen by a middleware.
        Anonymous = "anonymous",
        /// Another program, by its own credentials.
        Service = "service",
        /// The application itself, without a request.
        System = "system",
        /// Nobody said who; never a guess.
        Unknown = "unknown",
        /// A person.
        User = "user",
    }
}

words! {
    /// How far the actor's identity was proved.
    Assurance, "an assurance" {
        /// The application's own authentication said so.
        Asserted = "asserted",
        /// Taken from a token whose signature nobody checked.
        Unverified = "unverified",
        /// A signature over the identity was checked.
        Verified = "verified",
    }
}

words! {
    /// How much an event matters, from least to most.
    Severity, "a severity" {
        /// Everyday change.
        Low = "low",
        /// Worth a look in a review.
        Medium = "medium",
        /// Worth a look today.
        High = "high",
        /// Worth a look now.
        Critical = "critical",
    }
}

words! {
    /// How sensitive the data is, from least to most.
    DataClass, "a data class" {
        /// Anyone may see it.
        Public = "public",
        /// Everyone in the organisation may see it.
        Internal = "internal",
        /// Those who need it may see it.
        Confidential = "confidential",
        /// Named people may see it.
        Restricted = "restricted",
    }
}

words! {
    /// Which part of the system wrote the event.
    Source, "a source" {
        /// The statement that made the change.
        Inline = "inline",
        /// The background lane for events outside a transaction.
        Lane = "lane",
        /// The application, by `record`.
        Manual = "manual",
        /// A trigger of the audit log.
        Trigger = "trigger",
        /// The write-ahead log.
        Wal = "wal",
    }
}

words! {
    /// How much of an updated row the images hold.
    Snapshot, "a snapshot mode" {
        /// Only the columns that changed.
        Changed = "changed",
        /// Every column.
        Full = "full",
    }
}

words! {
    /// An index of the log that `migrate` makes when it is asked to.
    LogIndex, "an index of the log" {
        /// What was done by a business verb: by `action`.
        Action = "action",
        /// Who did what: by `actor_id`.
        Actor = "actor",
        /// What a request did: by `request_id`.
        Request = "request",
        /// What happened in a tenant: by `tenant_id`.
        Tenant = "tenant",
        /// What a database transaction did: by `transaction_id`.
        Transaction = "transaction",
    }
}

words! {
    /// The SQL dialect of a database.
    Dialect, "a dialect" {
        /// MySQL and MariaDB.
        MySql = "mysql",
        /// PostgreSQL.
        Postgres = "postgres",
        /// SQLite.
        Sqlite = "sqlite",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back_as_itself() {
        for operation in Operation::ALL {
            assert_eq!(operation.as_str().parse(), Ok(*operation));
        }
        for severity in Severity::ALL {
            let json = serde_json::to_string(severity).unwrap();
            assert_eq!(json, format!("\"{severity}\""));
            assert_eq!(serde_json::from_str::<Severity>(&json).unwrap(), *severity);
        }
    }

    #[test]
    fn an_unknown_word_is_refused_with_the_words_that_are_known() {
        let error = "loud".parse::<Severity>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`loud` is not a severity; use one of `low`, `medium`, `high`, `critical`"
        );
    }

    #[test]
    fn severities_are_ordered() {
        assert!(Severity::Critical > Severity::High && Severity::Medium > Severity::Low);
    }
}
