//! Ctrl-C: the first asks the running command to stop, the second ends the program at once.

use std::fs::File;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

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

    /// Runs `prompt`, which hides what is typed; Ctrl-C meanwhile makes the terminal show it again and ends the program.
    pub fn while_hidden<T>(&self, prompt: impl FnOnce() -> T) -> T {
        let state = File::open("/dev/tty").ok().and_then(|tty| tcgetattr(&tty).ok().map(|state| (tty, state)));
        let set = |value| *self.prompt.lock().unwrap_or_else(PoisonError::into_inner) = value;
        set(state);
        let answer = prompt();
        set(None);
        answer
    }

    fn signalled(&self) {
        if let Some((tty, state)) = self.prompt.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // Nothing better can be done if this fails: the program ends here.
            let _ = tcsetattr(&tty, OptionalActions::Now, &state);
            let _ = writeln!(std::io::stderr());
            std::process::exit(INTERRUPTED.into());
        }
        if self.requested.swap(true, Ordering::Relaxed) {
            std::process::exit(INTERRUPTED.into());
        }
        let _ = writeln!(std::io::stderr(), "\nstopping … (press Ctrl-C again to stop at once)");
    }
}
