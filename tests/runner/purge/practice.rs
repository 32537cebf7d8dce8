//! A practice with a log, saved, and what may never happen to it.

use engine::database::{Address, Credentials};
use engine::monitor::{Monitor, NullMonitor};
use engine::profile::{Removable, named};
use engine::purge::{
    Attachments, Category, Cutoff, Exception, PaceOptions, Plan, PlanOptions, Planned, Rule, RunOptions, RunOutcome,
    Unset,
};
use engine::repository::Repository;
use engine::{Result, purge};
use scenario_tests::databases::practice;
use scenario_tests::server::{TestServer, Version};

use crate::database::save::save;
use crate::support::Fixture;

/// The first day that is kept: of 60,000 rows, one a minute, 44,640 are older.
pub const CUTOFF: &str = "2022-02-01";
pub const OLD_ROWS: u64 = 31 * 24 * 60 - 1;

/// A server with a practice, and a repository with a snapshot of it.
pub struct Practice {
    pub server: TestServer,
    pub repository: Repository,
    pub fixture: Fixture,
}

impl Practice {
    /// All tables of `engine`.
    pub fn new(engine: &str) -> Self {
        Self::with(engine, |_| {})
    }

    /// On a server of `version`.
    pub fn of(version: Version, engine: &str) -> Self {
        Self::on(TestServer::of(version, &[]), engine, |_| {})
    }

    /// The snapshot includes the changes of `prepare`.
    pub fn with(engine: &str, prepare: impl FnOnce(&TestServer)) -> Self {
        Self::with_options(engine, &[], prepare)
    }

    /// On a server with `options` of its command line.
    pub fn with_options(engine: &str, options: &[&str], prepare: impl FnOnce(&TestServer)) -> Self {
        Self::on(TestServer::start(options), engine, prepare)
    }

    /// On `server`.
    pub fn on(server: TestServer, engine: &str, prepare: impl FnOnce(&TestServer)) -> Self {
        practice(&server, 1, engine);
        prepare(&server);
        let fixture = Fixture::new();
        let repository = fixture.open();
        save(&fixture, &repository, &server, &["practice"]);
        Practice { server, repository, fixture }
    }

    pub fn plan(&self, options: &PlanOptions) -> Result<Planned> {
        purge::plan(&self.repository, &self.server.address(), options, &NullMonitor)
    }

    /// With the rights of another user, who has no password.
    pub fn plan_as(&self, user: &str, options: &PlanOptions) -> Result<Planned> {
        let credentials = Credentials { user: user.into(), password: None };
        let address = Address { credentials, ..self.server.address() };
        purge::plan(&self.repository, &address, options, &NullMonitor)
    }

    pub fn run(&self, plan: &Plan) -> RunOutcome {
        self.try_run(plan, &NullMonitor).unwrap()
    }

    pub fn try_run(&self, plan: &Plan, monitor: &dyn Monitor) -> Result<RunOutcome> {
        self.run_with(plan, PaceOptions::default(), monitor)
    }

    pub fn run_with(&self, plan: &Plan, pace: PaceOptions, monitor: &dyn Monitor) -> Result<RunOutcome> {
        // The categories are those of the plan, whichever these are.
        let options = RunOptions { pace, categories: plan.categories.clone(), ..run_options() };
        self.run_so(plan, &options, monitor)
    }

    pub fn run_so(&self, plan: &Plan, options: &RunOptions, monitor: &dyn Monitor) -> Result<RunOutcome> {
        purge::run(&self.repository, &self.server.address(), plan, options, monitor)
    }

    pub fn count(&self, sql: &str) -> u64 {
        self.server.value(&format!("SELECT COUNT(*) FROM practice.{sql}")).unwrap().parse().unwrap()
    }

    /// No hash without its log, and no log that had one without its hash.
    pub fn assert_log_is_whole(&self) {
        assert_eq!(self.hashes_without_log(), 0);
        self.assert_no_log_without_hash();
    }

    pub fn hashes_without_log(&self) -> u64 {
        self.count(
            "securityloghash h LEFT JOIN practice.securitylog l USING (SecurityLogNum) WHERE l.SecurityLogNum IS NULL",
        )
    }

    pub fn assert_no_log_without_hash(&self) {
        let sql =
            "securitylog l LEFT JOIN practice.securityloghash h USING (SecurityLogNum) WHERE h.SecurityLogNum IS NULL";
        assert_eq!(self.count(sql), 0);
    }
}

pub fn run_options() -> RunOptions {
    RunOptions {
        operator: "ann".to_owned(),
        host: "office".to_owned(),
        program: "tests".to_owned(),
        reason: Some("too large".to_owned()),
        pace: PaceOptions::default(),
        reclaim: false,
        categories: known_categories(),
    }
}

/// All categories of Open Dental, with the files that can go.
fn known_categories() -> Vec<Category> {
    let known = |removable: &Removable| {
        let attachments = removable.attachments.as_ref().map(|files| Attachments::of(files, String::new()));
        Category { attachments, ..Category::from(removable) }
    };
    named("opendental").unwrap().removable.iter().map(known).collect()
}

/// The category of this name of Open Dental.
pub fn category(name: &str) -> Category {
    let removable = named("opendental").unwrap().removable.iter().find(|removable| removable.name == name);
    Category::from(removable.unwrap())
}

pub fn rule() -> Rule {
    Rule { cutoff: Cutoff::before(CUTOFF.parse().unwrap()), unset: Unset::Keep, exceptions: Vec::new() }
}

/// The log, up to [`CUTOFF`].
pub fn log_options() -> PlanOptions {
    PlanOptions {
        schema: "practice".to_owned(),
        snapshot: None,
        rule: rule(),
        categories: vec![category("securitylog")],
    }
}

pub fn except(column: &str, value: &str) -> PlanOptions {
    let exceptions = vec![Exception { column: column.to_owned(), value: value.to_owned() }];
    PlanOptions { rule: Rule { exceptions, ..rule() }, ..log_options() }
}
