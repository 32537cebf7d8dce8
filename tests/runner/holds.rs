//! A snapshot after an attack is made, and keeps everything as it is until somebody answers.

use std::path::Path;

use engine::ErrorKind;
use engine::files::backup::{BackupOutcome, Source, backup};
use engine::health::{HealthOptions, Question, State, health};
use engine::hold::{self, Answer, Expectation, Rule, Verdict};
use engine::machine::{Process, standing};
use engine::monitor::NullMonitor;
use engine::repository::{Author, Repository};
use engine::snapshots::status::{StatusOptions, status};
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

#[test]
fn a_rule_that_was_wrong_rests_however_many_backups_come_after_it() {
    let fixture = Fixture::new();
    let folder = practice(&fixture, 2);
    encrypt(&folder);
    let held = save(&fixture, &folder, 15);
    assert_eq!(held.held, [Rule::Beginnings, Rule::Notes]);
    answer(&fixture, &held, Verdict::Ours, 15);
    for minutes in 1..=210 {
        let sources = vec![Source::Path(folder.clone())];
        let time = Time { seconds: BEGUN + 16 * DAY + 60 * minutes, nanoseconds: 0 };
        standing::at(time, || backup(&fixture.open(), sources, &backup_options(), &NullMonitor).unwrap());
    }
    each_picture(&folder, |_, path| std::fs::write(path, "other").unwrap());
    assert_eq!(save(&fixture, &folder, 20).held, []);
}

#[test]
fn a_rule_that_was_wrong_rests_in_its_folder_alone() {
    let fixture = Fixture::new();
    let folder = on_day(0, || pictures(&fixture));
    for (place, number) in ["left", "right"].into_iter().flat_map(|place| (0..60).map(move |number| (place, number))) {
        std::fs::create_dir_all(folder.join(place)).unwrap();
        std::fs::write(folder.join(format!("{place}/{number}.jpg")), picture(number, 1)).unwrap();
    }
    assert_eq!(save(&fixture, &folder, 1).held, []);
    let spoil = |places: &[&str], words: &str| {
        let files = places.iter().flat_map(|place| (0..60).map(move |number| format!("{place}/{number}.jpg")));
        files.for_each(|file| std::fs::write(folder.join(&file), format!("{words} {file}")).unwrap());
    };
    spoil(&["left"], "converted");
    let held = save(&fixture, &folder, 16);
    assert_eq!(held.held, [Rule::Beginnings]);
    answer(&fixture, &held, Verdict::Ours, 16);
    spoil(&["left"], "once more");
    assert_eq!(save(&fixture, &folder, 17).held, [], "the folder that somebody has answered for");
    spoil(&["right"], "encrypted");
    assert_eq!(save(&fixture, &folder, 18).held, [Rule::Beginnings], "another folder");
    spoil(&["left", "right"], "both");
    assert_eq!(save(&fixture, &folder, 19).held, [Rule::Beginnings], "more than that folder");
    spoil(&["left"], "after a month");
    assert_eq!(save(&fixture, &folder, 50).held, [Rule::Beginnings]);
}

/// Something that happens to a practice once in some years: what, the change of its folder, and the rules that hold it.
type Year = (&'static str, fn(&Path), &'static [Rule]);

/// Nobody attacks this practice. The years that are held are those in which somebody has to look whether files are
/// missing: a program cannot tell a folder that was moved or a share that is not mounted from one that was emptied.
const YEARS: [Year; 12] = [
    ("pictures of another practice are imported", import, &[]),
    ("a program turns all pictures", |folder| save_anew(folder, 2), &[]),
    ("previews are made", |folder| previews(folder, 1), &[]),
    ("previews are made anew", |folder| previews(folder, 3), &[]),
    ("a new camera", camera, &[]),
    ("a software update", update, &[]),
    ("old pictures are removed", |folder| remove(folder, 0..9), &[]),
    ("a folder is restored", |folder| restore(folder, 0..9), &[]),
    (
        "the practice gets another name",
        |folder| std::fs::write(folder.join("letterhead.txt"), "Dr. Doe & Doe").unwrap(),
        &[],
    ),
    (
        "a folder is moved",
        |folder| std::fs::rename(folder.join("imported"), folder.join("archive")).unwrap(),
        &[Rule::Gone, Rule::Notes],
    ),
    ("all pictures are saved as another kind", convert, &[Rule::Gone]),
    ("the share is not mounted", empty, &[Rule::Gone]),
];

