//! Lints reach every package.

use super::Faults;
use super::files::Repository;

const COMMON: &str = "clippy.toml";

/// Clippy takes the nearest `clippy.toml` and no other, so each must repeat what the one in the root folder says.
pub fn lost_settings(repository: &Repository) -> Faults {
    let mut faults = Faults::new();
    for (path, text) in repository.with_extension("/clippy.toml") {
        let lost = repository.text(COMMON).lines().filter(|setting| !text.lines().any(|line| line == *setting));
        faults.extend(lost.map(|setting| format!("{path}: `{setting}` of the root's is missing")));
    }
    faults
}

pub fn packages_without(repository: &Repository) -> Faults {
    let packages = repository.with_extension("/Cargo.toml").filter(|(path, _)| !path.starts_with("fuzz/"));
    let without = packages.filter(|(_, text)| !text.contains("[lints]\nworkspace = true"));
    without.map(|(path, _)| format!("{path}: has no `[lints] workspace = true`")).collect()
}
