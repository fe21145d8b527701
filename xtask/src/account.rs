//! The user that servers run as, and the folders that user can reach.

use std::ffi::OsStr;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

/// A UNIX socket's path has at most 107 bytes; the rest is left for the names in the folder.
const LONGEST_FOLDER: usize = 80;
/// Where a server looks for programs.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Where Linux keeps files in memory.
const MEMORY: &str = "/dev/shm";
/// How much of it has to be free: all servers together take less than half of that.
const ENOUGH_MEMORY: u64 = 4 << 30;
/// Users without rights that a system has, best first.
const UNPRIVILEGED: [&str; 3] = ["nobody", "daemon", "postgres"];

/// The user that servers run as: ourselves, or an unprivileged one when we are root.
#[derive(Debug, Clone, Copy)]
pub struct Account {
    ids: Option<(u32, u32)>,
}

impl Account {
    /// Finds the user.
    ///
    /// # Errors
    ///
    /// When we are root and the system has no unprivileged user.
    pub fn find() -> Result<Self> {
        if !is_root() {
            return Ok(Self { ids: None });
        }
        let users = fs::read_to_string("/etc/passwd").context("cannot read `/etc/passwd`")?;
        let ids = UNPRIVILEGED.iter().find_map(|name| ids_of(&users, name));
        if ids.is_none() {
            bail!(
                "database servers do not run as root, and none of the users `{}` exists; add one",
                UNPRIVILEGED.join("`, `")
            );
        }
        Ok(Self { ids })
    }

    /// Makes a command run as this user, in this folder and without our environment.
    pub fn apply(self, command: &mut Command, folder: &Path) {
        command
            .env_clear()
            .env("PATH", PATH)
            .env("HOME", folder)
            .env("LC_ALL", "C");
        command.current_dir(folder);
        if let Some((user, group)) = self.ids {
            command.uid(user).gid(group);
        }
    }

    /// Gives a file or an empty folder to this user.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn own(self, path: &Path) -> Result<()> {
        let Some((user, group)) = self.ids else {
            return Ok(());
        };
        chown(path, Some(user), Some(group))
            .with_context(|| format!("cannot give `{}` to user {user}", path.display()))
    }

    /// Whether this user can read what lies in a folder.
    #[must_use]
    pub fn reaches(self, folder: &Path) -> bool {
        let Some((user, _)) = self.ids else {
            return true;
        };
        let Ok(folder) = folder.canonicalize() else {
            return false;
        };
        folder.ancestors().all(|step| {
            fs::metadata(step).is_ok_and(|meta| meta.uid() == user || meta.mode() & 0o001 != 0)
        })
    }

    /// A fresh folder of this user, closed to others and outside any home.
    ///
    /// # Errors
    ///
    /// When no place for temporary files will do.
    pub fn folder(self, name: &str) -> Result<TempDir> {
        let mut refused = Vec::new();
        for place in places() {
            match self.folder_in(&place, name) {
                Ok(folder) => return Ok(folder),
                Err(error) => refused.push(format!("    `{}`: {error:#}", place.display())),
            }
        }
        bail!(
            "no place for temporary files will do; set `TMPDIR`:\n{}",
            refused.join("\n")
        )
    }

    /// A folder as [`Account::folder`] makes it, in memory; `None` where there is none or not enough.
    #[must_use]
    pub fn memory(self, name: &str) -> Option<TempDir> {
        self.folder_with(ENOUGH_MEMORY, Path::new(MEMORY), name)
    }

    /// A folder in a place that has so many bytes free.
    fn folder_with(self, bytes: u64, place: &Path, name: &str) -> Option<TempDir> {
        let space = rustix::fs::statvfs(place).ok()?;
        let is_enough = space.f_bavail.saturating_mul(space.f_frsize) >= bytes;
        is_enough.then(|| self.folder_in(place, name).ok())?
    }

    fn folder_in(self, place: &Path, name: &str) -> Result<TempDir> {
        let place = place.canonicalize()?;
        if in_home(&place, env::var_os("HOME").as_deref()) {
            bail!("lies in the home folder");
        }
        if place.as_os_str().len() > LONGEST_FOLDER {
            bail!("is longer than the path of a socket may be");
        }
        if !self.reaches(&place) {
            bail!("is closed to the user that servers run as");
        }
        let folder = tempfile::Builder::new()
            .prefix(&format!("audit-{name}-"))
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(&place)?;
        self.own(folder.path())?;
        Ok(folder)
    }
}

/// Whether we are root.
#[must_use]
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn places() -> [PathBuf; 3] {
    [
        env::temp_dir(),
        PathBuf::from("/tmp"),
        PathBuf::from("/var/tmp"),
    ]
}

fn in_home(place: &Path, home: Option<&OsStr>) -> bool {
    let Some(home) = home
        .map(Path::new)
        .and_then(|home| home.canonicalize().ok())
    else {
        return false;
    };
    home.parent().is_some() && place.starts_with(home)
}

/// User and group of a name in the text of `/etc/passwd`, unless they are root's.
fn ids_of(users: &str, name: &str) -> Option<(u32, u32)> {
    let line = users
        .lines()
        .find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    let user = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    (user != 0 && group != 0).then_some((user, group))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_read() {
        let users = "root:x:0:0:root:/root:/bin/bash\nnobody2:x:7:7::/:/bin/false\n\
                     nobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin\nbad:x:a:b\n";
        assert_eq!(ids_of(users, "nobody"), Some((65534, 65533)));
        assert_eq!(ids_of(users, "root"), None);
        assert_eq!(ids_of(users, "bad"), None);
        assert_eq!(ids_of(users, "absent"), None);
    }

    #[test]
    fn a_closed_folder_is_not_reached() {
        let outer = Account { ids: None }
            .folder("test")
            .expect("a folder outside any home");
        let inner = outer.path().join("inner");
        fs::create_dir(&inner).expect("a folder");
        let other = Account {
            ids: Some((u32::MAX - 7, 1)),
        };
        fs::set_permissions(outer.path(), fs::Permissions::from_mode(0o700)).expect("closed");
        assert!(!other.reaches(&inner));
        fs::set_permissions(outer.path(), fs::Permissions::from_mode(0o711)).expect("opened");
        assert!(other.reaches(&inner));
        assert!(!other.reaches(&outer.path().join("absent")));
    }

    #[test]
    fn a_place_without_the_space_is_not_taken() {
        let account = Account { ids: None };
        let outer = account.folder("test").expect("a folder outside any home");
        let place = outer.path();
        let folder = account.folder_with(1, place, "test").expect("a byte");
        assert_eq!(folder.path().parent(), Some(place));
        assert!(account.folder_with(u64::MAX, place, "test").is_none());
        assert!(
            account
                .folder_with(1, &place.join("absent"), "test")
                .is_none()
        );
    }

    #[test]
    fn a_home_is_told_apart() {
        let home = tempfile::tempdir().expect("a folder");
        let inner = home.path().join("inner");
        fs::create_dir(&inner).expect("a folder");
        let inner = inner.canonicalize().expect("exists");
        assert!(in_home(&inner, Some(home.path().as_os_str())));
        assert!(!in_home(&inner, Some(OsStr::new("/"))));
        assert!(!in_home(&inner, None));
    }
}
