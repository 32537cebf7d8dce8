//! The repository as a value: its files, and which of their lines are shipped.

use std::collections::BTreeMap;
use std::path::Path;

/// Folders without files of ours, at any depth.
const SKIPPED: [&str; 5] = [".git", "target", "artifacts", "coverage", "__pycache__"];
/// Files whose text is checked, by what their names end with.
const TEXT: [&str; 7] = [".rs", ".md", ".toml", ".sh", ".py", ".yml", ".yaml"];

/// Files by their paths from the root, with `/` between names.
pub struct Repository {
    files: BTreeMap<String, String>,
}

impl Repository {
    /// Everything below the root of the workspace. Files that are not text are there, but empty.
    pub fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut files = BTreeMap::new();
        read_folder(root, "", &mut files);
        Repository { files }
    }

    /// A repository with these files: path and text.
    pub fn of(files: &[(&str, &str)]) -> Self {
        Repository { files: files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect() }
    }

    /// All files, in order of their paths.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Files whose names end with `extension`.
    pub fn with_extension(&self, extension: &str) -> impl Iterator<Item = (&str, &str)> {
        self.files().filter(move |(path, _)| path.ends_with(extension))
    }

    /// The text of a file; nothing if there is no such file.
    pub fn text(&self, path: &str) -> &str {
        self.files.get(path).map_or("", String::as_str)
    }

    /// Whether there is a file or a folder of this path.
    pub fn exists(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let inside = format!("{path}/");
        self.files.contains_key(path)
            || self.files.range(inside.clone()..).next().is_some_and(|f| f.0.starts_with(&inside))
    }
}

fn read_folder(folder: &Path, prefix: &str, files: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = format!("{prefix}{name}");
        if entry.file_type().unwrap().is_dir() {
            if !SKIPPED.contains(&name.as_str()) {
                read_folder(&entry.path(), &format!("{path}/"), files);
            }
        } else {
            let is_text = TEXT.iter().any(|end| name.ends_with(end)) || !name.contains('.');
            let text = if is_text { std::fs::read_to_string(entry.path()).unwrap_or_default() } else { String::new() };
            files.insert(path, text);
        }
    }
}

/// Whether a Rust file is there for tests only.
pub fn is_test(path: &str) -> bool {
    let of_tests = |part: &str| matches!(part, "tests" | "tests.rs" | "benches" | "fuzz");
    path.split('/').any(of_tests)
}

/// The lines of a Rust file before its tests, numbered from 1.
pub fn shipped_lines<'t>(path: &str, text: &'t str) -> impl Iterator<Item = (usize, &'t str)> {
    let lines: Vec<&str> = if is_test(path) { Vec::new() } else { text.lines().collect() };
    let tests = lines.windows(2).position(|two| two[0] == "#[cfg(test)]" && two[1].starts_with("mod tests {"));
    let count = tests.unwrap_or(lines.len());
    (1..).zip(lines).take(count)
}

/// A line of Rust without its comment.
pub fn code(line: &str) -> &str {
    let comment = line.match_indices("//").find(|(at, _)| !line[..*at].ends_with(':'));
    comment.map_or(line, |(at, _)| &line[..at])
}

/// Where `word` stands in `text` and is not the end of a longer word.
pub fn find_word<'t>(text: &'t str, word: &'t str) -> impl Iterator<Item = usize> + 't {
    let continues = |at: usize| text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
    text.match_indices(word).map(|(at, _)| at).filter(move |at| !continues(*at))
}
