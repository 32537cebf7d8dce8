//! Attachments: rows and files of old messages go, and nothing that anything else needs.

use std::sync::atomic::{AtomicBool, Ordering};

use engine::ErrorKind;
use engine::monitor::{Monitor, Phase, Work};
use engine::purge::files::{FilesOptions, restore_files};
use engine::purge::{Ended, LeftRows};
use engine::upkeep::receipt::history;

use super::mail::{Mail, content};

const ENGINES: [&str; 2] = ["InnoDB", "MyISAM"];

/// Rows that keep messages, or files.
const TRAPS: &str = "\
UPDATE emailattach SET ActualFileName = 'In/late.pdf' WHERE EmailAttachNum = 10;
INSERT INTO emailattach VALUES (41, 11, 'of a template, too', 'In\\\\a11.pdf', 5);
INSERT INTO emailsecure VALUES (1, 12); INSERT INTO emailsecureattach VALUES (1, 13); INSERT INTO ehrsummaryccd VALUES (1, 14);
INSERT INTO claimattach VALUES (1, 'IN/A15.PDF'), (2, NULL);
INSERT INTO emailattach VALUES (42, 21, 'forwarded', 'In\\\\a16.pdf', 0);
UPDATE emailattach SET ActualFileName = '..\\\\..\\\\..\\\\secret.txt' WHERE EmailAttachNum = 17;
UPDATE emailattach SET ActualFileName = '' WHERE EmailAttachNum = 8; DELETE FROM emailattach WHERE EmailAttachNum = 9;
";

fn others() -> Vec<u64> {
    (21..=30).collect()
}

#[test]
fn old_messages_go_with_their_attachments_and_what_something_else_needs_stays() {
    for engine in ENGINES {
        let mail = Mail::new(engine, TRAPS);
        let secret = mail.images.parent().unwrap().join("secret.txt");
        std::fs::write(&secret, "secret").unwrap();
        std::fs::write(mail.images.join("EmailAttachments/In/late.pdf"), "late").unwrap();
        std::fs::write(mail.file(18), content(28)).unwrap();
        std::fs::remove_file(mail.file(19)).unwrap();
        std::os::unix::fs::symlink(&secret, mail.file(19)).unwrap();
        std::fs::remove_file(mail.file(20)).unwrap();

        let planned = mail.planned();
        let left = LeftRows { children: 4, used: 4, ..LeftRows::default() };
        let forecast = &planned.forecasts[0];
        assert_eq!((forecast.left, forecast.files.as_ref().unwrap().files), (left, 9), "{engine}");
        assert_eq!(planned.file_problems.count, 4);
        let outcome = mail.run(&planned.plan);
        let removed = &outcome.categories[0];
        assert_eq!((outcome.ended, removed.left), (Ended::Done, left), "{engine}");
        assert_eq!(removed.tables, [("emailmessage".to_owned(), 12), ("emailattach".to_owned(), 11)], "{engine}");
        let files = removed.files.as_ref().unwrap();
        let bytes = (1..=7).map(|number| content(number).len() as u64).sum();
        assert_eq!((files.files, files.bytes), (7, bytes), "{engine}");
        assert_eq!(files.left.clone().into_iter().collect::<Vec<_>>(), [("a row names it".to_owned(), 2)]);
        let problems: Vec<_> =
            outcome.file_problems.problems.iter().map(|p| String::from_utf8_lossy(&p.path.0).into_owned()).collect();
        for name in ["late.pdf", "secret.txt", "a18.pdf", "a19.pdf", "a15.pdf", "a16.pdf"] {
            assert!(problems.iter().any(|problem| problem.ends_with(name)), "{name} is not among {problems:?}");
        }

        let kept = [10, 11, 12, 13, 14, 17, 18, 19];
        assert_eq!(mail.numbers("EmailMessage"), [&kept[..], &others()].concat(), "{engine}");
        assert_eq!(mail.numbers("EmailAttach"), [&kept[..], &others(), &[40, 41, 42]].concat(), "{engine}");
        assert_eq!(mail.files(), (8..=19).chain(21..=30).collect::<Vec<_>>(), "{engine}");
        for path in ["EmailAttachments/logo.png", "EmailAttachments/In/late.pdf", "A/AdamsAnn1/x.jpg"] {
            assert!(mail.images.join(path).exists(), "{path}");
        }
        assert_eq!(std::fs::read_to_string(&secret).unwrap(), "secret");
        assert_eq!(mail.numbers("EmailMessageUid").len(), 30);
        let again = mail.run(&planned.plan);
        assert!(again.receipts.is_empty(), "nothing went");
        assert_eq!(again.categories[0].left, left);
    }
}

#[test]
fn without_the_choice_rows_and_files_of_attachments_stay() {
    let mail = Mail::new("InnoDB", "");
    let mut options = mail.options(&mail.images);
    options.categories[0].attachments = None;
    let plan = mail.try_plan(&options).unwrap().plan;
    let outcome = mail.run(&plan);
    assert_eq!(outcome.categories[0].tables, [("emailmessage".to_owned(), 20)]);
    assert_eq!((mail.numbers("EmailAttach").len(), mail.files().len()), (31, 30));
    assert!(history(&mail.repository).unwrap().purges[0].ended.as_ref().unwrap().record.files.is_none());
}

