//! `cargo xtask features`: whether each crate that users choose features of builds without a warning
//! with any of them alone. Everything else is built with all of them at once, where one feature can hide what another
//! lacks. It builds the libraries anew for each, which takes minutes: it is no step of `ci`.

use anyhow::{Result, bail};

use crate::metadata::Metadata;
use crate::process;
use crate::workspace::{LINKED, cargo, has_mariadb_client};

/// The crates, those between the application and its libraries, and the feature that one cannot do
/// without.
const CRATES: [(&str, &str); 4] = [
    ("audit-tower", ""),
    ("audit-sqlx", ""),
    ("audit-seaorm", "sqlite"),
    ("audit-diesel", ""),
];

/// Checks each crate with as few features as it can do with, and with each of them.
///
/// # Errors
///
/// With every one that does not build.
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
    let ours = metadata.members().filter_map(|member| {
        let found = CRATES.iter().find(|(name, _)| *name == member.name);
        found.map(|(_, least)| (member, *least))
    });
    let each = ours.flat_map(|(member, least)| {
        let features = member
            .features
            .keys()
            .filter(move |feature| **feature != least);
        let features = features.map(move |feature| match least {
            "" => feature.clone(),
            least => format!("{least},{feature}"),
        });
        let features = std::iter::once(least.to_owned()).chain(features);
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
                {"id": "c", "name": "audit-seaorm", "version": "1.0.0", "manifest_path": "/c",
                 "dependencies": [], "features": {"entity": [], "sqlite": []}},
                {"id": "b", "name": "other", "version": "1.0.0", "manifest_path": "/b",
                 "dependencies": [], "features": {"more": []}}
            ],
            "workspace_members": ["a", "b", "c"],
            "resolve": {"nodes": []}
        }"#;
        let metadata = Metadata::parse(text).expect("metadata");
        let features = |unlinkable| -> Vec<String> {
            let alone = alone(&metadata, unlinkable);
            alone.into_iter().map(|(_, feature)| feature).collect()
        };
        let of_seaorm = ["sqlite", "sqlite,entity"];
        assert_eq!(
            features(""),
            [&["", "mysql", "sqlite"][..], &of_seaorm].concat()
        );
        let linkable = features("audit-bench/mysql,audit-diesel/mysql");
        assert_eq!(linkable, [&["", "sqlite"][..], &of_seaorm].concat());
    }
}
