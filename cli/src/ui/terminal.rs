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
    pace: Arc<Pace>,
    counts_items: AtomicBool,
    started: Instant,
    shown: AtomicBool,
}

/// How the time left is known.
#[derive(Default)]
struct Pace {
    /// Nothing advances, because one long work goes on, which counts as done when it ends.
    is_busy: AtomicBool,
    /// Milliseconds from the start to the last advance.
    advanced: AtomicU64,
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
            pace: Arc::default(),
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

    /// The current phase is busy with this, or not any more.
    pub fn busy_with(&self, what: Option<&str>) {
        self.with(|running| {
            running.pace.is_busy.store(what.is_some(), Ordering::Relaxed);
            let said = what.map_or_else(|| title(running.phase).to_owned(), format::message);
            running.bar.set_prefix(said);
        });
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
        self.pace.advanced(self.started.elapsed());
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
        let pace = Arc::clone(&self.pace);
        style.with_key("left", move |state: &ProgressState, out: &mut dyn Write| {
            let left = if pace.is_busy.load(Ordering::Relaxed) {
                pace.left(state.elapsed(), state.pos(), state.len().unwrap_or_default())
            } else {
                state.eta()
            };
            let _ = out.write_str(&time_left(state.elapsed(), left));
        })
    }
}

impl Pace {
    fn advanced(&self, elapsed: Duration) {
        self.advanced.store(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// The time left after `elapsed`, if all of `total` takes as long as the `done` part took until the last advance. A
    /// speed of the last seconds would be that of a standstill.
    fn left(&self, elapsed: Duration, done: u64, total: u64) -> Duration {
        let advanced = self.advanced.load(Ordering::Relaxed);
        let whole = u128::from(advanced) * u128::from(total) / u128::from(done.max(1));
        Duration::from_millis(u64::try_from(whole).unwrap_or(u64::MAX)).saturating_sub(elapsed)
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
    fn one_long_work_counts_down_from_the_speed_until_then() {
        let (pace, seconds) = (Pace::default(), Duration::from_secs);
        pace.advanced(seconds(60));
        assert_eq!(pace.left(seconds(60), 75, 100), seconds(20));
        assert_eq!(pace.left(seconds(70), 75, 100), seconds(10));
        assert_eq!(pace.left(seconds(90), 75, 100), seconds(0), "it takes longer: nobody knows");
        assert_eq!(pace.left(seconds(90), 100, 100), seconds(0));
    }

    #[test]
    fn a_phase_says_what_it_is_busy_with_and_then_its_own_title() {
        let progress = TerminalProgress::default();
        progress.begin(Phase::Load, Some(Work { items: 2, bytes: 9 }));
        let prefix = || {
            let mut prefix = String::new();
            progress.with(|running| prefix = running.bar.prefix());
            prefix
        };
        progress.busy_with(Some("building the keys of document"));
        assert_eq!(prefix(), "building the keys of document");
        progress.busy_with(None);
        assert_eq!(prefix(), "loading");
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