/// Does something in the moment before the deletion, or after its first progress.
struct Acts<'a> {
    work: &'a (dyn Fn() + Sync),
    first: bool,
    deletes: AtomicBool,
    cancelled: AtomicBool,
}

impl<'a> Acts<'a> {
    fn before(work: &'a (dyn Fn() + Sync)) -> Self {
        Acts { work, first: true, deletes: AtomicBool::new(false), cancelled: AtomicBool::new(false) }
    }

    /// All rows are one batch: what comes after it is about files.
    fn between_rows_and_files(work: &'a (dyn Fn() + Sync)) -> Self {
        Acts { first: false, ..Acts::before(work) }
    }
}

impl Monitor for Acts<'_> {
    fn begin(&self, phase: Phase, _: Option<Work>) {
        self.deletes.store(phase == Phase::Purge, Ordering::Relaxed);
        if self.first && phase == Phase::Purge {
            (self.work)();
        }
    }

    fn advance(&self, _: Work) {
        if !self.first && self.deletes.swap(false, Ordering::Relaxed) {
            self.cancelled.store(true, Ordering::Relaxed);
            (self.work)();
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

#[test]
fn a_file_that_changes_or_is_named_between_proof_and_removal_stays() {
    for engine in ENGINES {
        let mail = Mail::new(engine, "");
        let plan = mail.planned().plan;
        let work = || {
            let stat = mail.file(5).metadata().unwrap();
            std::fs::write(mail.file(5), [b'x'; 5000]).unwrap();
            // Size and time do not tell.
            std::fs::File::options()
                .write(true)
                .open(mail.file(5))
                .unwrap()
                .set_modified(stat.modified().unwrap())
                .unwrap();
            mail.server.run("INSERT INTO practice.claimattach VALUES (9, 'In\\\\a6.pdf')");
            mail.server.run("INSERT INTO practice.emailsecure VALUES (9, 7)");
        };
        let outcome = mail.run_with(&plan, &Acts::before(&work)).unwrap();
        let removed = &outcome.categories[0];
        assert_eq!(removed.left, LeftRows { used: 1, ..LeftRows::default() }, "{engine}");
        assert_eq!(mail.numbers("EmailMessage"), [&[7][..], &others()].concat(), "{engine}");
        assert_eq!(mail.files(), [5, 6, 7].into_iter().chain(21..=30).collect::<Vec<_>>(), "{engine}");
        let [purge] = &history(&mail.repository).unwrap().purges[..] else { panic!("one purge") };
        let record = |receipt: &Option<engine::upkeep::receipt::Receipt>| {
            receipt.as_ref().and_then(|receipt| receipt.record.files.clone()).unwrap()
        };
        assert_eq!((record(&purge.begun).files.len(), record(&purge.ended).files.len()), (20, 17), "{engine}");
        let left: Vec<_> = record(&purge.ended).left.into_iter().map(|left| (left.files, left.why)).collect();
        assert_eq!(left, [(2, "a row names it".to_owned()), (1, "it is other than in the snapshot".to_owned())]);
    }
}

#[test]
fn files_whose_rows_are_gone_go_when_the_plan_is_run_again() {
    for engine in ENGINES {
        let mail = Mail::new(engine, "");
        let plan = mail.planned().plan;
        let stopped = mail.run_with(&plan, &Acts::between_rows_and_files(&|| {})).unwrap();
        assert_eq!((stopped.ended, stopped.categories[0].tables[1].1), (Ended::Interrupted, 20), "{engine}");
        assert_eq!((mail.numbers("EmailAttach").len(), mail.files().len()), (11, 30), "{engine}");
        // Since then somebody has changed one, and named another.
        std::fs::write(mail.file(4), "other").unwrap();
        mail.server.run("INSERT INTO practice.claimattach VALUES (9, 'a5.pdf')");
        let outcome = mail.run(&plan);
        let files = outcome.categories[0].files.as_ref().unwrap();
        assert_eq!((outcome.categories[0].tables[0].1, files.files), (0, 18), "{engine}");
        assert_eq!(mail.files(), [4, 5].into_iter().chain(21..=30).collect::<Vec<_>>(), "{engine}");
        assert!(mail.run(&plan).receipts.is_empty(), "{engine}");
    }
}

#[test]
fn a_run_that_is_killed_between_rows_and_files_is_finished_by_the_next() {
    for engine in ENGINES {
        let mail = Mail::new(engine, "");
        let plan = mail.planned().plan;
        let monitor = Acts::between_rows_and_files(&|| std::panic::panic_any("killed"));
        let killed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| mail.run_with(&plan, &monitor)));
        assert!(killed.is_err() && mail.files().len() == 30, "{engine}");
        assert!(history(&mail.repository).unwrap().purges[0].ended.is_none());
        // Without transactions the attachments of a message may be left when it is gone.
        if engine == "MyISAM" {
            let row = "INSERT INTO practice.emailattach VALUES (3, 3, 'scan.pdf', 'In\\\\a3.pdf', 0)";
            mail.server.run(row);
        }
        let outcome = mail.run(&plan);
        assert_eq!(outcome.categories[0].files.as_ref().unwrap().files, 20, "{engine}");
        assert_eq!(mail.numbers("EmailAttach"), [&others()[..], &[40]].concat(), "{engine}");
        assert_eq!(mail.files(), (21..=30).collect::<Vec<_>>(), "{engine}");
    }
}

