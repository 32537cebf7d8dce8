//! Progress on a terminal: what is done, how fast, how long it will take. Appears only when something takes a while.

use std::fmt::Write;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use engine::monitor::{Phase, Work};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::format;

/// A shorter operation shows no progress.
const DELAY: Duration = Duration::from_millis(500);
/// After this time the speed is known well enough to say how long it will take.
const RATE_AFTER: Duration = Duration::from_secs(5);
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
    items: Arc<Items>,
    counts_items: AtomicBool,
    started: Instant,
    shown: AtomicBool,
}

/// Items that are done, and how many there will be; 0 if nobody knows.
#[derive(Default)]
struct Items {
    done: AtomicU64,
    total: AtomicU64,
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
            counts_items: AtomicBool::new(matches!(phase, Phase::Index | Phase::Walk | Phase::Keys)),
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
            self.items.total.store(total.items, Ordering::Relaxed);
            self.counts_items.store(counts_items, Ordering::Relaxed);
            self.bar.set_length(if counts_items { total.items } else { total.bytes });
        }
        self.bar.set_style(self.style(total.is_some()));
    }

    fn advance(&self, done: Work) {
        self.items.done.fetch_add(done.items, Ordering::Relaxed);
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
                "{prefix} [{wide_bar}] {percent}% of {binary_total_bytes}{items}, {binary_bytes_per_sec}{left}"
            }
            (true, true) => "{prefix} [{wide_bar}] {percent}%{items}{left}",
            (false, false) => "{prefix} {spinner} {binary_bytes}{items}, {binary_bytes_per_sec}, {elapsed}",
            (false, true) => "{prefix} {spinner}{items}, {elapsed}",
        };
        let items = Arc::clone(&self.items);
        let noun = self.phase.noun();
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        // Writing to a string in memory does not fail.
        let style = style.progress_chars("=> ").with_key("items", move |_: &ProgressState, out: &mut dyn Write| {
            let _ = out.write_str(&items.in_words(noun));
        });
        style.with_key("left", |state: &ProgressState, out: &mut dyn Write| {
            let _ = out.write_str(&time_left(state.elapsed(), state.eta()));
        })
    }
}

impl Items {
    /// `, 3 of 12 tables`; nothing while there is nothing to count.
    fn in_words(&self, noun: &str) -> String {
        let (done, total) = (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed));
        match total {
            0 if done == 0 => String::new(),
            // More than was expected.
            _ if done > total => format!(", {}", format::counted(done, noun)),
            _ => format!(", {} of {}", format::count(done), format::counted(total, noun)),
        }
    }
}

/// `, 4 min left`; nothing until the speed is known, nor while nothing is done: the bar takes that for no time.
fn time_left(elapsed: Duration, left: Duration) -> String {
    if elapsed < RATE_AFTER || left.as_secs() == 0 {
        return String::new();
    }
    format!(", {} left", format::age(left.as_secs()))
}

fn title(phase: Phase) -> &'static str {
    match phase {
        Phase::Index => "reading the index",
        Phase::Tables => "reading the database",
        Phase::Backup => "saving",
        Phase::Restore => "restoring",
        Phase::Load => "loading",
        Phase::Keys => "adding foreign keys",
        Phase::Compare => "comparing",
        Phase::Export => "writing SQL",
        Phase::Replay => "following the log",
        Phase::Rows => "putting rows back",
        Phase::Prove => "proving",
        Phase::Purge => "purging",
        Phase::Verify => "verifying",
        Phase::Survey => "checking",
        Phase::Recover => "bringing back",
        Phase::Walk => "looking for needed data",
        Phase::Rewrite => "copying needed data",
        Phase::Delete => "deleting",
        Phase::Protect => "locking",
        Phase::Copy => "copying",
        _ => "working",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_have_their_noun_and_their_number_if_it_is_known() {
        let items = |done, total| Items { done: AtomicU64::new(done), total: AtomicU64::new(total) };
        let words = |done, total, phase: Phase| items(done, total).in_words(phase.noun());
        assert_eq!(words(3, 12, Phase::Load), ", 3 of 12 tables");
        assert_eq!(words(1200, 0, Phase::Purge), ", 1,200 rows");
        assert_eq!(words(0, 0, Phase::Replay), "");
        assert_eq!(words(5, 4, Phase::Backup), ", 5 files");
        assert_eq!(words(1, 1, Phase::Delete), ", 1 of 1 pack");
    }

    #[test]
    fn the_time_left_is_hidden_until_the_speed_is_known() {
        let seconds = Duration::from_secs;
        assert_eq!(time_left(seconds(4), seconds(240)), "");
        assert_eq!(time_left(seconds(5), seconds(240)), ", 4 min left");
        assert_eq!(time_left(seconds(5), seconds(9)), ", 9 s left");
        assert_eq!(time_left(seconds(5), seconds(0)), "");
    }

    #[test]
    fn every_template_can_be_read() {
        let running = TerminalProgress::default();
        for (phase, total) in
            [(Phase::Load, Some(Work { items: 2, bytes: 9 })), (Phase::Keys, Some(Work { items: 2, bytes: 0 }))]
        {
            running.begin(phase, total);
            running.advance(Work { items: 3, bytes: 10 });
            running.with(|running| assert_eq!(running.bar.length(), None, "more than was expected"));
        }
        running.end();
    }
}
