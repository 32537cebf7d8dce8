//! Plans are sealed with the keys of the repository: what was edited, or is not what it was, is not run.

use engine::crypto::{Credential, KeyFile};
use engine::monitor::NullMonitor;
use engine::purge::{Category, Child, Cutoff, Exception, Plan, RunOptions, Unset};
use engine::repository::members::{add_member, remove_member};
use engine::{ErrorKind, purge};

use super::practice::{Practice, log_options, run_options};

#[test]
fn a_plan_that_is_edited_or_whose_category_is_another_today_is_refused_and_nothing_goes() {
    let practice = Practice::new("InnoDB");
    let plan = practice.plan(&log_options()).unwrap().plan;
    let edits: [fn(&mut Plan); 8] = [
        |plan| "patient".clone_into(&mut plan.categories[0].table),
        |plan| "DateTStamp".clone_into(&mut plan.categories[0].date),
        |plan| plan.categories[0].children.clear(),
        |plan| plan.categories[0].condition = Some("PatNum = 1".to_owned()),
        |plan| plan.rule.cutoff = Cutoff::before("2023-01-01".parse().unwrap()),
        |plan| plan.rule.unset = Unset::Old,
        |plan| plan.rule.exceptions = vec![Exception { column: "PatNum".to_owned(), value: "1".to_owned() }],
        |plan| plan.seal.epoch += 1,
    ];
    for (at, edit) in edits.iter().enumerate() {
        let mut edited = plan.clone();
        edit(&mut edited);
        let error = practice.try_run(&edited, &NullMonitor).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "edit {at}: {error}");
        assert!(error.to_string().contains("edited"), "edit {at}: {error}");
    }
    assert_held_to_the_categories_of_today(&practice, &plan);
    assert_eq!(practice.count("securitylog"), 60_000);
    practice.run(&plan);
    assert!(practice.count("securitylog") < 60_000);
}

fn assert_held_to_the_categories_of_today(practice: &Practice, plan: &Plan) {
    let today = |change: fn(&mut Category)| {
        let mut options = run_options();
        options.categories.iter_mut().filter(|category| category.name == "securitylog").for_each(change);
        options
    };
    let all: [(RunOptions, &str); 4] = [
        (RunOptions { categories: Vec::new(), ..run_options() }, "is not known here"),
        (today(|category| "appointment".clone_into(&mut category.table)), "not what it is today"),
        (
            today(|category| category.children.push(Child { table: "a".into(), column: "b".into() })),
            "not what it is today",
        ),
        (today(|category| category.condition = Some("PatNum = 1".to_owned())), "not what it is today"),
    ];
    for (options, why) in all {
        let error = practice.run_so(plan, &options, &NullMonitor).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[test]
fn a_plan_that_was_made_before_a_member_was_removed_is_refused() {
    let practice = Practice::new("InnoDB");
    let added =
        add_member(&practice.repository, &Credential::KeyFile(KeyFile::generate().unwrap()), "another").unwrap();
    let plan = practice.plan(&log_options()).unwrap().plan;
    remove_member(&practice.fixture.open_anew(), added).unwrap();
    let repository = practice.fixture.open_anew();
    let address = practice.server.address();
    let error = purge::run(&repository, &address, &plan, &run_options(), &NullMonitor).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("make a new plan"), "{error}");
    assert_eq!(practice.count("securitylog"), 60_000);
    let anew = purge::plan(&repository, &address, &log_options(), &NullMonitor).unwrap().plan;
    purge::run(&repository, &address, &anew, &run_options(), &NullMonitor).unwrap();
    assert!(practice.count("securitylog") < 60_000);
}
