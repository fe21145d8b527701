//! `cargo xtask deny`: the licences and the origin of what we depend on, by `deny.toml`.

use std::fs;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use spdx::{Expression, Licensee, ParseMode};

use crate::metadata::{Metadata, Package};
use crate::process;
use crate::workspace::{cargo, root};

/// The part of `deny.toml` we can check ourselves.
#[derive(Debug, Deserialize)]
struct Rules {
    licenses: Licenses,
    sources: Sources,
}

#[derive(Debug, Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
}

/// Runs `cargo deny`; without it, checks licences and sources by the same file.
///
/// # Errors
///
/// With every package that `deny.toml` does not allow.
pub fn run() -> Result<()> {
    if process::output(cargo().args(["deny", "--version"])).is_ok() {
        return process::must(cargo().args(["deny", "check", "licenses", "bans", "sources"]));
    }
    let file = root().join("deny.toml");
    let text = fs::read_to_string(&file).with_context(|| format!("`{}`", file.display()))?;
    let rules: Rules = toml::from_str(&text).context("`deny.toml`")?;
    let metadata = Metadata::load()?;
    let allowed = licensees(&rules.licenses.allow)?;
    let mut faults = Vec::new();
    let mut count = 0;
    for package in metadata.built() {
        count += 1;
        let name = format!("`{}` {}", package.name, package.version);
        faults.extend(licence_fault(package, &allowed).map(|fault| format!("{name}: {fault}")));
        faults
            .extend(source_fault(package, &rules.sources).map(|fault| format!("{name}: {fault}")));
    }
    if !faults.is_empty() {
        bail!(
            "packages that `deny.toml` does not allow:\n    {}",
            faults.join("\n    ")
        );
    }
    println!("licences and sources of {count} packages are allowed (cargo-deny is not installed)");
    Ok(())
}

fn licensees(names: &[String]) -> Result<Vec<Licensee>> {
    let parse = |name: &String| {
        Licensee::parse(name).with_context(|| format!("`{name}` in `deny.toml` is no licence"))
    };
    names.iter().map(parse).collect()
}

/// What is wrong with a package's licence: a choice needs one allowed part, a sum all.
fn licence_fault(package: &Package, allowed: &[Licensee]) -> Option<String> {
    let Some(text) = &package.license else {
        return Some("names no licence".to_owned());
    };
    // Older packages write `MIT/Apache-2.0`.
    match Expression::parse_mode(text, ParseMode::LAX) {
        Err(error) => Some(format!("licence `{text}` cannot be read: {}", error.reason)),
        Ok(expression) => {
            let is_allowed =
                expression.evaluate(|wanted| allowed.iter().any(|have| have.satisfies(wanted)));
            (!is_allowed).then(|| format!("licence `{text}` is not allowed"))
        }
    }
}

/// What is wrong with where a package comes from: a registry, or this workspace.
fn source_fault(package: &Package, sources: &Sources) -> Option<String> {
    let source = package.source.as_deref()?;
    let registry = source.strip_prefix("registry+").unwrap_or_default();
    let is_allowed = sources
        .allow_registry
        .iter()
        .any(|allowed| allowed == registry);
    (!is_allowed).then(|| format!("source `{source}` is not allowed"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn package(license: Option<&str>, source: Option<&str>) -> Package {
        serde_json::from_value(json!({"id": "x", "name": "x", "version": "1.0.0",
            "license": license, "source": source, "manifest_path": "x", "dependencies": []}))
        .expect("is well formed")
    }

    #[test]
    fn licences_are_weighed() {
        let allowed = ["MIT", "Apache-2.0", "Unicode-3.0"].map(str::to_owned);
        let allowed = licensees(&allowed).expect("known licences");
        for (license, fine) in [
            ("MIT", true),
            ("MIT OR GPL-3.0-only", true),
            ("GPL-3.0-only/MIT", true),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
            ("MIT AND GPL-3.0-only", false),
            ("AGPL-3.0-only", false),
            ("my own words", false),
        ] {
            let fault = licence_fault(&package(Some(license), None), &allowed);
            assert_eq!(fault.is_none(), fine, "{license}: {fault:?}");
        }
        assert!(licence_fault(&package(None, None), &allowed).is_some());
    }

    #[test]
    fn sources_are_named() {
        let sources = Sources {
            allow_registry: vec!["https://index.example".to_owned()],
        };
        for (source, fine) in [
            (None, true),
            (Some("registry+https://index.example"), true),
            (Some("registry+https://other.example"), false),
            (Some("git+https://index.example"), false),
        ] {
            assert_eq!(
                source_fault(&package(None, source), &sources).is_none(),
                fine,
                "{source:?}"
            );
        }
    }
}
