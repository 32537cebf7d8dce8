//! Deletions of `delete`, over random trees, rules and targets: only things that the snapshot proves to have been absent.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use engine::files::backup::BackupOptions;
use engine::files::restore::{RestoreOptions, restore};
use engine::files::source::exclude::{ExcludeOptions, IGNORE_FILE};
use engine::monitor::NullMonitor;
use proptest::prelude::*;

use crate::support::{Fixture, Tree, backup_options, backup_paths, by_id, is_root, look};

/// Folders and files by their paths; a path that ends with a slash is a folder.
const PATHS: [&str; 16] = [
    "a",
    "a/",
    "a/x",
    "a/y.tmp",
    "a/b/",
    "a/b/x",
    "a/b/secret",
    "a/secret/x",
    "c/",
    "c/y.tmp",
    "c/d/e/x",
    "secret",
    "secret/x",
    "x",
    "y.tmp",
    "z/b/",
];
const RULES: [&str; 4] = ["secret", "*.tmp", "b/", "/x"];

fn make(root: &Path, paths: &[usize], content: &str) {
    for path in paths.iter().map(|index| PATHS[*index]) {
        let full = root.join(path.trim_end_matches('/'));
        // Things that do not fit the existing ones are left out.
        if path.ends_with('/') {
            drop(fs::create_dir_all(&full));
        } else if full.parent().is_some_and(|parent| fs::create_dir_all(parent).is_ok()) && !full.is_dir() {
            drop(fs::write(&full, content));
        }
    }
}

/// Whether a rule leaves out the path, or a folder around it, in the simplest way that can be thought of.
fn is_left_out(rules: &[&str], tree: &Tree, path: &str) -> bool {
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    ends.into_iter().any(|end| {
        let part = &path[..end];
        let name = part.rsplit('/').next().unwrap();
        let is_folder = end < path.len() || tree.get(part.as_bytes()).is_some_and(|thing| thing.kind == "folder");
        rules.iter().any(|rule| match *rule {
            "*.tmp" => Path::new(name).extension().is_some_and(|extension| extension == "tmp"),
            "b/" => name == "b" && is_folder,
            "/x" => part == "x",
            rule => name == rule,
        })
    })
}

fn paths_of(tree: &Tree) -> BTreeSet<String> {
    tree.keys().map(|path| String::from_utf8(path.clone()).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_what_the_snapshot_proves_to_have_been_absent_is_deleted(
        source in proptest::collection::vec(0..PATHS.len(), 0..12),
        target in proptest::collection::vec(0..PATHS.len(), 0..12),
        rules in proptest::collection::btree_set(0..RULES.len(), 0..3),
        in_file in any::<bool>(),
        closed in any::<bool>(),
    ) {
        let fixture = Fixture::new();
        let (root, aim) = (fixture.folder("root"), fixture.folder("target"));
        make(&root, &source, "as it was");
        make(&aim, &target, "another");
        let rules: Vec<&str> = rules.into_iter().map(|index| RULES[index]).collect();
        let mut exclude = ExcludeOptions { ignore_file_name: Some(IGNORE_FILE.to_owned()), ..ExcludeOptions::default() };
        if in_file { fs::write(root.join(IGNORE_FILE), rules.join("\n")).unwrap() } else { exclude.patterns = rules.iter().map(|rule| (*rule).to_owned()).collect() }
        // Only root can list what nobody may.
        let closed = closed && !is_root() && root.join("a").is_dir();
        let before_backup = look(&root);
        let mode = |mode| fs::set_permissions(root.join("a"), fs::Permissions::from_mode(mode)).unwrap();
        if closed { mode(0o000); }
        let options = BackupOptions { exclude, ..backup_options() };
        let repository = fixture.open();
        let outcome = backup_paths(&repository, &[&root], &options, &NullMonitor).unwrap();
        if closed { mode(0o755); }
        let snapshot = by_id(&repository, outcome.snapshot.unwrap());

        let before = look(&aim);
        let options = RestoreOptions { path: b"root".to_vec(), delete: true, ..RestoreOptions::default() };
        let dry = RestoreOptions { dry_run: true, ..options.clone() };
        let foreseen = restore(&repository, &snapshot, &aim, &dry, &|_, _| {}, &NullMonitor).unwrap();
        prop_assert_eq!(&look(&aim), &before, "a dry run changes nothing");
        let outcome = restore(&repository, &snapshot, &aim, &options, &|_, _| {}, &NullMonitor).unwrap();
        let after = look(&aim);
        prop_assert_eq!(foreseen.deleted_entries, outcome.deleted_entries);
        prop_assert_eq!(foreseen.deleted_bytes, outcome.deleted_bytes);
        prop_assert_eq!(foreseen.kept, outcome.kept);

        let kept_out = |path: &str| is_left_out(&rules, &before_backup, path) || closed && path.starts_with("a/");
        for gone in paths_of(&before).difference(&paths_of(&after)) {
            prop_assert!(!before_backup.contains_key(gone.as_bytes()), "{} was there at the backup", gone);
            prop_assert!(!kept_out(gone) && !is_left_out(&rules, &before, gone), "{} would have been left out", gone);
        }
        for saved in paths_of(&before_backup).iter().filter(|path| !kept_out(path)) {
            let is_blocked = outcome.problems.iter().any(|problem| {
                format!("root/{saved}/").starts_with(&format!("{}/", String::from_utf8_lossy(&problem.path.0)))
            });
            let same = |tree: &Tree| tree.get(saved.as_bytes()).map(|thing| (thing.kind, thing.content.clone()));
            prop_assert!(is_blocked || same(&after) == same(&before_backup), "{} is not as it was: {:?}", saved, outcome.problems);
        }
        // Files that came later, are in a whole folder and match no rule have gone.
        for extra in paths_of(&before).difference(&paths_of(&before_backup)).filter(|path| !kept_out(path)) {
            let is_spared = is_left_out(&rules, &before, extra)
                || paths_of(&before).iter().any(|path| path.starts_with(&format!("{extra}/")) && is_left_out(&rules, &before, path));
            let is_blocked = outcome.problem_count > 0;
            prop_assert!(is_spared || is_blocked || !after.contains_key(extra.as_bytes()), "{} stays", extra);
        }
    }
}