#[test]
fn what_one_plan_left_in_its_folder_is_not_taken_from_the_folder_of_another() {
    for engine in ENGINES {
        let mail = Mail::new(engine, "");
        let second = mail.images.with_file_name("second");
        std::fs::create_dir_all(second.join("EmailAttachments/In")).unwrap();
        let of_second = |number: u32| second.join(format!("EmailAttachments/In/a{number}.pdf"));
        (1..=20).for_each(|number| std::fs::write(of_second(number), content(number)).unwrap());
        mail.save(&[&mail.images, &second]);
        let plans = [&mail.images, &second].map(|folder| mail.try_plan(&mail.options(folder)).unwrap().plan);
        mail.run_with(&plans[0], &Acts::between_rows_and_files(&|| {})).unwrap();
        assert!(mail.run(&plans[1]).receipts.is_empty(), "{engine}");
        assert!((1..=20).all(|number| of_second(number).exists()) && mail.files().len() == 30, "{engine}");
        assert_eq!(mail.run(&plans[0]).categories[0].files.as_ref().unwrap().files, 20, "{engine}");
        assert!((1..=20).all(|number| of_second(number).exists()), "{engine}");
        assert_eq!(mail.files(), (21..=30).collect::<Vec<_>>(), "{engine}");
    }
}

#[test]
fn files_come_back_from_the_receipt_and_replace_nothing() {
    let mail = Mail::new("InnoDB", "");
    let outcome = mail.run(&mail.planned().plan);
    let purge = history(&mail.repository).unwrap().purges.remove(0);
    let receipt = purge.receipt().unwrap();
    assert_eq!(outcome.receipts, [receipt.id()]);
    std::fs::write(mail.file(7), "of somebody else").unwrap();
    let restore = |dry_run| {
        let options = FilesOptions { dry_run };
        restore_files(&mail.repository, &receipt.manifest, &mail.images, options, &engine::monitor::NullMonitor)
            .unwrap()
    };
    let dry = restore(true);
    assert_eq!((dry.files, dry.restored, dry.there, dry.problems.count), (20, 19, 0, 1));
    assert_eq!(mail.files().len(), 11);
    let restored = restore(false);
    assert_eq!((restored.restored, restored.problems.count), (19, 1));
    assert!(restored.problems.problems[0].path.0.ends_with(b"a7.pdf"));
    for number in (1..=20).filter(|number| *number != 7) {
        assert_eq!(std::fs::read(mail.file(number)).unwrap(), content(number), "{number}");
    }
    assert_eq!(std::fs::read(mail.file(7)).unwrap(), b"of somebody else");
    std::fs::remove_file(mail.file(7)).unwrap();
    let again = restore(false);
    assert_eq!((again.restored, again.there, again.problems.count), (1, 19, 0));
    let names = std::fs::read_dir(mail.images.join("EmailAttachments/In")).unwrap().count();
    assert_eq!(names, 30, "nothing else is left there");
}

#[test]
fn what_makes_files_uncertain_is_refused_with_its_reason() {
    let mail = Mail::new("InnoDB", "DROP TABLE emailsecure; DROP TABLE emailsecureattach; DROP TABLE ehrsummaryccd;");
    assert_eq!(mail.planned().refused, [], "tables that this version does not have are no obstacle");
    let refused = |folder: &std::path::Path| {
        let planned = mail.try_plan(&mail.options(folder)).unwrap();
        planned.refused.into_iter().next().unwrap().1
    };
    let parent = mail.images.parent().unwrap();
    let other = parent.join("other");
    std::fs::create_dir_all(other.join("EmailAttachments")).unwrap();
    assert!(refused(&other).contains("does not hold the folder"), "{}", refused(&other));
    let inner = mail.images.join("A");
    assert!(refused(&inner).contains("there is no `images/A/EmailAttachments`"), "{}", refused(&inner));
    std::fs::rename(&mail.images, parent.join("away")).unwrap();
    assert!(refused(&mail.images).contains("cannot open the folder"), "{}", refused(&mail.images));
    std::fs::rename(parent.join("away"), &mail.images).unwrap();
    mail.server.run("ALTER TABLE practice.claimattach CHANGE ActualFileName Name VARCHAR(255)");
    assert!(refused(&mail.images).contains("`claimattach` has no column"), "{}", refused(&mail.images));
    let mut twice = mail.options(&mail.images);
    twice.categories.push(twice.categories[0].clone());
    assert_eq!(mail.try_plan(&twice).unwrap_err().kind(), ErrorKind::Usage);
}
