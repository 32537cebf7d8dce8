//! Passwords and key files: where they come from, and how new ones are made. Secrets never stand on the command line.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind as IoErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::process::Stdio;

use engine::crypto::{Credential, KeyFile};
use engine::{Error, ErrorKind, Result};
use zeroize::Zeroizing;

use crate::settings::{Place, SecretSource};
use crate::shell::shell;
use crate::strength::Strength;
use crate::ui::Ui;

/// Longest password or key file that is read, bytes.
const SECRET_LEN_MAX: usize = 4096;
/// The byte order mark that some editors put before text in UTF-8. It is not part of a password, because nobody can type it.
const BYTE_ORDER_MARK: &[u8] = &[0xef, 0xbb, 0xbf];
/// The byte order marks of UTF-16.
const UTF_16: [[u8; 2]; 2] = [[0xff, 0xfe], [0xfe, 0xff]];
/// Said of text in another encoding.
const AS_UTF_8: &str = "Save the file as UTF-8, or write the password anew with a plain editor.";

impl SecretSource {
    /// Fetches the secret that unlocks an existing repository.
    ///
    /// # Errors
    /// The source cannot be read, or the password is empty.
    pub fn credential(&self, ui: &Ui) -> Result<Credential> {
        self.fetch(ui, |ui| prompt(ui, "Password of the repository: "))
    }

    /// Fetches the secret that unlocks the repository at `place`, of several that a command works with.
    ///
    /// # Errors
    /// As [`SecretSource::credential`].
    pub fn credential_of(&self, ui: &Ui, place: &Place) -> Result<Credential> {
        let missing = format!("no password of {place} was given, and there is no terminal to ask for one");
        self.fetch(ui, |ui| {
            prompt_or(ui, &format!("Password of {place}: "), &missing).map_err(|error| match error.kind() {
                ErrorKind::Usage => error.with_hint(OTHER_SECRET),
                _ => error,
            })
        })
    }

    /// Fetches a secret that is to lock something from now on: what is typed is asked for twice.
    ///
    /// # Errors
    /// The source cannot be read; the password is empty, too weak, or cannot be typed; or the two differ.
    pub fn new_credential(&self, ui: &Ui, strength: Strength) -> Result<Credential> {
        if let SecretSource::KeyFile(path) = self {
            return read_or_create_key_file(path, ui).map(Credential::KeyFile);
        }
        let credential = self.fetch(ui, prompt_twice)?;
        if let Credential::Password(password) = &credential {
            strength.check(password).map_err(|why| {
                let what = if matches!(self, SecretSource::Prompt) { "new password".into() } else { self.describe() };
                Error::new(ErrorKind::Usage, format!("the {what} {why}"))
                    .with_hint("A key file, --key-file or --new-key-file, is made by Enamel, and nobody can guess it.")
            })?;
        }
        Ok(credential)
    }

    /// The file that it is in, if it is in one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            SecretSource::KeyFile(path) | SecretSource::PasswordFile(path) => Some(path),
            _ => None,
        }
    }

    fn fetch(&self, ui: &Ui, ask: impl FnOnce(&Ui) -> Result<Zeroizing<String>>) -> Result<Credential> {
        let password = match self {
            SecretSource::KeyFile(path) => return read_key_file(path, ui).map(Credential::KeyFile),
            SecretSource::PasswordFile(path) => {
                warn_if_others_read(path, "password file", ui);
                read_password_file(path)?
            }
            SecretSource::PasswordCommand(command) => run_password_command(command)?,
            SecretSource::Password(password) => password.clone(),
            SecretSource::Prompt => ask(ui)?,
        };
        if password.is_empty() {
            Err(Error::new(ErrorKind::Usage, format!("the {} is empty", self.describe()))
                .with_hint("Put the password into the first line, or name a key file with --key-file."))
        } else {
            Ok(Credential::Password(password))
        }
    }
}

/// Said where the key of a second repository is missing: the options of this one do not open it.
const OTHER_SECRET: &str =
    "It has a key or password of its own: `enamel COMMAND --help` says by which option it is named.";

fn prompt(ui: &Ui, question: &str) -> Result<Zeroizing<String>> {
    let missing = "no password was given, and there is no terminal to ask for one; use --key-file, --password-file, \
                   --password-command or ENAMEL_PASSWORD";
    prompt_or(ui, question, missing)
}

/// Asks for a password; where nobody can be asked, the error is `missing`.
fn prompt_or(ui: &Ui, question: &str, missing: &str) -> Result<Zeroizing<String>> {
    ui.flush()?;
    let answer = ui.interrupt().while_hidden(|| rpassword::prompt_password(question));
    answer.map(Zeroizing::new).map_err(|e| {
        if e.kind() == IoErrorKind::Interrupted {
            return Error::cancelled();
        }
        Error::caused(ErrorKind::Usage, missing, e)
    })
}

/// Said where a new password is missing: the options for it differ from those that unlock what is there.
const NEW_SECRET: &str = "`enamel init` takes it from --key-file or --password-file, `enamel key` from --new-key-file or \
                          --new-password-file; `enamel COMMAND --help` says it of others.";

fn prompt_twice(ui: &Ui) -> Result<Zeroizing<String>> {
    let missing = "no new password was given, and there is no terminal to ask for one";
    let ask = |question| {
        prompt_or(ui, question, missing).map_err(|error| match error.kind() {
            ErrorKind::Usage => error.with_hint(NEW_SECRET),
            _ => error,
        })
    };
    let first = ask("New password: ")?;
    if first.is_empty() {
        return Ok(first);
    }
    if ask("The same again: ")? == first {
        Ok(first)
    } else {
        Err(Error::new(ErrorKind::Usage, "the two passwords differ; nothing was changed")
            .with_hint("Run this command again, and write the same twice."))
    }
}

