//! Ctrl-C: the first asks the running command to stop, the second ends the program at once.

use std::fs::File;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// Exit code of an interrupted program.
pub const INTERRUPTED: u8 = 130;

/// The user's wish to stop, shared with the thread that hears of it.
#[derive(Default)]
pub struct Interrupt {
    requested: AtomicBool,
    prompt: Mutex<Option<(File, Termios)>>,
}

impl Interrupt {
    /// Listens for Ctrl-C, and for the signals that ask a program to end.
    pub fn install() -> Arc<Self> {
        let interrupt = Arc::new(Interrupt::default());
        let heard = Arc::clone(&interrupt);
        if let Err(error) = ctrlc::set_handler(move || heard.signalled()) {
            let _ = writeln!(std::io::stderr(), "note: Ctrl-C will end enamel at once: {error}");
        }
        interrupt
    }

    /// Whether the user wishes to stop.
    pub fn is_requested(&self) -> bool {
        self.requested.load(Ordering::Relaxed)
    }

    /// Runs `prompt` while the terminal does not show what is typed; Ctrl-C meanwhile restores it and ends the program.
    pub fn while_hidden<T>(&self, prompt: impl FnOnce() -> T) -> T {
        let state = File::open("/dev/tty").ok().and_then(|tty| tcgetattr(&tty).ok().map(|state| (tty, state)));
        if let Some((tty, state)) = &state {
            let mut hidden = state.clone();
            hidden.local_modes.remove(LocalModes::ECHO);
            // Before the question is shown: a quick answer must not be seen. If it fails, the prompt tries again.
            let _ = tcsetattr(tty, OptionalActions::Now, &hidden);
        }
        *self.lock_prompt() = state;
        let answer = prompt();
        self.show_again();
        answer
    }

    /// Lets the terminal show what is typed, if a prompt has hidden it.
    fn show_again(&self) -> bool {
        let state = self.lock_prompt().take();
        // Nothing better can be done if this fails.
        state.map(|(tty, state)| tcsetattr(&tty, OptionalActions::Now, &state)).is_some()
    }

    fn lock_prompt(&self) -> MutexGuard<'_, Option<(File, Termios)>> {
        self.prompt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn signalled(&self) {
        if self.show_again() {
            let _ = writeln!(std::io::stderr());
            std::process::exit(INTERRUPTED.into());
        }
        if self.requested.swap(true, Ordering::Relaxed) {
            std::process::exit(INTERRUPTED.into());
        }
        let _ = writeln!(std::io::stderr(), "\nstopping … (press Ctrl-C again to stop at once)");
    }
}
