//! Gives each source one path, however the user typed it.

use std::io;
use std::path::{Component, Path, PathBuf};

/// Makes `path` absolute, without `.`, `..` and slashes at its end, so that the same source always has the same path.
/// Links stay as they are, except those before a `..`, which leads to the parent of their target.
///
/// # Errors
/// The operating system's error for the current folder, or for the part before a `..`.
pub fn absolute(path: &Path) -> io::Result<PathBuf> {
    let parts: Vec<Component<'_>> = path.components().collect();
    let Some(last) = parts.iter().rposition(|part| *part == Component::ParentDir) else { return absolute_text(path) };
    let mut whole = parts[..=last].iter().collect::<PathBuf>().canonicalize()?;
    whole.extend(&parts[last + 1..]);
    Ok(whole)
}

/// As [`absolute`], for a path that need not exist; `..` removes the name before it.
///
/// # Errors
/// The operating system's error for the current folder.
pub(crate) fn absolute_text(path: &Path) -> io::Result<PathBuf> {
    let mut whole = PathBuf::new();
    for part in std::path::absolute(path)?.components() {
        match part {
            Component::ParentDir => drop(whole.pop()),
            part => whole.push(part),
        }
    }
    Ok(whole)
}

/// Whether `name` is `plain`, or `plain` with a number, as several roots of the same name get.
pub(crate) fn is_form_of(name: &[u8], plain: &[u8]) -> bool {
    let Some(rest) = name.strip_prefix(plain) else { return false };
    rest.is_empty() || rest.strip_prefix(b"~").is_some_and(|n| !n.is_empty() && n.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_folder_has_one_path_however_it_is_typed() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(real.join("a/b")).unwrap();
        for typed in ["a/b", "a/b/", "a//b", "a/b//", "a/./b/./", "a/b/.", "a/../a/b", "a/b/../b/", "./a/b"] {
            assert_eq!(absolute(&real.join(typed)).unwrap().as_os_str(), real.join("a/b").as_os_str(), "{typed}");
        }
        assert_eq!(absolute(Path::new("/")).unwrap().as_os_str(), "/");
        assert_eq!(absolute_text(Path::new("/gone/x/../y/")).unwrap().as_os_str(), "/gone/y");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_keeps_its_name_unless_the_folder_above_it_is_meant() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(real.join("a/b")).unwrap();
        std::os::unix::fs::symlink(real.join("a/b"), real.join("link")).unwrap();
        for (typed, path) in
            [("link", "link"), ("link/", "link"), ("a/../link", "link"), ("link/..", "a"), ("link/../b", "a/b")]
        {
            assert_eq!(absolute(&real.join(typed)).unwrap(), real.join(path), "{typed}");
        }
    }

    #[test]
    fn a_number_belongs_to_the_name_it_was_given_to() {
        assert!(is_form_of(b"x", b"x") && is_form_of(b"x~2", b"x") && is_form_of(b"x~17", b"x"));
        assert!(!is_form_of(b"x~", b"x") && !is_form_of(b"x2", b"x") && !is_form_of(b"y", b"x"));
    }
}
