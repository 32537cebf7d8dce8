//! Actions of people: each is in the journal before it begins.

use std::ffi::OsString;
use std::sync::{Arc, MutexGuard, PoisonError};

use engine::Result;
use repo_format::evidence::ActionEnd;

use super::super::door::Visitor;
use super::moments::Planned;
use super::{House, Refusal};
use crate::agent::{Ask, Order, Task};

impl House {
    /// The restore to a moment that was planned last.
    pub(super) fn planned(&self) -> MutexGuard<'_, Option<Planned>> {
        self.planned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves an order of `visitor` on the agent's desk; returns the number of the run.
    pub(super) async fn order(
        self: &Arc<Self>,
        visitor: &Visitor,
        ask: impl Into<Ask>,
        task: Task,
        words: Vec<OsString>,
    ) -> std::result::Result<u64, Refusal> {
        let (house, session, ask) = (self.clone(), visitor.0.clone(), ask.into());
        let ordered = self.office.think(move || {
            let record = house.journal.begin(session.person.orderer(), &ask)?;
            let by = Some(session.person.name.clone());
            let ordered = house.office.desk.order(Order { task, words, by, record: Some(record) });
            if ordered.is_err() {
                house.journal.end(record, ActionEnd::Refused)?;
            }
            Ok(ordered)
        });
        ordered.await?.map_err(Refusal::Busy)
    }

    /// Does something at once, on a thread: a browser that goes away does not stop it half-way.
    ///
    /// # Errors
    /// It fails, or the journal cannot be written.
    pub(super) async fn act<T: Send + 'static>(
        self: &Arc<Self>,
        visitor: &Visitor,
        ask: impl Into<Ask>,
        work: impl FnOnce(&House) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (house, session, ask) = (self.clone(), visitor.0.clone(), ask.into());
        let act = move || house.journal.during(session.person.orderer(), &ask, || work(&house));
        self.office.think(act).await
    }
}
