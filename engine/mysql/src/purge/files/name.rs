//! Names of files as rows have them.

use repo_format::entry::check_name;

/// No name leads through more folders.
const FOLDERS_MAX: usize = 16;

/// The names of folders and file that `text` is made of; `None` if it leads anywhere but below the folder that it is meant for.
pub(super) fn parts(text: &str) -> Option<Vec<&str>> {
    // Rows are written on Windows, where both separate.
    let parts: Vec<&str> = text.split(['/', '\\']).collect();
    // A colon there means a drive, or a stream within a file.
    let is_name = |part: &&str| check_name(part.as_bytes()).is_ok() && !part.contains(':');
    (parts.len() <= FOLDERS_MAX && parts.iter().all(is_name)).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart_as_on_windows() {
        assert_eq!(parts("a.pdf").unwrap(), ["a.pdf"]);
        assert_eq!(parts(r"In\2024\a b.pdf").unwrap(), ["In", "2024", "a b.pdf"]);
        assert_eq!(parts("Out/a.pdf").unwrap(), ["Out", "a.pdf"]);
        assert_eq!(parts("...").unwrap(), ["..."]);
    }

    #[test]
    fn what_leads_out_of_the_folder_is_no_name() {
        for text in [
            "",
            "..",
            r"..\a",
            "In/../../a",
            "/etc/passwd",
            r"\\server\share\a",
            r"C:\a",
            "a:b",
            "In//a",
            "In/",
            "./a",
            "a\0b",
        ] {
            assert_eq!(parts(text), None, "{text}");
        }
        assert_eq!(parts(&format!("{}a", "a/".repeat(FOLDERS_MAX))), None);
    }
}
