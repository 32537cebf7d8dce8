//! The newest whole snapshot of each source, which stays whatever the rules say.
//!
//! A failing or missing disk makes snapshots that are newer and worth less, and a repository may lose data that a newer
//! one needs. Rules that count would let the good one go.
//! count would let the good one go.

use std::collections::{BTreeMap, HashSet};

use repo_format::entry::Time;
use repo_format::id::LeaseId;
use repo_format::manifest::Manifest;

use super::{Known, group, not_counted};

/// For each host and its roots, the newest of `snapshots` in which nothing is missing. If data of the source is lost,
/// nobody knows whether a later snapshot is whole. Then the newest that was whole at the last check stays, too.
pub(super) fn newest_of_each_source(snapshots: &[Manifest], now: Time, known: &Known) -> HashSet<LeaseId> {
    let mut sources: BTreeMap<_, Vec<&Manifest>> = BTreeMap::new();
    for manifest in snapshots.iter().filter(|manifest| not_counted(manifest, now, known).is_none()) {
        sources.entry(group::source(manifest)).or_default().push(manifest);
    }
    let mut newest = HashSet::new();
    for mut source in sources.into_values() {
        source.sort_by_key(|manifest| (manifest.time(), manifest.id));
        let suffers = |manifest: &Manifest| known.suffering.contains(&manifest.id);
        newest.extend(newest_whole(&source, |manifest| !suffers(manifest)));
        if source.iter().any(|manifest| suffers(manifest)) {
            newest.extend(newest_whole(&source, |manifest| known.whole.contains(&manifest.id)));
        }
    }
    newest
}

/// The newest complete snapshot of one source (sorted oldest first) for which `may_stand` holds.
fn newest_whole(source: &[&Manifest], may_stand: impl Fn(&Manifest) -> bool) -> Option<LeaseId> {
    let mut had_files = false;
    let mut newest = None;
    for manifest in source {
        let files = manifest.statistics.files;
        // A source that has lost all its files is probably not mounted.
        if manifest.problems.count == 0 && (files > 0 || !had_files) && may_stand(manifest) {
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
    use super::super::{Conditions, Group, GroupBy, Known, Policy, Reason, Rule, judge};

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

    /// The reasons to keep each, oldest first.
    fn reasons(snapshots: Vec<Manifest>) -> Vec<Vec<Reason>> {
        let groups = judge(snapshots, &last(1), &conditions(NOW), &Known::default()).unwrap();
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

    #[test]
    fn a_snapshot_that_lost_data_does_not_push_out_the_whole_one() {
        let all = vec![made(1, 3, 0, 5), made(2, 2, 0, 5), made(3, 1, 0, 5), made(4, 0, 0, 5)];
        let judged = |suffering: &[usize], whole: &[usize]| {
            let ids = |numbers: &[usize]| numbers.iter().map(|number| all[*number].id).collect();
            let known = Known { suffering: ids(suffering), whole: ids(whole), ..Known::default() };
            let groups = judge(all.clone(), &last(1), &conditions(NOW), &known).unwrap();
            let kept = groups[0].members.iter().enumerate().filter(|(_, judged)| judged.is_kept());
            kept.map(|(at, _)| at).collect::<Vec<_>>()
        };
        assert_eq!(judged(&[], &[]), [3]);
        assert_eq!(judged(&[2, 3], &[0, 1]), [1, 3]);
        assert_eq!(judged(&[1], &[0]), [0, 3], "nobody has looked at the newest since something was lost");
        assert_eq!(judged(&[0], &[1, 2, 3]), [3], "what is whole now need not stay for what was lost before");
        assert_eq!(judged(&[0, 1, 2, 3], &[]), [3]);
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
                && (other.time(), other.id) < (manifest.time(), manifest.id)
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
            losses in prop::collection::vec(any::<bool>(), 30),
        ) {
            let [by_host, by_tag, keeps_tag] = filter;
            rules.extend(keeps_tag.then(|| Rule::Tag("audit".into())));
            let only = Conditions {
                host: by_host.then(|| "server".to_owned()),
                tag: by_tag.then(|| "audit".to_owned()),
                ..conditions(NOW)
            };
            let suffering = all.iter().zip(&losses).filter(|(_, suffers)| **suffers).map(|(manifest, _)| manifest.id);
            let known = Known { suffering: suffering.collect(), ..Known::default() };
            let Ok(groups) = judge(all.clone(), &Policy { rules, group_by }, &only, &known) else { return Ok(()) };
            for manifest in all.iter().filter(|manifest| manifest.seconds > NOW + HOUR) {
                prop_assert!(!goes(&groups, manifest), "one from the future goes");
            }
            let past: Vec<_> = all.into_iter().filter(|manifest| manifest.seconds <= NOW).collect();
            let is_whole = |manifest: &&Manifest| {
                let has_lost = lost_files(manifest, &past) || known.suffering.contains(&manifest.id);
                manifest.problems.count == 0 && !has_lost
            };
            for one in &past {
                let same = past.iter().filter(|other| (&other.host, &other.roots) == (&one.host, &one.roots));
                let newest = same.filter(is_whole).max_by_key(|manifest| (manifest.time(), manifest.id));
                prop_assert!(newest.is_none_or(|newest| !goes(&groups, newest)), "{newest:?}");
            }
        }
    }
}
