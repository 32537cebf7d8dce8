//! Passes jobs to the workers: over a network many together, so that their chunks can be fetched by pack.

use std::sync::Arc;

use crossbeam_channel::Sender;

use super::Run;
use super::file::Job;
use crate::error::{Error, ErrorKind, Result};
use crate::pack::{WANTED_BYTES, Wanted};

/// Jobs that are passed on together, at most: each keeps a folder open.
const JOBS_MAX: usize = 256;

/// A job, and the chunks that it and its neighbours read.
pub(super) struct Task<'r> {
    pub job: Job,
    pub chunks: Arc<Wanted<'r>>,
}

/// The sending end of the workers' queue.
pub(super) struct Tasks<'r> {
    sender: Sender<Task<'r>>,
    nothing: Arc<Wanted<'r>>,
    waiting: Vec<Job>,
    bytes: u64,
}

impl<'r> Tasks<'r> {
    pub fn new(run: &Run<'r>, sender: Sender<Task<'r>>) -> Self {
        Tasks { sender, nothing: Arc::new(Wanted::nothing(run.reader)), waiting: Vec::new(), bytes: 0 }
    }

    /// Passes on a job that reads `bytes` of contents, at once or later.
    pub fn send(&mut self, run: &Run<'r>, job: Job, bytes: u64) -> Result<()> {
        if !run.reader.is_far() {
            return self.pass(job, self.nothing.clone());
        }
        self.waiting.push(job);
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes >= WANTED_BYTES || self.waiting.len() >= JOBS_MAX { self.flush(run) } else { Ok(()) }
    }

    /// Passes on the jobs that wait.
    pub fn flush(&mut self, run: &Run<'r>) -> Result<()> {
        self.bytes = 0;
        let jobs = std::mem::take(&mut self.waiting);
        let ids: Vec<_> = jobs.iter().flat_map(|job| job.chunks(run)).collect();
        let chunks = Arc::new(Wanted::new(run.reader, ids)?);
        jobs.into_iter().try_for_each(|job| self.pass(job, chunks.clone()))
    }

    fn pass(&self, job: Job, chunks: Arc<Wanted<'r>>) -> Result<()> {
        let sent = self.sender.send(Task { job, chunks });
        sent.map_err(|_| Error::new(ErrorKind::Cancelled, "stopped because of an earlier failure"))
    }
}
