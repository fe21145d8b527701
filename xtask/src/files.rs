//! `cargo xtask files`: the shape of the repository's files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::metadata::Metadata;
use crate::process;
use crate::workspace::{root, target};

/// The most lines of a source file that is no test.
const LONGEST: usize = 600;
/// Folders of one machine, which mean nothing on another.
const PRIVATE: [&str; 3] = ["/home/", "/root/", "/tmp/"];

/// Checks the tracked files.
///
/// # Errors
///
/// With every file that is too long or names a folder of one machine, and every crate without a
/// `README.md`.
pub fn run() -> Result<()> {
    let root = root();
    let files = tracked(&root)?;
    let mut faults = Vec::new();
    for file in &files {
        // What is no text, or was removed but not yet committed, holds nothing to check.
        if let Ok(text) = fs::read_to_string(root.join(file)) {
            faults.extend(text_faults(file, &text));
        }
    }
    for member in Metadata::load()?.members() {
        let folder = member.manifest_path.parent().unwrap_or(&root);
        if !folder.join("README.md").is_file() {
            faults.push(format!("`{}` has no `README.md`", member.name));
        }
    }
    if !faults.is_empty() {
        bail!("files to change:\n    {}", faults.join("\n    "));
    }
    println!("{} files are well shaped", files.len());
    Ok(())
}

/// The files git knows; without git's answer, all that are not built or hidden.
fn tracked(root: &Path) -> Result<Vec<PathBuf>> {
    let git = process::output(
        Command::new("git")
            .arg("-C")
            .arg(root)
            .args(["ls-files", "-z"]),
    );
    let mut files = Vec::new();
    match git {
        Ok(list) => files.extend(list.split_terminator('\0').map(PathBuf::from)),
        Err(_) => walk(root, root, &mut files)?,
    }
    if files.is_empty() {
        bail!("no files in `{}`", root.display());
    }
    Ok(files)
}

fn walk(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("`{}`", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        let is_skipped = path == target() || path == root.join("target") || path.ends_with(".git");
        if path.is_dir() && !path.is_symlink() {
            if !is_skipped {
                walk(root, &path, files)?;
            }
        } else {
            files.push(path.strip_prefix(root)?.to_owned());
        }
    }
    Ok(())
}

fn text_faults(file: &Path, text: &str) -> Vec<String> {
    let name = file.display();
    let mut faults = Vec::new();
    let lines = text.lines().count();
    if lines > LONGEST && file.extension().is_some_and(|e| e == "rs") && !is_test(file) {
        faults.push(format!(
            "`{name}` has {lines} lines; split it, {LONGEST} is the limit"
        ));
    }
    for (number, line) in text.lines().enumerate() {
        if let Some(folder) = PRIVATE.into_iter().find(|folder| names_below(line, folder)) {
            faults.push(format!(
                "`{name}` line {} names a place in `{folder}`",
                number + 1
            ));
        }
    }
    faults
}

fn is_test(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name == "tests.rs")
        || file.components().any(|part| part.as_os_str() == "tests")
}

/// Whether a line names something in a folder of the root.
fn names_below(line: &str, folder: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '$' | '{');
    line.match_indices(folder).any(|(start, _)| {
        let (before, rest) = line.split_at(start);
        let after = rest.strip_prefix(folder).unwrap_or_default();
        !before.ends_with(|c: char| is_word(c) || matches!(c, '/' | '}'))
            && after.starts_with(is_word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_one_machine_are_found() {
        for folder in PRIVATE {
            for line in ["see {}x", "\"{}.cargo\"", "cd {}${USER}", "a={}_"] {
                let line = line.replacen("{}", folder, 1);
                assert!(names_below(&line, folder), "{line}");
            }
            for line in [
                "{}",
                "`{}` is a folder",
                "https://host{}x",
                "/var{}x",
                "$HOME{}x",
            ] {
                let line = line.replacen("{}", folder, 1);
                assert!(!names_below(&line, folder), "{line}");
            }
        }
    }

    #[test]
    fn long_files_are_found_unless_they_test() {
        let long = "x\n".repeat(LONGEST + 1);
        assert_eq!(text_faults(Path::new("a/src/b.rs"), &long).len(), 1);
        assert!(text_faults(Path::new("a/src/b.rs"), &"x\n".repeat(LONGEST)).is_empty());
        for other in ["a/tests/b.rs", "a/src/tests.rs", "Cargo.lock"] {
            assert!(text_faults(Path::new(other), &long).is_empty(), "{other}");
        }
    }

    #[test]
    fn without_git_the_folders_are_walked() {
        let root = tempfile::tempdir().expect("a folder");
        for folder in ["src", "target", ".git"] {
            fs::create_dir(root.path().join(folder)).expect("a folder");
            fs::write(root.path().join(folder).join("file"), "").expect("a file");
        }
        let mut files = Vec::new();
        walk(root.path(), root.path(), &mut files).expect("readable");
        assert_eq!(files, [Path::new("src/file")]);
    }
}
