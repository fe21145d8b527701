//! Checks a downloaded file against its published checksum.
//!
//! # Source
//!
//! The `dist.integrity` of npm is a Subresource Integrity string: `sha512-` and base64
//! (<https://www.w3.org/TR/SRI/>).

use std::fs::File;
use std::io;
use std::path::Path;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha512};

/// Checks a file; `wanted` is `sha512-` and base64.
pub(super) fn check(file: &Path, wanted: &str) -> Result<()> {
    let mut hash = Sha512::new();
    let mut source = File::open(file).with_context(|| format!("`{}`", file.display()))?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let length = io::Read::read(&mut source, &mut buffer)?;
        match buffer.get(..length) {
            Some([]) | None => break,
            Some(bytes) => hash.update(bytes),
        }
    }
    let Some(base64) = wanted.strip_prefix("sha512-") else {
        bail!("`{wanted}` is no sha512 checksum");
    };
    let wanted = STANDARD
        .decode(base64)
        .context("the wanted checksum is no base64")?;
    let found = hash.finalize();
    if found.as_slice() != wanted {
        bail!(
            "`{}` is not the file that was published: its checksum is sha512-{}; \
             look at the registry npm is set to",
            file.display(),
            STANDARD.encode(found)
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `SHA-512("abc")` of FIPS 180-4 appendix C.1, written in base64.
    const ABC: &str = "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==";

    fn file(content: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), content).expect("written");
        file
    }

    #[test]
    fn a_published_vector_is_accepted() {
        check(file(b"abc").path(), ABC).expect("the published checksum");
    }

    #[test]
    fn another_content_is_refused() {
        let error = check(file(b"abd").path(), ABC).expect_err("another file");
        assert!(error.to_string().contains("not the file"), "{error}");
    }

    #[test]
    fn a_weaker_or_broken_checksum_is_refused() {
        for wanted in [
            "sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0=",
            "",
            "sha512-",
            "sha512-%%",
        ] {
            assert!(check(file(b"abc").path(), wanted).is_err(), "{wanted}");
        }
    }
}
