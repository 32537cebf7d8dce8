//! The user interface: data on standard output, everything else on standard error; text, or JSON lines.

pub mod format;
pub mod json;
mod prose;
pub mod survey;
mod table;
mod terminal;
mod tone;

use std::fmt::Display;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::monitor::{Monitor, Phase, Work};
use engine::{Error, Result};
use repo_format::node::Problem;
use serde::Serialize;

use crate::exit::Exit;
use crate::global::Global;
use crate::interrupt::Interrupt;
pub use prose::{fit, wrap};
pub use table::{Align, Table};
use tone::Colours;
pub use tone::Tone;

/// Problems that are named one by one; of the others only the number is told.
const PROBLEMS_SHOWN: usize = 20;

/// Columns of the longest word before a verdict: `attention`.
const VERDICT_WORD: usize = 9;
/// Columns before the sentence of a verdict.
const VERDICT_INDENT: usize = VERDICT_WORD + 6;

/// The user's side of a command; the engine's [`Monitor`].
pub struct Ui {
    json: bool,
    level: Level,
    out: Mutex<BufWriter<io::Stdout>>,
    out_is_terminal: bool,
    out_colours: Colours,
    err_colours: Colours,
    progress: Progress,
    interrupt: Arc<Interrupt>,
    /// Whether a password may cost whatever the repository says.
    costly_password: bool,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    /// Nothing at all, not even what went wrong.
    Silent,
    Quiet,
    Normal,
    Verbose,
}

enum Progress {
    Silent,
    Terminal(terminal::TerminalProgress),
    Json(json::JsonProgress),
}

impl Ui {
    /// The user interface that `options` ask for.
    pub fn new(options: &Global, interrupt: Arc<Interrupt>) -> Self {
        let level = match (options.quiet, options.verbose) {
            (true, _) => Level::Quiet,
            (_, true) => Level::Verbose,
            _ => Level::Normal,
        };
        let progress = match (options.json, options.no_progress || options.quiet) {
            (_, true) => Progress::Silent,
            (true, _) => Progress::Json(json::JsonProgress::default()),
            (false, _) if io::stderr().is_terminal() => Progress::Terminal(terminal::TerminalProgress::default()),
            _ => Progress::Silent,
        };
        let out = io::stdout();
        let out_is_terminal = out.is_terminal();
        let (out_colours, err_colours) = (Colours::of(&out), Colours::of(&io::stderr()));
        Ui {
            json: options.json,
            level,
            out: Mutex::new(BufWriter::new(out)),
            out_is_terminal,
            out_colours,
            err_colours,
            progress,
            interrupt,
            costly_password: options.costly_password,
        }
    }

    /// A user interface of nobody: it says nothing, shows no progress, and cannot be asked.
    pub fn silent(interrupt: Arc<Interrupt>) -> Self {
        let nobody = Global { quiet: true, no_progress: true, ..Global::default() };
        Ui { level: Level::Silent, ..Ui::new(&nobody, interrupt) }
    }

    /// Whether JSON lines are wanted.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Whether only what went wrong is to be said.
    pub fn is_quiet(&self) -> bool {
        self.level <= Level::Quiet
    }

    /// Whether more is to be said.
    pub fn is_verbose(&self) -> bool {
        self.level == Level::Verbose
    }

    /// Whether the user wishes to stop.
    pub fn is_interrupted(&self) -> bool {
        self.interrupt.is_requested()
    }