#[test]
fn ten_ordinary_years_are_held_only_where_somebody_has_to_look() {
    let fixture = Fixture::new();
    let folder = practice(&fixture, 16);
    let mut day = 16;
    for (what, change, rules) in YEARS {
        // A rule that somebody has answered for rests for thirty days.
        day += 31;
        std::fs::write(folder.join("P1/today.jpg"), picture(7, 1)).unwrap();
        assert_eq!(save(&fixture, &folder, day).held, [], "an ordinary day before: {what}");
        day += 1;
        change(&folder);
        let outcome = save(&fixture, &folder, day);
        assert_eq!(outcome.held, rules, "{what}");
        if !rules.is_empty() {
            answer(&fixture, &outcome, Verdict::Ours, day);
        }
        assert!(may_delete(&fixture), "{what}");
    }
}

fn import(folder: &Path) {
    for number in 0..300 {
        let below = folder.join(format!("imported/Q{}", number % 25));
        std::fs::create_dir_all(&below).unwrap();
        std::fs::write(below.join(format!("{number}.jpg")), picture(number, 1)).unwrap();
        // The same small file in each folder.
        std::fs::write(below.join("Thumbs.db"), [7; 900]).unwrap();
    }
}

fn save_anew(folder: &Path, saved: u8) {
    each_picture(folder, |number, path| std::fs::write(path, picture(number, saved)).unwrap());
}

fn previews(folder: &Path, saved: u8) {
    std::fs::create_dir_all(folder.join("previews")).unwrap();
    each_picture(folder, |number, _| {
        std::fs::write(
            folder.join(format!("previews/{number}.jpg")),
            &picture(number, saved)[..900 + number * usize::from(saved)],
        )
        .unwrap();
    });
}

fn camera(folder: &Path) {
    std::fs::create_dir_all(folder.join("volumes")).unwrap();
    for number in 0..120_usize {
        let bytes = [vec![0; 128], b"DICM".to_vec(), vec![3; 4000 + number]].concat();
        std::fs::write(folder.join(format!("volumes/{number}.dcm")), bytes).unwrap();
    }
}

/// A program writes its version into each folder, and a few settings.
fn update(folder: &Path) {
    for number in 0..25 {
        std::fs::write(folder.join(format!("P{number}/version.ini")), "[imaging]\nversion=12\n").unwrap();
    }
    std::fs::write(folder.join("settings.ini"), "colour=1\n").unwrap();
}

fn remove(folder: &Path, numbers: std::ops::Range<usize>) {
    numbers.for_each(|number| std::fs::remove_file(folder.join(format!("P{}/{number}.jpg", number % 25))).unwrap());
}

fn restore(folder: &Path, numbers: std::ops::Range<usize>) {
    for number in numbers {
        std::fs::write(folder.join(format!("P{}/{number}.jpg", number % 25)), picture(number, 2)).unwrap();
    }
}

fn convert(folder: &Path) {
    each_picture(folder, |number, path| {
        std::fs::write(path.with_extension("png"), [&b"\x89PNG\r\n\x1a\n"[..], &vec![9; 3000 + number * 3]].concat())
            .unwrap();
        std::fs::remove_file(path).unwrap();
    });
    std::fs::remove_dir_all(folder.join("archive")).unwrap();
}

fn empty(folder: &Path) {
    std::fs::read_dir(folder).unwrap().for_each(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() { std::fs::remove_dir_all(path).unwrap() } else { std::fs::remove_file(path).unwrap() }
    });
}

#[test]
fn a_hold_is_told_however_many_snapshots_follow() {
    let fixture = Fixture::new();
    let folder = practice(&fixture, 16);
    encrypt(&folder);
    let held = save(&fixture, &folder, 16);
    // An hour each, for longer than the figures of `status` look back.
    for hour in 1..130 {
        std::fs::write(folder.join("P1/log.txt"), format!("{hour}")).unwrap();
        let sources = vec![Source::Path(folder.clone())];
        let time = Time { seconds: BEGUN + 16 * DAY + hour * 3600, nanoseconds: 0 };
        standing::at(time, || backup(&fixture.open(), sources, &backup_options(), &NullMonitor).unwrap());
    }
    let usual = |repository: Repository, day: i64| {
        on_day(day, || {
            let status = status(&repository, &StatusOptions::default()).unwrap();
            let health = health(&repository, &status, &HealthOptions::default()).unwrap();
            health.checks.iter().find(|check| check.question == Question::Usual).unwrap().state
        })
    };
    assert_eq!(usual(fixture.open(), 22), State::Bad);
    assert_eq!(usual(fixture.open(), 90), State::Bad, "it never ends by itself");
    assert_eq!(usual(fixture.open_anew(), 90), State::Bad, "a machine that has seen nothing of it");
    answer(&fixture, &held, Verdict::Over, 91);
    assert_eq!(usual(fixture.open(), 91), State::Good);
}
