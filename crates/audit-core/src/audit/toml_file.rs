//! Settings from a TOML file.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::{Audit, AuditBuilder, SettingsError};

/// What the file has for us; the rest of it is for others.
#[derive(Debug, Deserialize)]
struct File {
    audit: Option<AuditBuilder>,
}

impl Audit {
    /// Starts the settings from those under `[audit]` of a TOML file, by the names of the setters; the
    /// command `audit` reads the same file. What else is in the file is not looked at. The key of
    /// hashes is a secret and does not belong there: [`AuditBuilder::env`] takes it from the environment.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("audit.toml");
    /// # std::fs::write(&path, "[audit]\nservice = \"shop\"\n")?;
    /// use audit_core::Audit;
    ///
    /// let audit = Audit::from_toml_file(path)?.env()?.build()?;
    /// assert_eq!(audit.service(), Some("shop"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`SettingsError`]: the file cannot be read, a line of it is wrong, or it has no such settings.
    /// It names the line, and does not show what is in it.
    pub fn from_toml_file(path: impl AsRef<Path>) -> Result<AuditBuilder, SettingsError> {
        let path = path.as_ref();
        let text = fs::read_to_string(path).map_err(|source| SettingsError::File {
            path: path.to_owned(),
            source,
        })?;
        let file: Result<File, _> = toml::from_str(&text);
        let file = file.map_err(|error| {
            // The error's own text shows the line, and there may be a secret in it.
            let start = error.span().map_or(0, |span| span.start);
            let before = text.bytes().take(start);
            SettingsError::Line {
                path: path.to_owned(),
                line: 1 + before.filter(|byte| *byte == b'\n').count(),
                message: error.message().to_owned(),
            }
        })?;
        file.audit.ok_or_else(|| SettingsError::NoSettings {
            path: path.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<AuditBuilder, SettingsError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.toml");
        fs::write(&path, text).unwrap();
        Audit::from_toml_file(&path)
    }

    #[test]
    fn a_file_says_what_code_would() {
        let text = "database_url = 'sqlite:app.db'\n[audit]\nservice = 'shop'\n[other]\na = 1\n";
        let written = Audit::builder().service("shop");
        assert_eq!(format!("{:?}", of(text).unwrap()), format!("{written:?}"));
    }

    #[test]
    fn what_is_wrong_is_told_by_its_line() {
        for (text, line, word) in [
            ("[audit]\nservice = 'shop'\nsevice = 'x'\n", 3, "sevice"),
            ("[audit]\nhash_key = 'hunter2'\n", 2, "hash_key"),
            ("[audit]\nservice = hunter2\n", 2, ""),
            (
                "\n\n[[audit.table]]\npattern = 'a'\nredact = { b = 'blur' }\n",
                5,
                "blur",
            ),
        ] {
            let told = of(text).unwrap_err();
            assert!(
                matches!(told, SettingsError::Line { line: found, .. } if found == line),
                "{told}"
            );
            let told = told.to_string();
            assert!(told.contains(word) && !told.contains("hunter2"), "{told}");
        }
        for text in ["", "database_url = 'sqlite:app.db'\n"] {
            let told = of(text).unwrap_err();
            assert!(matches!(told, SettingsError::NoSettings { .. }), "{told}");
        }
        let nowhere = Audit::from_toml_file("no folder/audit.toml").unwrap_err();
        assert!(matches!(nowhere, SettingsError::File { .. }), "{nowhere}");
    }
}