    /// Asks a question that is answered by yes or no, if there is somebody to ask; without a terminal the answer is no.
    fn asks(&self, question: &str) -> bool {
        if self.level == Level::Silent || !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
            return false;
        }
        self.err_line(&format!("{question} [y/N]"));
        let mut answer = String::new();
        let read = io::stdin().read_line(&mut answer);
        read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
    }

    /// The shared wish to stop.
    pub fn interrupt(&self) -> &Arc<Interrupt> {
        &self.interrupt
    }

    /// Prints a line of data.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn line(&self, text: impl Display) -> Result<()> {
        self.write_out(|out| writeln!(out, "{text}"))
    }

    /// Prints a JSON line: `body`, with `message_type` first.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn message(&self, message_type: &'static str, body: impl Serialize) -> Result<()> {
        let line = json::line(message_type, body)?;
        self.line(line)
    }

    /// Prints a table that fits the terminal.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn table(&self, table: &Table) -> Result<()> {
        let width = if self.out_is_terminal { terminal::width_of(&io::stdout()) } else { usize::MAX };
        self.write_out(|out| table.write_in(out, width, self.out_colours))
    }

    /// Prints a sentence after a sign and a word for its tone, on lines of at most 80 columns: of at most as many as a
    /// terminal has.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn verdict(&self, tone: Tone, word: &str, sentence: &str) -> Result<()> {
        let sign = self.out_colours.paint(&format!("{} {word:<VERDICT_WORD$}", tone.sign()), tone);
        self.line(format_args!("  {sign}  {}", self.beside_verdict(sentence)))
    }

    /// `word` after a sign for its tone and in its colour, for standard output.
    pub fn state(&self, tone: Tone, word: &str) -> String {
        self.out_colours.paint(&format!("{} {word}", tone.sign()), tone)
    }

    /// Prints more under a sentence of [`Ui::verdict`].
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn under_verdict(&self, text: &str) -> Result<()> {
        self.line(format_args!("{:VERDICT_INDENT$}{}", "", self.beside_verdict(text)))
    }

    fn beside_verdict(&self, text: &str) -> String {
        let width = if self.out_is_terminal {
            terminal::width_of(&io::stdout()).min(prose::WIDTH_MAX)
        } else {
            terminal::WIDTH_DEFAULT
        };
        prose::wrap(&format::message(text), width, VERDICT_INDENT)
    }

    /// Prints names and values, one pair a line; on a terminal a value goes on below itself.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn fields(&self, fields: &[(&str, String)]) -> Result<()> {
        self.fields_below(fields, 0)
    }

    /// As [`Ui::fields`], below others whose longest name has `width` letters.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn fields_below(&self, fields: &[(&str, String)], width: usize) -> Result<()> {
        let width = fields.iter().map(|(name, _)| name.len()).fold(width, usize::max);
        let indent = width + 4;
        self.write_out(|out| {
            fields
                .iter()
                .try_for_each(|(name, value)| writeln!(out, "  {name:width$}  {}", self.wrapped(value, indent)))
        })
    }

    /// Prints sentences: on a terminal on lines that it shows whole, otherwise each on one line. A line that begins with
    /// blanks goes on behind as many.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn prose(&self, text: impl Display) -> Result<()> {
        let text = text.to_string();
        let lines: Vec<_> = text.split('\n').map(|line| self.wrapped_behind_blanks(line)).collect();
        self.line(lines.join("\n"))
    }

    /// Prints a sentence behind a label of so many columns; on a terminal it goes on below itself.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn labelled(&self, label: &str, columns: usize, sentence: &str) -> Result<()> {
        self.line(format_args!("{label}{}", self.wrapped(sentence, columns)))
    }

    fn wrapped_behind_blanks(&self, line: &str) -> String {
        let rest = line.trim_start_matches(' ');
        let blanks = line.len() - rest.len();
        format!("{}{}", " ".repeat(blanks), self.wrapped(rest, blanks))
    }

    fn wrapped(&self, text: &str, indent: usize) -> String {
        if !self.out_is_terminal {
            return text.to_owned();
        }
        prose::wrap(text, terminal::width_of(&io::stdout()).min(prose::WIDTH_MAX), indent)
    }

    /// Gives standard output, for bytes, to `write`. Nothing else may be printed meanwhile.
    pub fn with_out<T>(&self, write: impl FnOnce(&mut dyn Write) -> T) -> T {
        write(&mut *self.lock_out())
    }

    /// Writes out what is still held back.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn flush(&self) -> Result<()> {
        self.write_out(Write::flush)
    }

    /// Tells the user something in passing; not in JSON, not when quiet.
    pub fn say(&self, text: impl Display) {
        if !self.json && self.level > Level::Quiet {
            self.err_prose("", Tone::Good, &text.to_string());
        }
    }

    /// Tells the user something that should be known, on standard error.
    pub fn warn(&self, text: impl Display) {
        if self.json {
            self.err_message("note", json::Note { message: text.to_string() })
        } else {
            self.err_prose("note: ", Tone::Attention, &text.to_string())
        }
    }

    /// Says what failed, why, and what to try.
    pub fn error(&self, error: &Error, exit: Exit, hint: Option<&'static str>) {
        let causes = causes(error);
        if self.json {
            let kind = format::kebab(&format!("{:?}", error.kind()));
            let error = json::ExitError {
                code: exit.code(),
                kind,
                message: format::shortened(&error.to_string()),
                causes,
                hint,
            };
            return self.err_message("exit_error", error);
        }
        self.err_prose("enamel: ", Tone::Bad, &error.to_string());
        for cause in causes {
            self.err_prose("  caused by: ", Tone::Unknown, &cause);
        }
        if let Some(hint) = hint {
            self.err_prose("  hint: ", Tone::Good, hint);
        }
    }

    /// Names what could not be saved or restored as it should be: all of it in JSON or if verbose, else the first twenty.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn problems(&self, problems: &[Problem], count: u64) -> Result<()> {
        if self.json {
            return problems.iter().try_for_each(|problem| self.message("problem", json::Problem::from(problem)));
        }
        let shown = if self.is_verbose() { problems.len() } else { problems.len().min(PROBLEMS_SHOWN) };
        for problem in &problems[..shown] {
            let text = format!("{}: {}", format::path_or_all(&problem.path.0), problem.message);
            self.err_prose("problem: ", Tone::Attention, &text);
        }
        match count.saturating_sub(shown as u64) {
            0 => {}
            more if self.is_verbose() => self.err_line(&format!("problem: and {} more", format::count(more))),
            more => self.err_line(&format!("problem: and {} more; -v names them", format::count(more))),
        }
        Ok(())
    }

    fn lock_out(&self) -> MutexGuard<'_, BufWriter<io::Stdout>> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_out(&self, write: impl FnOnce(&mut BufWriter<io::Stdout>) -> io::Result<()>) -> Result<()> {
        let write = || {
            let mut out = self.lock_out();
            write(&mut out)?;
            // People and programs that follow a run want each line when it is there.
            if self.out_is_terminal || matches!(self.progress, Progress::Json(_)) { out.flush() } else { Ok(()) }
        };
        let written = match &self.progress {
            Progress::Terminal(terminal) if self.out_is_terminal => terminal.suspend(write),
            _ => write(),
        };
        written.map_err(|e| Error::io("cannot write to standard output", e))
    }

    /// Tells something on standard error, after a label in the colour of `tone`: on a terminal in lines that it shows
    /// whole, otherwise in one line.
    fn err_prose(&self, label: &str, tone: Tone, text: &str) {
        let text = format::message(text);
        let text = if io::stderr().is_terminal() {
            prose::wrap(&text, terminal::width_of(&io::stderr()).min(prose::WIDTH_MAX), label.len())
        } else {
            text
        };
        self.err_line(&format!("{}{text}", self.err_colours.paint(label, tone)));
    }

    fn err_message(&self, message_type: &'static str, body: impl Serialize) {
        match json::line(message_type, body) {
            Ok(line) => self.err_line(&line),
            Err(error) => self.err_line(&error.to_string()),
        }
    }

    fn err_line(&self, line: &str) {
        if self.level == Level::Silent {
            return;
        }
        // Earlier output comes first, also if both streams go to one file; not while `with_out` prints bytes.
        if let Ok(mut out) = self.out.try_lock() {
            // A reader that has gone away is noticed when the next line is printed.
            let _ = out.flush();
        }
        // If standard error cannot be written there is nobody left to tell.
        let write = || drop(writeln!(io::stderr(), "{line}"));
        match &self.progress {
            Progress::Terminal(terminal) => terminal.suspend(write),
            _ => write(),
        }
    }

    fn status(&self, status: Option<json::Status>) {
        if let Some(status) = status {
            // A reader that has gone away is noticed when the result is printed.
            let _ = self.message("status", status);
        }
    }
}

