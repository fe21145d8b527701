//! `cargo xtask layers`: which crate may depend on which.

mod table;

use anyhow::{Result, bail};

use self::table::{BANNED, EDGES, FEATURES_OF, LIBRARIES, SINGLE, TESTED_WITH, UNREACHABLE};
use crate::metadata::{Metadata, Package};

/// Checks the dependencies against the table.
///
/// # Errors
///
/// With every dependency that the table does not allow.
pub fn run() -> Result<()> {
    let faults = faults(&Metadata::load()?);
    if !faults.is_empty() {
        bail!(
            "dependencies that `xtask/src/layers/table.rs` does not allow:\n    {}",
            faults.join("\n    ")
        );
    }
    println!("all dependencies are allowed");
    Ok(())
}

fn faults(metadata: &Metadata) -> Vec<String> {
    let names: Vec<&str> = metadata.members().map(|member| &*member.name).collect();
    let mut faults: Vec<String> = metadata
        .members()
        .flat_map(|member| edge_faults(member, &names))
        .collect();
    for (member, unwanted) in UNREACHABLE {
        let reached = metadata.reached_from(member);
        faults.extend(
            reached
                .iter()
                .filter(|package| unwanted.contains(&&*package.name))
                .map(|package| format!("`{member}` reaches `{}`", package.name)),
        );
    }
    let banned = metadata
        .built()
        .filter(|package| BANNED.contains(&&*package.name));
    faults.extend(banned.map(|package| format!("`{}` is built", package.name)));
    for single in SINGLE {
        let versions: Vec<_> = metadata
            .built()
            .filter(|package| package.name == *single)
            .map(|package| &*package.version)
            .collect();
        if versions.len() != 1 {
            faults.push(format!(
                "`{single}` is built as {versions:?}, not in one version"
            ));
        }
    }
    faults
}

