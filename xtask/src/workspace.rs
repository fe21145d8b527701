//! Where the workspace is, and how cargo is called in it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process;

/// The features every check and test is built with.
pub const FEATURES: &str = "audit-core/spawn,audit-jwt/rust-crypto,audit-tower/axum,\
    audit-sqlx/sqlite,audit-sqlx/postgres,audit-sqlx/mysql,audit-sqlx/executor,\
    audit-seaorm/sqlite,audit-seaorm/postgres,audit-seaorm/mysql,\
    audit-seaorm/entity,audit-seaorm/executor,audit-seaorm/migration,\
    audit-diesel/migrations,audit-diesel/schema,audit-diesel/sqlite-bundled,audit-diesel/postgres-bundled,\
    audit-diesel/deadpool-diesel,audit-diesel/executor,\
    audit-diesel/async-sqlite,audit-diesel/async-postgres,audit-diesel/async-mysql";

/// The features that link the client library of MariaDB: checked and tested where it is installed,
/// which a run with MariaDB sees to.
pub const LINKED: &str = "actix-diesel/mysql,audit-bench/mysql,audit-diesel/mysql";

/// Whether the client library of MariaDB can be linked here.
#[must_use]
pub fn has_mariadb_client() -> bool {
    let words = ["--exists", "libmariadb"];
    process::output(Command::new("pkg-config").args(words)).is_ok()
}

/// The folder of the workspace's `Cargo.toml`.
#[must_use]
pub fn root() -> PathBuf {
    let xtask = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    xtask
        .parent()
        .map_or_else(|| xtask.clone(), Path::to_path_buf)
}

/// The folder cargo builds in.
#[must_use]
pub fn target() -> PathBuf {
    let named = env::var_os("CARGO_TARGET_DIR").filter(|value| !value.is_empty());
    root().join(named.map_or_else(|| PathBuf::from("target"), PathBuf::from))
}

/// The cargo that called us, in the root of the workspace.
#[must_use]
pub fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// The part of [`FEATURES`] that belongs to these packages, all of it when none is named, and
/// [`LINKED`] where it can be.
#[must_use]
pub fn features(packages: &[String]) -> String {
    let linked = has_mariadb_client().then_some(LINKED);
    features_of(packages, [FEATURES].into_iter().chain(linked))
}

fn features_of<'a>(packages: &[String], lists: impl Iterator<Item = &'a str>) -> String {
    let belongs = |feature: &&str| {
        packages.is_empty()
            || feature
                .split_once('/')
                .is_some_and(|(owner, _)| packages.iter().any(|package| package == owner))
    };
    let all = lists.flat_map(|list| list.split(','));
    all.filter(belongs).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_the_workspace() {
        let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("a manifest");
        assert!(manifest.contains("[workspace]"));
    }

    #[test]
    fn a_package_brings_its_own_features() {
        let lists = ["audit-jwt/rust-crypto,audit-tower/axum", LINKED];
        let of = |packages: &[String]| features_of(packages, lists.into_iter());
        assert_eq!(of(&["audit-tower".to_owned()]), "audit-tower/axum");
        assert_eq!(of(&["audit-diesel".to_owned()]), "audit-diesel/mysql");
        assert_eq!(of(&["xtask".to_owned()]), "");
        assert_eq!(of(&[]), lists.join(","));
        assert!(features(&[]).starts_with(FEATURES));
    }
}