/// The password in the first line of the file `path`.
///
/// # Errors
/// The file cannot be read, or is not text; the message names it.
pub fn read_password_file(path: &Path) -> Result<Zeroizing<String>> {
    let what = format!("cannot read the password file {}", path.display());
    let file = File::open(path).map_err(|e| user_file_error(&what, e))?;
    first_line(read_secret(file, &what)?, &what)
}

fn run_password_command(command: &str) -> Result<Zeroizing<String>> {
    let what = format!("cannot run the password command `{command}`");
    let mut child =
        shell(command).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(|e| Error::io(&what, e))?;
    let printed = child.stdout.take().map_or_else(|| Ok(Zeroizing::default()), |out| read_secret(out, &what));
    let status = child.wait().map_err(|e| Error::io(&what, e))?;
    if !status.success() {
        return Err(Error::new(ErrorKind::Usage, format!("{what}: it failed ({status})"))
            .with_hint("Run the command by itself: it must print the password and end with status 0."));
    }
    first_line(printed?, &what)
}

fn read_secret(from: impl Read, what: &str) -> Result<Zeroizing<Vec<u8>>> {
    // Room for all of it from the start: a vector that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(SECRET_LEN_MAX + 1));
    from.take(SECRET_LEN_MAX as u64 + 1).read_to_end(&mut bytes).map_err(|e| user_file_error(what, e))?;
    if bytes.len() > SECRET_LEN_MAX {
        Err(Error::new(ErrorKind::Usage, format!("{what}: it is longer than {SECRET_LEN_MAX} bytes")).with_hint(
            "The file of a password has the password in its first line, and little else: name the right file.",
        ))
    } else {
        Ok(bytes)
    }
}

/// Says so if other users can read a file that holds a secret.
pub fn warn_if_others_read(path: &Path, what: &str, ui: &Ui) {
    // A pipe has no other readers.
    let is_open = path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o077 != 0);
    if is_open {
        ui.warn(format_args!("other users can read the {what} {0}; `chmod 600 {0}` prevents that", path.display()));
    }
}

/// The first line of `bytes`, without the mark that some editors put before the text.
fn first_line(bytes: Zeroizing<Vec<u8>>, what: &str) -> Result<Zeroizing<String>> {
    if UTF_16.iter().any(|mark| bytes.starts_with(mark)) {
        let message = format!("{what}: it is UTF-16 text; save it as UTF-8");
        return Err(Error::new(ErrorKind::Usage, message).with_hint(AS_UTF_8));
    }
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match std::str::from_utf8(line) {
        Ok(line) => Ok(Zeroizing::new(line.to_owned())),
        Err(_) => {
            Err(Error::new(ErrorKind::Usage, format!("{what}: the password is not UTF-8 text")).with_hint(AS_UTF_8))
        }
    }
}

/// Said of a file that is no key.
const NO_KEY: &str = "Name the file that `enamel setup`, `enamel init` or `enamel key add` has made.";

fn read_key_file(path: &Path, ui: &Ui) -> Result<KeyFile> {
    let what = format!("cannot read the key file {}", path.display());
    let file = File::open(path).map_err(|e| user_file_error(&what, e))?;
    let bytes = read_secret(file, &what)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        Error::new(ErrorKind::Usage, format!("{what}: it is not a key file of Enamel")).with_hint(NO_KEY)
    })?;
    let key = KeyFile::parse(text).map_err(|e| e.context(what).with_kind(ErrorKind::Usage).with_hint(NO_KEY))?;
    // Only of a key: another file may have its readers for a reason.
    warn_if_others_read(path, "key file", ui);
    Ok(key)
}

/// The key in the file `path`, which is made if it is not there: 0600, never overwritten, on disk when this returns.
fn read_or_create_key_file(path: &Path, ui: &Ui) -> Result<KeyFile> {
    let what = format!("cannot create the key file {}", path.display());
    let mut file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == IoErrorKind::AlreadyExists => return read_key_file(path, ui),
        Err(e) if e.kind() == IoErrorKind::NotFound => {
            return Err(
                user_file_error(&what, e).with_hint("Make the folder of the key file first, with `mkdir -p FOLDER`.")
            );
        }
        Err(e) => return Err(user_file_error(&what, e)),
    };
    let key = KeyFile::generate()?;
    let mut text = key.to_text();
    if !text.ends_with('\n') {
        text.push('\n');
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let written =
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).and_then(|()| File::open(folder)?.sync_all());
    if let Err(error) = written {
        // An empty or torn key file would be taken for a key the next time.
        let error = Error::io(what, error);
        return match std::fs::remove_file(path) {
            Ok(()) => Err(error),
            Err(e) => Err(error.context(format!("remove {} before you try again ({e})", path.display()))),
        };
    }
    ui.say(format_args!("made the key file {}", path.display()));
    Ok(key)
}

/// An error with a file that the user named: that it is not there is a mistake in the command or the settings.
fn user_file_error(what: &str, source: std::io::Error) -> Error {
    match source.kind() {
        IoErrorKind::NotFound => Error::caused(ErrorKind::Usage, what, source)
            .with_hint("Check the path, in the command or in the settings, which `enamel config show` lists."),
        _ => Error::io(what, source),
    }
}
