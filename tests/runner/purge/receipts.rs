//! Receipts of runs: what was to go, what went, and when one of them is enough.

use std::sync::Arc;

use engine::purge::{self, PlanOptions};
use engine::repository::Repository;
use engine::store::AppendOnlyStore;
use engine::upkeep::receipt::{Purge, history};

use super::practice::{OLD_ROWS, Practice, category, log_options, rule, run_options};
use crate::support::Listener;
use crate::support::verify_all;

fn purges(repository: &Repository) -> Vec<Purge> {
    let found = history(repository).unwrap();
    assert!(found.unreadable.is_empty());
    found.purges
}

#[test]
fn the_receipt_of_the_beginning_goes_when_that_of_the_end_says_the_same() {
    let practice = Practice::new("InnoDB");
    let plan = practice.plan(&log_options()).unwrap().plan;
    let outcome = practice.run(&plan);
    let [purge] = &purges(&practice.repository)[..] else { panic!("one purge") };
    assert!(purge.begun.is_none());
    let ended = purge.ended.as_ref().unwrap();
    assert_eq!((outcome.receipts, ended.record.tables[0].rows), (vec![ended.id()], OLD_ROWS));
    assert!(verify_all(&practice.repository).findings.is_empty(), "what is gone was forgotten");
}

#[test]
fn two_receipts_that_say_the_same_are_left_to_the_next_run_when_one_cannot_go() {
    let practice = Practice::new("InnoDB");
    let plan = practice.plan(&log_options()).unwrap().plan;
    let append_only = practice.fixture.through(Arc::new(AppendOnlyStore::new(practice.fixture.store.clone()))).open();
    let listener = Listener::default();
    let address = practice.server.address();
    let outcome = purge::run(&append_only, &address, &plan, &run_options(), &listener).unwrap();
    assert_eq!((outcome.categories[0].tables[0].1, listener.heard("stays beside that of the end")), (OLD_ROWS, 1));
    let [purge] = &purges(&practice.repository)[..] else { panic!("one purge") };
    assert!(purge.begun.is_some() && purge.ended.is_some());
    let visits = engine::purge::Category {
        name: "visits".to_owned(),
        table: "appointment".to_owned(),
        date: "AptDateTime".to_owned(),
        children: Vec::new(),
        ..category("securitylog")
    };
    let options = PlanOptions { categories: vec![visits], rule: rule(), ..log_options() };
    let plan = practice.plan(&options).unwrap().plan;
    practice.run(&plan);
    let all = purges(&practice.repository);
    assert_eq!(all.len(), 2);
    assert!(all.iter().all(|purge| purge.begun.is_none() && purge.ended.is_some()));
    assert!(verify_all(&practice.repository).findings.is_empty());
}
