//! Progress on a terminal: what is done, how fast, how long it will take. Appears only when something takes a while.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use engine::monitor::{Phase, Work};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::format;

/// A shorter operation shows no progress.
const DELAY: Duration = Duration::from_millis(500);
const TICK: Duration = Duration::from_millis(200);
/// Columns of a terminal that does not say.
pub const WIDTH_DEFAULT: usize = 80;

/// Columns of the terminal that `stream` is.
pub fn width_of(stream: &impl AsFd) -> usize {
    match rustix::termios::tcgetwinsize(stream) {
        Ok(size) if size.ws_col > 0 => size.ws_col.into(),
        _ => WIDTH_DEFAULT,
    }
}

/// Shows the current phase.
#[derive(Default)]
pub struct TerminalProgress {
    current: RwLock<Option<Running>>,
}

struct Running {
    phase: Phase,
    bar: ProgressBar,
    items: Arc<AtomicU64>,
    counts_items: AtomicBool,
    started: Instant,
    shown: AtomicBool,
}

impl TerminalProgress {
    /// A phase begins.
    pub fn begin(&self, phase: Phase, total: Option<Work>) {
        self.end();
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()).with_prefix(title(phase));
        let running = Running {
            phase,
            bar,
            items: Arc::default(),
            counts_items: AtomicBool::new(matches!(phase, Phase::Index | Phase::Walk)),
            started: Instant::now(),
            shown: AtomicBool::new(false),
        };
        running.set_total(total);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(running);
    }

    /// The current phase will come to `total`.
    pub fn expect(&self, total: Work) {
        self.with(|running| running.set_total(Some(total)));
    }

    /// Some more has been done.
    pub fn advance(&self, done: Work) {
        self.with(|running| running.advance(done));
    }

    /// The current phase ends.
    pub fn end(&self) {
        if let Some(running) = self.current.write().unwrap_or_else(PoisonError::into_inner).take() {
            running.bar.finish_and_clear();
        }
    }

    /// Runs `print` while the progress is out of the way.
    pub fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        match &*self.current.read().unwrap_or_else(PoisonError::into_inner) {
            Some(running) => running.bar.suspend(print),
            None => print(),
        }
    }

    fn with(&self, act: impl FnOnce(&Running)) {
        if let Some(running) = &*self.current.read().unwrap_or_else(PoisonError::into_inner) {
            act(running);
        }
    }
}

impl Running {
    fn set_total(&self, total: Option<Work>) {
        if let Some(total) = total {
            let counts_items = total.bytes == 0;
            self.counts_items.store(counts_items, Ordering::Relaxed);
            self.bar.set_length(if counts_items { total.items } else { total.bytes });
        }
        self.bar.set_style(self.style(total.is_some()));
    }

    fn advance(&self, done: Work) {
        self.items.fetch_add(done.items, Ordering::Relaxed);
        self.bar.inc(if self.counts_items.load(Ordering::Relaxed) { done.items } else { done.bytes });
        // More than was expected: nobody knows how much is left.
        if self.bar.length().is_some_and(|length| self.bar.position() > length) {
            self.bar.unset_length();
            self.bar.set_style(self.style(false));
        }
        if self.started.elapsed() >= DELAY && !self.shown.swap(true, Ordering::Relaxed) {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
            self.bar.enable_steady_tick(TICK);
        }
    }

    fn style(&self, has_total: bool) -> ProgressStyle {
        let template = match (has_total, self.counts_items.load(Ordering::Relaxed)) {
            (true, false) => {
                "{prefix} [{wide_bar}] {percent}% of {binary_total_bytes}, {items}, {binary_bytes_per_sec}, {eta} left"
            }
            (true, true) => "{prefix} [{wide_bar}] {percent}%, {items}, {eta} left",
            (false, false) => "{prefix} {spinner} {binary_bytes}, {items}, {binary_bytes_per_sec}, {elapsed}",
            (false, true) => "{prefix} {spinner} {items}, {elapsed}",
        };
        let items = Arc::clone(&self.items);
        let noun = noun(self.phase);
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        style.progress_chars("=> ").with_key("items", move |_: &ProgressState, out: &mut dyn std::fmt::Write| {
            // Writing to a string in memory does not fail.
            let _ = write!(out, "{}", format::counted(items.load(Ordering::Relaxed), noun));
        })
    }
}

fn title(phase: Phase) -> &'static str {
    match phase {
        Phase::Index => "reading the index",
        Phase::Backup => "saving",
        Phase::Restore => "restoring",
        Phase::Verify => "verifying",
        Phase::Walk => "looking for needed data",
        Phase::Rewrite => "copying needed data",
        Phase::Delete => "deleting",
        Phase::Protect => "locking",
        Phase::Copy => "copying",
        _ => "working",
    }
}

fn noun(phase: Phase) -> &'static str {
    match phase {
        Phase::Index | Phase::Verify | Phase::Protect => "object",
        Phase::Walk | Phase::Copy => "snapshot",
        Phase::Rewrite | Phase::Delete => "pack",
        _ => "file",
    }
}
