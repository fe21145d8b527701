//! Fetches PostgreSQL from the npm package named in `postgres-binaries.json`.

use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::{integrity, on_path};
use crate::process;
use crate::workspace;

/// The npm package, and the checksum of each version of it.
#[derive(Debug, Deserialize)]
struct Catalogue {
    package: String,
    os: String,
    architecture: String,
    releases: Vec<Release>,
}

/// One version of the package.
#[derive(Debug, Deserialize)]
struct Release {
    major: u8,
    version: String,
    integrity: String,
}

/// A link the package leaves for us to make, as npm's archives hold none.
#[derive(Debug, Deserialize)]
struct Link {
    source: PathBuf,
    target: PathBuf,
}

/// Whether [`fetch`] needs no network.
pub(super) fn is_cached(major: u8) -> bool {
    let found = || -> Result<bool> {
        let (_, release) = release(major)?;
        Ok(folder(&cache()?, &release).is_dir())
    };
    found().unwrap_or(false)
}

/// The folder with `bin`, `lib` and `share` of a version, fetched once and kept.
pub(super) fn fetch(major: u8) -> Result<PathBuf> {
    let (package, release) = release(major)?;
    let cache = cache()?;
    let kept = folder(&cache, &release);
    if !kept.is_dir() {
        println!("fetching PostgreSQL {major}: {package}@{}", release.version);
        let scratch = tempfile::tempdir_in(&cache).context("no scratch folder")?;
        let archive = download(&package, &release, scratch.path())?;
        integrity::check(&archive, &release.integrity)?;
        let unpacked = unpack(&archive, scratch.path())?;
        // Another run may have been faster; what it put there is the same.
        if let Err(error) = fs::rename(&unpacked, &kept)
            && !kept.is_dir()
        {
            return Err(error).with_context(|| format!("cannot write `{}`", kept.display()));
        }
    }
    Ok(kept.join("native"))
}

fn release(major: u8) -> Result<(String, Release)> {
    let text = include_str!("../../postgres-binaries.json");
    let catalogue: Catalogue = serde_json::from_str(text).context("`postgres-binaries.json`")?;
    if (env::consts::OS, env::consts::ARCH) != (&*catalogue.os, &*catalogue.architecture) {
        bail!(
            "PostgreSQL {major} comes as a program for {} on {} only; install it into \
             `/usr/lib/postgresql/{major}` or leave it out with `--db`",
            catalogue.os,
            catalogue.architecture
        );
    }
    let mut releases = catalogue.releases.into_iter();
    let release = releases
        .find(|release| release.major == major)
        .with_context(|| format!("no PostgreSQL {major} in `postgres-binaries.json`"))?;
    Ok((catalogue.package, release))
}

fn folder(cache: &Path, release: &Release) -> PathBuf {
    cache.join(format!("postgres-{}", release.version))
}

/// The first cache folder that can be written.
fn cache() -> Result<PathBuf> {
    let absolute = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let places = [
        absolute("XDG_CACHE_HOME"),
        absolute("HOME").map(|home| home.join(".cache")),
        Some(workspace::target()),
    ];
    places
        .into_iter()
        .flatten()
        .map(|place| place.join("audit-xtask"))
        .find(|place| fs::create_dir_all(place).is_ok() && tempfile::tempfile_in(place).is_ok())
        .context("no cache folder can be written; set `XDG_CACHE_HOME`")
}

/// Has npm fetch the archive. Nothing of the package is run.
fn download(package: &str, release: &Release, scratch: &Path) -> Result<PathBuf> {
    let npm = on_path("npm").context("`npm` is not on this machine")?;
    let version = format!("{package}@{}", release.version);
    process::quiet(
        Command::new(npm)
            .current_dir(scratch)
            .args(["pack", &version, "--ignore-scripts", "--pack-destination"])
            .arg(scratch)
            .arg("--cache")
            .arg(scratch.join("npm-cache")),
        &scratch.join("npm.log"),
    )
    .with_context(|| format!("`{version}` was not fetched; look at the registry npm is set to"))?;
    let entries = fs::read_dir(scratch)?.collect::<Result<Vec<_>, _>>()?;
    entries
        .into_iter()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "tgz"))
        .with_context(|| format!("npm left no archive of `{version}`"))
}

fn unpack(archive: &Path, scratch: &Path) -> Result<PathBuf> {
    process::must(
        Command::new("tar")
            .args(["--extract", "--gzip", "--no-same-owner", "--file"])
            .arg(archive)
            .arg("--directory")
            .arg(scratch),
    )?;
    let package = scratch.join("package");
    let links = package.join("native/pg-symlinks.json");
    let text = fs::read(&links).with_context(|| format!("`{}`", links.display()))?;
    for link in serde_json::from_slice::<Vec<Link>>(&text).context("`pg-symlinks.json`")? {
        make(&link, &package)?;
    }
    Ok(package)
}

/// Makes a link between two files of one folder.
fn make(link: &Link, package: &Path) -> Result<()> {
    let inside = |path: &Path| {
        path.components()
            .all(|part| matches!(part, Component::Normal(_)))
    };
    let (Some(name), true, true) = (
        link.source.file_name(),
        inside(&link.target),
        link.source.parent() == link.target.parent(),
    ) else {
        bail!(
            "`pg-symlinks.json` wants a link that leaves its folder: `{}`",
            link.target.display()
        );
    };
    let place = package.join(&link.target);
    symlink(name, &place).with_context(|| format!("cannot link `{}`", place.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_has_a_sha512() {
        for major in 15..=18 {
            let (_, release) = release(major).expect("is listed");
            assert!(
                release.version.starts_with(&format!("{major}.")),
                "{release:?}"
            );
            // 64 bytes are 88 characters of base64.
            assert_eq!(release.integrity.len(), "sha512-".len() + 88, "{release:?}");
        }
        assert!(release(14).is_err());
    }

    #[test]
    fn links_stay_in_their_folder() {
        let package = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(package.path().join("native/lib")).expect("a folder");
        fs::write(package.path().join("native/lib/a.so.1"), "library").expect("a file");
        let link = |source: &str, target: &str| Link {
            source: source.into(),
            target: target.into(),
        };
        make(
            &link("native/lib/a.so.1", "native/lib/a.so"),
            package.path(),
        )
        .expect("a link");
        let read = fs::read_to_string(package.path().join("native/lib/a.so")).expect("readable");
        assert_eq!(read, "library");
        for (source, target) in [
            ("native/lib/a.so.1", "../a.so"),
            ("native/lib/a.so.1", "native/lib/../../../a.so"),
            ("/etc/passwd", "/etc/b"),
            ("native/lib/a.so.1", "native/b.so"),
        ] {
            assert!(
                make(&link(source, target), package.path()).is_err(),
                "{target}"
            );
        }
    }
}
