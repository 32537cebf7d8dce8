//! A snapshot after an attack is made, and keeps everything as it is until somebody answers.

use std::path::Path;

use engine::ErrorKind;
use engine::files::backup::{BackupOutcome, Source, backup};
use engine::hold::{self, Answer, Expectation, Rule, Verdict};
use engine::machine::{Process, standing};
use engine::monitor::NullMonitor;
use engine::repository::Author;
use engine::upkeep::forget::plan_named;
use engine::upkeep::prune;
use repo_format::entry::Time;

use crate::signals::{each_picture, encrypt, picture, pictures};
use crate::support::{Fixture, backup_options};

const DAY: i64 = 24 * 3600;
const BEGUN: i64 = 1_800_000_000;

fn on_day<T>(day: i64, work: impl FnOnce() -> T) -> T {
    standing::at(Time { seconds: BEGUN + day * DAY, nanoseconds: 0 }, work)
}

fn save(fixture: &Fixture, folder: &Path, day: i64) -> BackupOutcome {
    let sources = vec![Source::Path(folder.to_owned())];
    on_day(day, || backup(&fixture.open(), sources, &backup_options(), &NullMonitor).unwrap())
}

/// A practice that was saved for some days.
fn practice(fixture: &Fixture, days: i64) -> std::path::PathBuf {
    let folder = on_day(0, || pictures(fixture));
    for day in 1..days {
        assert_eq!(save(fixture, &folder, day).held, []);
    }
    folder
}

fn author() -> Author {
    Author { host: backup_options().host, user: "dana".to_owned(), program: "test".to_owned() }
}

fn answer(fixture: &Fixture, held: &BackupOutcome, verdict: Verdict, day: i64) {
    let (snapshot, seconds) = (held.snapshot.unwrap(), BEGUN + day * DAY);
    let answer = Answer { snapshot, verdict, reason: "new program".to_owned(), seconds, author: author() };
    on_day(day, || answer.put(&fixture.open()).unwrap());
}

/// Whether something may be deleted.
fn may_delete(fixture: &Fixture) -> bool {
    let repository = fixture.open();
    let forgets = plan_named(&repository, &[], &NullMonitor).map(drop);
    let options = prune::PruneOptions { this_host: "here", process: &|_| Process::Gone, max_unused: 0, max_rewrite: 0 };
    let prunes = prune::plan(&repository, &options, &NullMonitor).map(drop);
    for result in [&forgets, &prunes] {
        assert!(result.as_ref().err().is_none_or(|error| error.kind() == ErrorKind::Refused), "{result:?}");
    }
    assert_eq!(forgets.is_ok(), prunes.is_ok());
    forgets.is_ok()
}

#[test]
fn nothing_is_deleted_after_an_attack_until_somebody_answers() {
    let fixture = Fixture::new();
    let folder = practice(&fixture, 16);
    encrypt(&folder);
    let held = save(&fixture, &folder, 16);
    assert_eq!(held.held, [Rule::Beginnings, Rule::Notes]);
    assert!(held.snapshot.is_some() && held.problem_count == 0, "the backup is made whole");
    assert!(!may_delete(&fixture));
    assert_eq!(save(&fixture, &folder, 17).held, [], "an ordinary hour after it");
    assert!(!may_delete(&fixture));
    let seen = hold::list(&fixture.open()).unwrap();
    assert_eq!((seen.len(), seen[0].snapshot), (1, held.snapshot.unwrap()));
    assert!(seen[0].words[0].contains("60 of 60"), "{:?}", seen[0].words);
    answer(&fixture, &held, Verdict::Over, 18);
    assert!(may_delete(&fixture));
    assert_eq!(hold::list(&fixture.open()).unwrap()[0].answer.as_ref().unwrap().verdict, Verdict::Over);
}

#[test]
fn the_first_two_weeks_only_watch() {
    let fixture = Fixture::new();
    let folder = practice(&fixture, 3);
    encrypt(&folder);
    assert_eq!(save(&fixture, &folder, 13).held, []);
    assert!(may_delete(&fixture));
}

#[test]
fn an_expected_change_is_not_held_and_the_next_one_is() {
    let fixture = Fixture::new();
    let folder = practice(&fixture, 2);
    let expectation = Expectation { until: BEGUN + 21 * DAY, reason: "conversion".to_owned(), author: author() };
    on_day(20, || expectation.put(&fixture.open()).unwrap());
    encrypt(&folder);
    assert_eq!(save(&fixture, &folder, 20).held, []);
    each_picture(&folder, |number, path| std::fs::write(path, picture(number, 2)).unwrap());
    assert_eq!(save(&fixture, &folder, 21).held, [], "they are pictures again");
    encrypt(&folder);
    assert_eq!(save(&fixture, &folder, 22).held, [Rule::Beginnings]);
}

#[test]
fn a_rule_that_was_wrong_rests_for_thirty_days_and_others_do_not() {
    let fixture = Fixture::new();
    let folder = practice(&fixture, 2);
    encrypt(&folder);
    let held = save(&fixture, &folder, 15);
    assert_eq!(held.held, [Rule::Beginnings, Rule::Notes]);
    answer(&fixture, &held, Verdict::Ours, 15);
    each_picture(&folder, |_, path| std::fs::write(path, "other").unwrap());
    assert_eq!(save(&fixture, &folder, 20).held, []);
    each_picture(&folder, |_, path| std::fs::rename(path, path.with_extension("jpg.locked")).unwrap());
    assert_eq!(save(&fixture, &folder, 25).held, [Rule::Gone]);
}
