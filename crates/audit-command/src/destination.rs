//! A file that is there once all of it is written.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::fault::Fault;

/// A file under a passing name beside the one that it is to have; unless it is kept, it goes.
#[derive(Debug)]
pub(crate) struct Destination {
    path: PathBuf,
    file: NamedTempFile,
    may_replace: bool,
}

impl Destination {
    /// Begins the file. Only its owner can read it.
    pub(crate) fn create(path: &Path, may_replace: bool) -> Result<Self, Fault> {
        Self::begin(path, may_replace, 0o600)
    }

    /// Begins a file that holds no data, and that whoever can read its folder can read.
    pub(crate) fn public(path: &Path, may_replace: bool) -> Result<Self, Fault> {
        Self::begin(path, may_replace, 0o666)
    }

    fn begin(path: &Path, may_replace: bool, mode: u32) -> Result<Self, Fault> {
        let path = path.to_owned();
        match fs::symlink_metadata(&path) {
            // A device, a folder or a link has another meaning than to be replaced.
            Ok(there) if !there.is_file() => return Err(Fault::NoFile { path }),
            Ok(_) if !may_replace => return Err(Fault::FileExists { path }),
            Ok(_) | Err(_) => {}
        }
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        let file = Builder::new()
            .prefix(".audit-export-")
            .suffix(".part")
            .permissions(fs::Permissions::from_mode(mode))
            .tempfile_in(folder.unwrap_or(Path::new(".")));
        match file {
            Ok(file) => Ok(Self {
                path,
                file,
                may_replace,
            }),
            Err(source) => Err(Fault::File { path, source }),
        }
    }

    /// Gives the file its name. One that got that name meanwhile stays.
    pub(crate) fn keep(self) -> Result<(), Fault> {
        let Self {
            path,
            file,
            may_replace,
        } = self;
        let synced = file.as_file().sync_all();
        let kept = synced.and_then(|()| {
            let kept = match may_replace {
                true => file.persist(&path),
                false => file.persist_noclobber(&path),
            };
            kept.map(drop).map_err(|failed| failed.error)
        });
        match kept {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(Fault::FileExists { path })
            }
            kept => kept.map_err(|source| Fault::File { path, source }),
        }
    }

    /// What a failure to write to it is.
    pub(crate) fn fault(&self, source: io::Error) -> Fault {
        Fault::File {
            path: self.path.clone(),
            source,
        }
    }
}

impl Write for &Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_file().flush()
    }
}
