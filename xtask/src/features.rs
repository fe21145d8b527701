//! `cargo xtask features`: whether each crate that users choose features of builds with any of them
//! alone. Everything else is built with all of them at once, where one feature can hide what another
//! lacks.

use anyhow::{Result, bail};

use crate::metadata::Metadata;
use crate::process;
use crate::workspace::{LINKED, cargo, has_mariadb_client};

/// The crates: those between the application and its libraries.
const CRATES: [&str; 4] = ["audit-tower", "audit-sqlx", "audit-seaorm", "audit-diesel"];

/// Checks each crate without features, and with each of them.
///
/// # Errors
///
/// With every one that does not build or has a warning.
pub fn run() -> Result<()> {
    let unlinkable = match has_mariadb_client() {
        true => "",
        false => LINKED,
    };
    let mut faults = Vec::new();
    for (package, feature) in alone(&Metadata::load()?, unlinkable) {
        println!("{package}/{feature}");
        let mut command = cargo();
        command.args(["clippy", "--quiet", "--package", &package]);
        command.args(["--features", &feature, "--", "--deny", "warnings"]);
        if process::must(&mut command).is_err() {
            faults.push(format!("{package}/{feature}"));
        }
    }
    if !faults.is_empty() {
        bail!("these do not build alone: {}", faults.join(", "));
    }
    Ok(())
}

/// The crates with each of their features that can be built here, and with none.
fn alone(metadata: &Metadata, unlinkable: &str) -> Vec<(String, String)> {
    let ours = metadata
        .members()
        .filter(|member| CRATES.contains(&&*member.name));
    let each = ours.flat_map(|member| {
        let features = std::iter::once(String::new()).chain(member.features.keys().cloned());
        features.map(|feature| (member.name.clone(), feature))
    });
    each.filter(|(package, feature)| {
        let name = format!("{package}/{feature}");
        unlinkable
            .split(',')
            .all(|needs_library| needs_library != name)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_feature_is_alone_once() {
        let text = r#"{
            "packages": [
                {"id": "a", "name": "audit-diesel", "version": "1.0.0", "manifest_path": "/a",
                 "dependencies": [], "features": {"mysql": [], "sqlite": []}},
                {"id": "b", "name": "other", "version": "1.0.0", "manifest_path": "/b",
                 "dependencies": [], "features": {"more": []}}
            ],
            "workspace_members": ["a", "b"],
            "resolve": {"nodes": []}
        }"#;
        let metadata = Metadata::parse(text).expect("metadata");
        let features = |unlinkable| -> Vec<String> {
            let alone = alone(&metadata, unlinkable);
            alone.into_iter().map(|(_, feature)| feature).collect()
        };
        assert_eq!(features(""), ["", "mysql", "sqlite"]);
        assert_eq!(
            features("audit-bench/mysql,audit-diesel/mysql"),
            ["", "sqlite"]
        );
    }
}
