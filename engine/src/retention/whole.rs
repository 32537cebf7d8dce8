//! The newest whole snapshot of each source, which stays whatever the rules say.
//!
//! A disk that fails or is not mounted makes snapshots that are newer and worth less. Rules that count would let the good one go.

use std::collections::{BTreeMap, HashSet};

use repo_format::entry::Time;
use repo_format::id::LeaseId;
use repo_format::manifest::Manifest;

use super::{group, time};
use crate::machine;

/// Of each host and its roots, the newest of `snapshots` in which nothing is missing.
pub(super) fn newest_of_each_source(snapshots: &[Manifest], now: Time) -> HashSet<LeaseId> {
    let mut sources: BTreeMap<_, Vec<&Manifest>> = BTreeMap::new();
    for manifest in snapshots.iter().filter(|manifest| !machine::is_from_the_future(time(manifest), now)) {
        sources.entry(group::source(manifest)).or_default().push(manifest);
    }
    sources.into_values().filter_map(newest_whole).collect()
}

/// The newest of one source in which nothing is missing.
fn newest_whole(mut snapshots: Vec<&Manifest>) -> Option<LeaseId> {
    snapshots.sort_by_key(|manifest| (time(manifest), manifest.id));
    let mut had_files = false;
    let mut newest = None;
    for manifest in snapshots {
        let files = manifest.statistics.files;
        // A source that has lost all its files is rather not mounted than whole.
        if manifest.problems.count == 0 && (files > 0 || !had_files) {
            newest = Some(manifest.id);
        }
        had_files |= files > 0;
    }
    newest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use repo_format::manifest::{Manifest, Problems};

    use super::super::tests::{HOUR, NOW, conditions, rule, snapshot};
    use super::super::{Conditions, Group, GroupBy, Policy, Reason, Rule, judge};

    /// A snapshot of some hours ago with so many problems and files.
    fn made(number: u32, hours: i64, problems: u64, files: u64) -> Manifest {
        let mut manifest = snapshot(number, NOW - hours * HOUR);
        manifest.problems = Problems { count: problems, lists: Vec::new() };
        manifest.statistics.files = files;
        manifest
    }

    fn last(count: u32) -> Policy {
        Policy { rules: vec![Rule::Last(count)], group_by: vec![GroupBy::Host, GroupBy::Roots] }
    }

    /// What keeps each, oldest first.
    fn reasons(snapshots: Vec<Manifest>) -> Vec<Vec<Reason>> {
        let groups = judge(snapshots, &last(1), &conditions(NOW)).unwrap();
        groups.iter().flat_map(|group| &group.members).map(|judged| judged.reasons.clone()).collect()
    }

    #[test]
    fn a_snapshot_with_problems_does_not_push_out_the_whole_one() {
        let kept = reasons(vec![made(1, 3, 0, 5), made(2, 2, 0, 5), made(3, 1, 1, 4), made(4, 0, 2, 3)]);
        assert_eq!(kept, [vec![], vec![Reason::NewestWhole], vec![], vec![Reason::Counted(Rule::Last(1), 1)]]);
    }

    #[test]
    fn a_snapshot_that_lost_all_files_does_not_push_out_the_one_that_had_them() {
        let kept = reasons(vec![made(1, 2, 0, 5), made(2, 1, 0, 0), made(3, 0, 0, 0)]);
        assert_eq!(kept, [vec![Reason::NewestWhole], vec![], vec![Reason::Counted(Rule::Last(1), 1)]]);
    }

    #[test]
    fn a_source_that_never_had_files_is_whole_without() {
        let kept = reasons(vec![made(1, 1, 0, 0), made(2, 0, 0, 0)]);
        assert_eq!(kept, [vec![], vec![Reason::Counted(Rule::Last(1), 1)]]);
    }

    /// Snapshots of two hosts and two sets of roots, some with problems, some empty, some from the future, some with a tag.
    fn snapshots() -> impl Strategy<Value = Vec<Manifest>> {
        let one = (-20..400i64, 0..3u64, 0..3u64, any::<[bool; 3]>());
        prop::collection::vec(one, 1..30).prop_map(|all| {
            let each = (0..).zip(all).map(|(number, (hours, problems, files, [host, root, tag]))| {
                let mut manifest = made(number, hours, problems.saturating_sub(1), files);
                manifest.host = if host { "server" } else { "laptop" }.into();
                manifest.roots.truncate(root.into());
                manifest.tags.extend(tag.then(|| "audit".to_owned()));
                manifest
            });
            each.collect()
        })
    }

    fn group_by() -> impl Strategy<Value = Vec<GroupBy>> {
        prop::sample::subsequence(vec![GroupBy::Host, GroupBy::Roots, GroupBy::Tags], 0..=3)
    }

    fn goes(groups: &[Group], manifest: &Manifest) -> bool {
        let members = groups.iter().flat_map(|group| &group.members);
        members.into_iter().any(|judged| judged.manifest.id == manifest.id && !judged.is_kept())
    }

    /// Whether an older one of the same source had files that this one lacks.
    fn lost_files(manifest: &Manifest, all: &[Manifest]) -> bool {
        let older = |other: &&Manifest| {
            (&other.host, &other.roots) == (&manifest.host, &manifest.roots)
                && (other.seconds, other.id) < (manifest.seconds, manifest.id)
        };
        manifest.statistics.files == 0 && all.iter().filter(older).any(|other| other.statistics.files > 0)
    }

    proptest! {
        #[test]
        fn whatever_the_policy_is_the_newest_whole_snapshot_of_each_source_stays(
            all in snapshots(),
            mut rules in prop::collection::vec(rule(), 1..4),
            group_by in group_by(),
            filter in any::<[bool; 3]>(),
        ) {
            let [by_host, by_tag, keeps_tag] = filter;
            rules.extend(keeps_tag.then(|| Rule::Tag("audit".into())));
            let only = Conditions {
                host: by_host.then(|| "server".to_owned()),
                tag: by_tag.then(|| "audit".to_owned()),
                ..conditions(NOW)
            };
            let Ok(groups) = judge(all.clone(), &Policy { rules, group_by }, &only) else { return Ok(()) };
            for manifest in all.iter().filter(|manifest| manifest.seconds > NOW + HOUR) {
                prop_assert!(!goes(&groups, manifest), "one from the future goes");
            }
            let past: Vec<_> = all.into_iter().filter(|manifest| manifest.seconds <= NOW).collect();
            let is_whole = |manifest: &&Manifest| manifest.problems.count == 0 && !lost_files(manifest, &past);
            for one in &past {
                let same = past.iter().filter(|other| (&other.host, &other.roots) == (&one.host, &one.roots));
                let newest = same.filter(is_whole).max_by_key(|manifest| (manifest.seconds, manifest.id));
                prop_assert!(newest.is_none_or(|newest| !goes(&groups, newest)), "{newest:?}");
            }
        }
    }
}