impl Monitor for Ui {
    fn begin(&self, phase: Phase, total: Option<Work>) {
        match &self.progress {
            Progress::Silent => {}
            Progress::Terminal(terminal) => terminal.begin(phase, total),
            Progress::Json(progress) => self.status(progress.begin(phase, total)),
        }
    }

    fn expect(&self, total: Work) {
        match &self.progress {
            Progress::Silent => {}
            Progress::Terminal(terminal) => terminal.expect(total),
            Progress::Json(progress) => progress.expect(total),
        }
    }

    fn advance(&self, done: Work) {
        match &self.progress {
            Progress::Silent => {}
            Progress::Terminal(terminal) => terminal.advance(done),
            Progress::Json(progress) => self.status(progress.advance(done)),
        }
    }

    fn busy_with(&self, what: Option<&str>) {
        match &self.progress {
            Progress::Silent => {}
            Progress::Terminal(terminal) => terminal.busy_with(what),
            Progress::Json(progress) => self.status(progress.busy_with(what)),
        }
    }

    fn end(&self) {
        match &self.progress {
            Progress::Silent => {}
            Progress::Terminal(terminal) => terminal.end(),
            Progress::Json(progress) => self.status(progress.end()),
        }
    }

    fn may_cost(&self, what: &str) -> bool {
        self.costly_password || self.asks(&format!("{what}. Go on?"))
    }

    fn problem(&self, path: &[u8], message: &str) {
        // Problems are named from the outcome, once; a watching user sees them as they come as well.
        if self.is_verbose() && matches!(self.progress, Progress::Terminal(_)) {
            self.err_line(&format!("problem: {}: {message}", format::path(path)));
        }
    }

    fn note(&self, message: &str) {
        if !self.is_quiet() {
            self.warn(message);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.is_interrupted()
    }
}

/// The sentences behind `error`, without those that say the same again.
fn causes(error: &Error) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    let mut last = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let text = cause.to_string();
        if !last.contains(&text) {
            causes.push(format::shortened(&text));
            last = text;
        }
        source = cause.source();
    }
    causes
}
