//! Where things lie, as users write it: `~`, and addresses of other machines, which are no folders of this one.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use engine::store::s3::S3Address;
use engine::{Error, ErrorKind, Result};

/// The place of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A bucket of object storage, and a prefix in it.
    ObjectStorage(S3Address),
}

impl Place {
    /// The folder, if it is one.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Place::Folder(path) => Some(path),
            Place::ObjectStorage(_) => None,
        }
    }

    /// The place with a folder as a whole path.
    ///
    /// # Errors
    /// The current folder is gone.
    pub fn absolute(self) -> Result<Place> {
        let Place::Folder(path) = &self else { return Ok(self) };
        let whole = std::path::absolute(path).map(Place::Folder);
        whole.map_err(|e| Error::io(format!("cannot tell where the folder {} is", path.display()), e))
    }

    /// Whether both are the same, or one lies inside the other. The same bucket of two servers is the same here.
    pub fn overlaps(&self, other: &Place) -> bool {
        match (self, other) {
            (Place::Folder(one), Place::Folder(other)) => {
                let (one, other) = (resolved(one), resolved(other));
                one.starts_with(&other) || other.starts_with(&one)
            }
            (Place::ObjectStorage(one), Place::ObjectStorage(other)) => {
                let [one_prefix, other_prefix] = [one, other].map(|address| Path::new(address.prefix()));
                one.bucket() == other.bucket()
                    && (one_prefix.starts_with(other_prefix) || other_prefix.starts_with(one_prefix))
            }
            _ => false,
        }
    }
}

/// The path without links, as far as it is there.
fn resolved(path: &Path) -> PathBuf {
    for folder in path.ancestors() {
        if let (Ok(real), Ok(rest)) = (folder.canonicalize(), path.strip_prefix(folder)) {
            return real.join(rest);
        }
    }
    path.to_path_buf()
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Folder(path) => path.display().fmt(f),
            Place::ObjectStorage(address) => address.fmt(f),
        }
    }
}

/// The path with the user's home folder in place of `~`. Shells replace it only in an argument of its own, not in
/// `--repo=~/backup`, a settings file, or a unit of systemd.
///
/// # Errors
/// [`ErrorKind::Usage`] if the user has no home folder, or another user's is meant.
pub fn expand(path: &Path) -> Result<PathBuf> {
    let bytes = path.as_os_str().as_bytes();
    if bytes.first() != Some(&b'~') {
        return Ok(path.to_path_buf());
    }
    let first = bytes.split(|byte| *byte == b'/').next().unwrap_or_default();
    if first != b"~" {
        let message = format!("`{}` names the home folder of a user: write the path from /", path.display());
        return Err(Error::new(ErrorKind::Usage, message).with_hint("Only `~/` is your own home folder."));
    }
    let home = etcetera::home_dir()
        .map_err(|error| Error::caused(ErrorKind::Usage, format!("cannot tell what `{}` is", path.display()), error))?;
    let rest = OsStr::from_bytes(bytes.get(2..).unwrap_or_default());
    Ok(if rest.is_empty() { home } else { home.join(rest) })
}

/// The place of a repository; `~` in a folder is expanded.
///
/// # Errors
/// [`ErrorKind::Usage`] if it is an address that Enamel cannot reach: a folder of that name would be made here, and the
/// backup would not leave this machine.
pub fn repository(path: &Path) -> Result<Place> {
    let text = path.as_os_str().as_bytes();
    if text.get(..3).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"s3:")) {
        let address = path.to_str().unwrap_or_default().parse::<S3Address>();
        return address.map(Place::ObjectStorage).map_err(|e| {
            Error::new(ErrorKind::Usage, e.to_string())
                .with_hint("As s3://BUCKET or s3://BUCKET/PREFIX; the server is `endpoint` in `[s3]` of enamel.toml.")
        });
    }
    let first = text.split(|byte| *byte == b'/').next().unwrap_or_default();
    // No more of it is shown: it may hold a password.
    let kind = first.split(|byte| *byte == b':' || *byte == b'@').next().unwrap_or_default();
    if first.contains(&b':') || text.starts_with(br"\\") {
        let message = format!(
            "`{}…` is the address of another machine, and Enamel goes only to object storage, `s3://BUCKET/PREFIX`; mount it (NFS, SMB, sshfs, \
             `rclone mount`), and give the mounted folder (a folder here that has such a name is `./NAME`)",
            kind.escape_ascii()
        );
        return Err(
            Error::new(ErrorKind::Usage, message).with_hint("As --repo s3://BUCKET/PREFIX, or --repo /mnt/FOLDER.")
        );
    }
    expand(path).map(Place::Folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_servers_are_no_folders() {
        for address in [
            "s3:https://host/bucket",
            "s3://key:secret@host/bucket",
            "S3://bucket/x",
            "http://host/bucket",
            "sftp:user@host:/srv/backup",
            "rest:https://user:secret@host/",
            "ssh://user@host/srv",
            "user@host:/srv/backup",
            "user@host:backup",
            "host:/srv",
            "rclone:remote:path",
            "b2:bucket:path",
            "file:///srv",
            r"\\server\share",
        ] {
            let error = repository(Path::new(address)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{address}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        for folder in ["/srv/backup", "backup", "./s3:bucket", "../a:b", "/mnt/a:b", "a/b:c", "user@host"] {
            assert_eq!(repository(Path::new(folder)).unwrap(), Place::Folder(folder.into()));
        }
        let Place::ObjectStorage(address) = repository(Path::new("s3://bucket/x/")).unwrap() else {
            panic!("a folder")
        };
        assert_eq!(address.to_string(), "s3://bucket/x");
    }

    #[test]
    fn the_home_folder_is_put_in_its_place() {
        let home = etcetera::home_dir().unwrap();
        assert_eq!(expand(Path::new("~/backup")).unwrap(), home.join("backup"));
        assert_eq!(expand(Path::new("~")).unwrap(), home);
        assert_eq!(expand(Path::new("a/~/b")).unwrap(), Path::new("a/~/b"));
        assert_eq!(expand(Path::new("~somebody/x")).unwrap_err().kind(), ErrorKind::Usage);
    }
}
