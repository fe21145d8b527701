//! What `cargo metadata` says about the workspace.
//!
//! # Source
//!
//! <https://doc.rust-lang.org/cargo/commands/cargo-metadata.html#json-format>

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::process;
use crate::workspace::{FEATURES, cargo};

/// The workspace and all it depends on.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    workspace_members: BTreeSet<String>,
    resolve: Resolve,
}

/// One package.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    /// What each feature turns on.
    #[serde(default)]
    pub(crate) features: BTreeMap<String, Vec<String>>,
}

/// One dependency, as a manifest declares it.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// None for a normal one, else `dev` or `build`.
    pub(crate) kind: Option<String>,
    pub(crate) features: Vec<String>,
    pub(crate) uses_default_features: bool,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<Edge>,
}

#[derive(Debug, Deserialize)]
struct Edge {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Debug, Deserialize)]
struct Kind {
    kind: Option<String>,
}

impl Metadata {
    /// Asks cargo, for default features and ours.
    pub(crate) fn load() -> Result<Self> {
        let words = [
            "metadata",
            "--format-version=1",
            "--locked",
            "--features",
            FEATURES,
        ];
        Self::parse(&process::output(cargo().args(words))?)
    }

    /// Reads the JSON of `cargo metadata`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text).context("`cargo metadata` wrote something else than expected")
    }

    /// The packages of this workspace.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages
            .iter()
            .filter(|package| self.workspace_members.contains(&package.id))
    }

    /// The packages that are built for any target, with those of this workspace.
    pub(crate) fn built(&self) -> impl Iterator<Item = &Package> {
        let built: BTreeSet<_> = self.resolve.nodes.iter().map(|node| &node.id).collect();
        self.packages
            .iter()
            .filter(move |package| built.contains(&package.id))
    }

    /// The packages a member reaches without dev-dependencies.
    pub(crate) fn reached_from(&self, member: &str) -> Vec<&Package> {
        let nodes: BTreeMap<_, _> = self
            .resolve
            .nodes
            .iter()
            .map(|node| (node.id.as_str(), node))
            .collect();
        let start = self.members().find(|package| package.name == member);
        let mut open: Vec<&str> = start
            .map(|package| package.id.as_str())
            .into_iter()
            .collect();
        let mut seen = BTreeSet::new();
        while let Some(id) = open.pop() {
            let edges = nodes
                .get(id)
                .map(|node| node.deps.as_slice())
                .unwrap_or_default();
            for edge in edges {
                let is_dev = |kind: &Kind| kind.kind.as_deref() == Some("dev");
                if !edge.dep_kinds.iter().all(is_dev) && seen.insert(edge.pkg.as_str()) {
                    open.push(&edge.pkg);
                }
            }
        }
        self.packages
            .iter()
            .filter(|package| seen.contains(package.id.as_str()))
            .collect()
    }
}
