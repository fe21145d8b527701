//! Which tool runs the migrations of an application.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use clap::ValueEnum;
use toml::Table;

use crate::config;
use crate::fault::Fault;

/// A tool that runs migrations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tool {
    /// `diesel migration run`, and `FileBasedMigrations`
    Diesel,
    /// `sea-orm-cli migrate`, and migrators
    SeaOrm,
    /// `sqlx migrate run`, and `sqlx::migrate!`
    Sqlx,
}

/// What an application depends on, and the tool that comes with it; what is first in a list decides.
const ADAPTERS: [(&str, Tool); 3] = [
    ("audit-diesel", Tool::Diesel),
    ("audit-seaorm", Tool::SeaOrm),
    ("audit-sqlx", Tool::Sqlx),
];
const LIBRARIES: [(&str, Tool); 4] = [
    ("diesel", Tool::Diesel),
    ("sea-orm", Tool::SeaOrm),
    ("sea-orm-migration", Tool::SeaOrm),
    ("sqlx", Tool::Sqlx),
];

impl Tool {
    const MANIFEST: &'static str = "Cargo.toml";

    /// The tool of the crate in the working folder, by its dependencies.
    pub(crate) fn detect() -> Result<Self, Fault> {
        match fs::read_to_string(Self::MANIFEST) {
            Ok(text) => Self::of_manifest(&text),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(Fault::NoTool),
            Err(source) => Err(Fault::ConfigFile {
                path: PathBuf::from(Self::MANIFEST),
                source,
            }),
        }
    }

    fn of_manifest(text: &str) -> Result<Self, Fault> {
        let manifest: Table =
            toml::from_str(text).map_err(|error| config::fault(Self::MANIFEST, text, &error))?;
        let names = dependencies(&manifest);
        for list in [&ADAPTERS[..], &LIBRARIES[..]] {
            let mut found: Vec<&(&str, Self)> = list.iter().collect();
            found.retain(|(name, _)| names.iter().any(|known| known == name));
            if let Some((_, tool)) = found.first() {
                if found.iter().all(|(_, other)| other == tool) {
                    return Ok(*tool);
                }
                let names: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
                return Err(Fault::AmbiguousTool {
                    found: names.join("`, `"),
                });
            }
        }
        Err(Fault::NoTool)
    }
}

/// The packages that a manifest names, whatever it calls them.
fn dependencies(manifest: &Table) -> Vec<String> {
    let table =
        |table: &Table, name: &str| table.get(name).and_then(|value| value.as_table().cloned());
    let mut lists: Vec<Table> = table(manifest, "dependencies").into_iter().collect();
    let workspace = table(manifest, "workspace");
    lists.extend(workspace.and_then(|workspace| table(&workspace, "dependencies")));
    for (_, target) in table(manifest, "target").into_iter().flatten() {
        lists.extend(
            target
                .as_table()
                .and_then(|target| table(target, "dependencies")),
        );
    }
    let package = |(name, value): (String, toml::Value)| {
        let package = value.get("package").and_then(toml::Value::as_str);
        package.map_or(name, str::to_owned)
    };
    lists.into_iter().flatten().map(package).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_known_by_what_a_crate_depends_on() {
        for (text, tool) in [
            ("[dependencies]\nsqlx = '0.9'", Tool::Sqlx),
            ("[dependencies]\ndiesel = { version = '2' }", Tool::Diesel),
            (
                "[dependencies.sea-orm-migration]\nversion = '2'",
                Tool::SeaOrm,
            ),
            // The adapter says more than what lies under it.
            (
                "[dependencies]\nsqlx = '0.9'\naudit-seaorm = '0.1'",
                Tool::SeaOrm,
            ),
            (
                "[dependencies]\ndb = { package = 'diesel', version = '2' }",
                Tool::Diesel,
            ),
            ("[workspace.dependencies]\naudit-sqlx = '0.1'", Tool::Sqlx),
            (
                "[target.'cfg(unix)'.dependencies]\nsqlx = '0.9'",
                Tool::Sqlx,
            ),
        ] {
            assert_eq!(Tool::of_manifest(text).unwrap(), tool, "{text}");
        }
        let both = "[dependencies]\nsqlx = '0.9'\ndiesel = '2'";
        let told = Tool::of_manifest(both).unwrap_err().to_string();
        assert!(told.contains("`diesel`, `sqlx`"), "{told}");
        for none in ["", "[dependencies]\nserde = '1'", "dependencies = 3"] {
            let told = Tool::of_manifest(none).unwrap_err();
            assert!(matches!(told, Fault::NoTool), "{told}");
        }
        let told = Tool::of_manifest("[dependencies]\nsqlx =\n")
            .unwrap_err()
            .to_string();
        assert!(told.starts_with("line 2 of `Cargo.toml`"), "{told}");
    }
}
