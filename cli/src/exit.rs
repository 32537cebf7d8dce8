//! Exit codes.

use engine::{Error, ErrorKind, Result};

use crate::interrupt::INTERRUPTED;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything was done.
    Done = 0,
    /// It failed.
    Failed = 1,
    /// The request makes no sense.
    Usage = 2,
    /// Done, but something could not be read, or not restored as it was.
    Incomplete = 3,
    /// `verify` found damage, `repair` could not put all of it right, or what was seen has disappeared.
    Damage = 4,
    /// There is no repository.
    NoRepository = 10,
    /// Another run has taken over, or holds what is needed.
    Busy = 11,
    /// No member has this password or key file.
    WrongPassword = 12,
    /// The user stopped it.
    Interrupted = INTERRUPTED,
}

impl Exit {
    /// The code for an error of `kind`.
    pub fn of(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::NoRepository => Exit::NoRepository,
            ErrorKind::WrongPassword => Exit::WrongPassword,
            ErrorKind::Fenced | ErrorKind::Conflict => Exit::Busy,
            ErrorKind::Disappeared => Exit::Damage,
            ErrorKind::Usage => Exit::Usage,
            ErrorKind::Cancelled => Exit::Interrupted,
            _ => Exit::Failed,
        }
    }

    /// This exit, or that of what was done afterwards if this is [`Exit::Done`].
    pub fn then(self, next: Exit) -> Self {
        if self == Exit::Done { next } else { self }
    }

    /// The number.
    pub fn code(self) -> u8 {
        self as u8
    }
}

/// The exit that was reached before its result was printed, unless printing failed for another reason than a reader that
/// has gone away.
///
/// # Errors
/// The error of `printed`, but not a broken pipe.
pub fn after_printing(exit: Exit, printed: Result<()>) -> Result<Exit> {
    match printed {
        Err(error) if !is_broken_pipe(&error) => Err(error),
        _ => Ok(exit),
    }
}

/// Whether `error` says that nobody reads standard output any more. No other pipe is written by this program.
pub fn is_broken_pipe(error: &Error) -> bool {
    error.cause::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_pipe_is_found_behind_wider_errors() {
        let broken = std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        assert!(is_broken_pipe(&Error::io("write to standard output", broken).context("cannot list")));
        assert!(!is_broken_pipe(&Error::new(ErrorKind::Io, "broken pipe")));
    }

    #[test]
    fn codes_are_those_of_the_help() {
        assert_eq!(Exit::of(ErrorKind::NoRepository).code(), 10);
        assert_eq!(Exit::of(ErrorKind::Fenced).code(), 11);
        assert_eq!(Exit::of(ErrorKind::WrongPassword).code(), 12);
        assert_eq!(Exit::of(ErrorKind::Cancelled).code(), 130);
        assert_eq!(Exit::of(ErrorKind::Usage).code(), 2);
        assert_eq!(Exit::of(ErrorKind::Damaged).code(), 1);
    }
}