/// What is wrong with the dependencies one member declares.
fn edge_faults(member: &Package, names: &[&str]) -> Vec<String> {
    let Some((_, allowed)) = EDGES.iter().find(|(name, _)| *name == member.name) else {
        return vec![format!(
            "`{}` has no row in the table; add one",
            member.name
        )];
    };
    let mut faults = Vec::new();
    for dependency in &member.dependencies {
        let name = &*dependency.name;
        let is_dev = dependency.kind.as_deref() == Some("dev");
        let is_tested_with =
            LIBRARIES.contains(&name) || TESTED_WITH.contains(&(member.name.as_str(), name));
        let is_allowed = allowed.contains(&name) || (is_dev && is_tested_with);
        if names.contains(&name) && !is_allowed {
            faults.push(format!("`{}` depends on `{name}`", member.name));
        }
        let limit = FEATURES_OF
            .iter()
            .find(|(owner, other, _)| !is_dev && *owner == member.name && *other == name);
        if let Some((_, _, features)) = limit {
            let extra = dependency
                .features
                .iter()
                .find(|f| !features.contains(&f.as_str()));
            let extra = extra.map(String::as_str);
            let default = dependency.uses_default_features.then_some("default");
            if let Some(feature) = extra.or(default) {
                faults.push(format!(
                    "`{}` takes feature `{feature}` of `{name}`",
                    member.name
                ));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// Name and kind.
    type Declared = (&'static str, Option<&'static str>);

    /// A workspace in which each member depends on what is listed, by name and kind, and every
    /// package of `outside` exists.
    fn metadata(members: &[(&str, &[Declared])], outside: &[(&str, &str)]) -> Metadata {
        let package = |name: &str, id: &str, dependencies: &[Declared]| {
            let dependency = |(name, kind): &Declared| {
                json!({"name": name, "kind": kind, "features": ["rt"],
                       "uses_default_features": false})
            };
            json!({"id": id, "name": name, "version": "1.0.0", "license": "MIT", "source": null,
                   "manifest_path": "Cargo.toml",
                   "dependencies": dependencies.iter().map(dependency).collect::<Vec<_>>()})
        };
        let node = |id: &str, dependencies: &[(&str, Option<&str>)]| {
            let edge = |(name, kind): &(&str, Option<&str>)| json!({"pkg": name, "dep_kinds": [{"kind": kind}]});
            json!({"id": id, "deps": dependencies.iter().map(edge).collect::<Vec<_>>()})
        };
        let packages: Vec<Value> = members
            .iter()
            .map(|(name, dependencies)| package(name, name, dependencies))
            .chain(outside.iter().map(|(name, id)| package(name, id, &[])))
            .collect();
        let nodes: Vec<Value> = members
            .iter()
            .map(|(name, dependencies)| node(name, dependencies))
            .chain(outside.iter().map(|(_, id)| node(id, &[])))
            .collect();
        let text = json!({"packages": packages, "resolve": {"nodes": nodes},
            "workspace_members": members.iter().map(|(name, _)| name).collect::<Vec<_>>()});
        Metadata::parse(&text.to_string()).expect("is well formed")
    }

    const SQLITE: (&str, &str) = ("libsqlite3-sys", "libsqlite3-sys");

    #[test]
    fn a_sound_workspace_has_no_faults() {
        let metadata = metadata(
            &[
                (
                    "audit-core",
                    &[("tokio", None), ("audit-testkit", Some("dev"))],
                ),
                ("audit-capture", &[("audit-core", None)]),
                ("audit-testkit", &[("audit-core", None)]),
                (
                    "audit-sqlite",
                    &[("audit-core", None), ("libsqlite3-sys", None)],
                ),
            ],
            &[SQLITE, ("tokio", "tokio")],
        );
        assert_eq!(faults(&metadata), Vec::<String>::new());
    }

    #[test]
    fn an_edge_that_is_not_in_the_table_is_named() {
        let metadata = metadata(
            &[
                ("audit-core", &[]),
                ("audit-tower", &[]),
                ("audit-jwt", &[("audit-tower", None)]),
                ("audit-capture", &[("quickstart", Some("dev"))]),
                ("quickstart", &[]),
                ("audit-new", &[]),
            ],
            &[SQLITE],
        );
        let faults = faults(&metadata);
        assert_eq!(faults.len(), 3, "{faults:?}");
        assert_eq!(
            faults.first().map(String::as_str),
            Some("`audit-jwt` depends on `audit-tower`")
        );
        assert!(faults.iter().any(|fault| fault.contains("`quickstart`")));
        assert!(
            faults
                .iter()
                .any(|fault| fault.contains("`audit-new` has no row"))
        );
    }

    #[test]
    fn core_reaches_no_driver_even_through_others() {
        let through = metadata(
            &[
                ("audit-core", &[("harmless", None)]),
                ("harmless", &[("hyper", None)]),
            ],
            &[SQLITE, ("hyper", "hyper")],
        );
        assert!(faults(&through).contains(&"`audit-core` reaches `hyper`".to_owned()));
        let in_tests = metadata(
            &[
                ("audit-core", &[("harmless", None)]),
                ("harmless", &[("hyper", Some("dev"))]),
            ],
            &[SQLITE, ("hyper", "hyper")],
        );
        assert!(
            !faults(&in_tests)
                .iter()
                .any(|fault| fault.contains("hyper"))
        );
    }

    #[test]
    fn core_takes_one_feature_of_tokio() {
        let mut metadata = metadata(&[("audit-core", &[("tokio", None)])], &[SQLITE]);
        assert!(faults(&metadata).is_empty());
        for package in &mut metadata.packages {
            for dependency in &mut package.dependencies {
                dependency.features.push("net".to_owned());
            }
        }
        assert_eq!(
            faults(&metadata),
            ["`audit-core` takes feature `net` of `tokio`"]
        );
    }

    #[test]
    fn one_sqlite_and_no_other_tls() {
        let two = metadata(
            &[("audit-core", &[])],
            &[SQLITE, ("libsqlite3-sys", "other")],
        );
        assert_eq!(faults(&two).len(), 1);
        let none = metadata(&[("audit-core", &[])], &[]);
        assert_eq!(faults(&none).len(), 1);
        let tls = metadata(
            &[("audit-core", &[])],
            &[SQLITE, ("openssl-sys", "openssl-sys")],
        );
        assert_eq!(faults(&tls), ["`openssl-sys` is built"]);
    }
}
