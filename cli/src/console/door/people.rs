//! People who come in with a password, in a file of their own. These passwords open the console, never a repository.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use argon2::{Argon2, Params};
use engine::crypto::random;
use engine::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use super::role::Role;
use super::secret::are_same;
use super::session::Person;
use crate::whole_file::{Unusable, read_json, write_json};

/// Tries of a password in [`WINDOW`], of all browsers together: each costs a tenth of a second of a core.
const TRIES_MAX: usize = 5;
const WINDOW: Duration = Duration::from_secs(60);
/// Longest name, in characters.
const NAME_MAX: usize = 60;
/// Fewest characters of a password.
const PASSWORD_MIN: usize = 10;
/// Most people.
const PEOPLE_MAX: usize = 200;
/// Memory of a try in KiB, and its passes: OWASP's first choice for Argon2id.
const COST: (u32, u32) = (46 * 1024, 1);

/// A person, as the file has them.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry {
    name: String,
    role: Role,
    salt: [u8; 16],
    hash: [u8; 32],
}

/// Why somebody does not come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// Name or password is wrong; which one is not said.
    Wrong,
    /// There were too many tries.
    Wait,
}

/// Everybody who may come in with a password.
pub struct People {
    file: PathBuf,
    tries: Mutex<Vec<Instant>>,
}

impl People {
    /// The people of the repository of this short id, in the folder for what this computer has seen.
    pub fn of(state_dir: &Path, repository: &str) -> Self {
        People { file: state_dir.join(format!("people-{repository}.json")), tries: Mutex::default() }
    }

    /// All, by name.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn list(&self) -> Result<Vec<Person>> {
        Ok(self.read()?.into_iter().map(|entry| Person { name: entry.name, role: entry.role }).collect())
    }

    /// Adds somebody, or gives them another password and role.
    ///
    /// # Errors
    /// The name or password will not do; the file cannot be written.
    pub fn put(&self, person: Person, password: &str) -> Result<()> {
        check_name(&person.name)?;
        if password.chars().count() < PASSWORD_MIN {
            return Err(usage(format!("the password needs {PASSWORD_MIN} characters or more")));
        }
        let mut people = self.read()?;
        people.retain(|entry| entry.name != person.name);
        if people.len() >= PEOPLE_MAX {
            return Err(usage(format!("there are {PEOPLE_MAX} people already")));
        }
        let salt = random()?;
        people.push(Entry { name: person.name, role: person.role, salt, hash: hash(password, &salt)? });
        people.sort_by(|a, b| a.name.cmp(&b.name));
        self.write(&people)
    }

    /// Removes somebody; says whether they were there.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn remove(&self, name: &str) -> Result<bool> {
        let mut people = self.read()?;
        let before = people.len();
        people.retain(|entry| entry.name != name);
        let was_there = people.len() < before;
        if was_there {
            self.write(&people)?;
        }
        Ok(was_there)
    }

    /// The person of this name and password.
    ///
    /// # Errors
    /// The file cannot be read. A wrong name or password is in the result.
    pub fn check(&self, name: &str, password: &str, now: Instant) -> Result<std::result::Result<Person, Denied>> {
        if !self.may_try(now) {
            return Ok(Err(Denied::Wait));
        }
        let people = self.read()?;
        let found = people.iter().find(|entry| entry.name == name);
        // A name that is not there takes as long as one that is.
        let (salt, expected) = found.map_or(([0; 16], [0; 32]), |entry| (entry.salt, entry.hash));
        let own = hash(password, &salt)?;
        match found.filter(|_| are_same(&own, &expected)) {
            None => Ok(Err(Denied::Wrong)),
            Some(entry) => {
                self.tries().clear();
                Ok(Ok(Person { name: entry.name.clone(), role: entry.role }))
            }
        }
    }

    fn may_try(&self, now: Instant) -> bool {
        let mut tries = self.tries();
        tries.retain(|then| now.duration_since(*then) < WINDOW);
        let may = tries.len() < TRIES_MAX;
        if may {
            tries.push(now);
        }
        may
    }

    fn tries(&self) -> MutexGuard<'_, Vec<Instant>> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> Result<Vec<Entry>> {
        let found = read_json(&self.file).map_err(|error| match error {
            Unusable::Io(error) => Error::io(format!("cannot read {}", self.file.display()), error),
            Unusable::Other(why) => usage(format!("{} is no list of people: {why}", self.file.display())),
        })?;
        Ok(found.unwrap_or_default())
    }

    fn write(&self, people: &[Entry]) -> Result<()> {
        write_json(&self.file, &people)
            .map_err(|error| Error::io(format!("cannot write {}", self.file.display()), error))
    }
}

fn check_name(name: &str) -> Result<()> {
    let is_fine = !name.trim().is_empty() && name.trim() == name && !name.chars().any(char::is_control);
    if is_fine && name.chars().count() <= NAME_MAX {
        return Ok(());
    }
    Err(usage(format!("a name is one line of at most {NAME_MAX} characters")))
}

fn hash(password: &str, salt: &[u8; 16]) -> Result<[u8; 32]> {
    let failed = |why: argon2::Error| usage(format!("the password cannot be checked: {why}"));
    let params = Params::new(COST.0, COST.1, 1, Some(32)).map_err(failed)?;
    let mut hash = [0; 32];
    let argon = Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    argon.hash_password_into(password.as_bytes(), salt, &mut hash).map_err(failed)?;
    Ok(hash)
}

fn usage(message: String) -> Error {
    Error::new(ErrorKind::Usage, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dana(role: Role) -> Person {
        Person { name: "Dana".to_owned(), role }
    }

    #[test]
    fn a_person_comes_in_with_their_password_only() {
        let folder = tempfile::tempdir().unwrap();
        let people = People::of(folder.path(), "c17bc452");
        let now = Instant::now();
        assert_eq!(people.check("Dana", "correct horse", now).unwrap(), Err(Denied::Wrong));
        people.put(dana(Role::Staff), "correct horse").unwrap();
        assert_eq!(people.check("Dana", "correct horse", now).unwrap(), Ok(dana(Role::Staff)));
        assert_eq!(people.check("Dana", "correct horsE", now).unwrap(), Err(Denied::Wrong));
        people.put(dana(Role::Owner), "battery staple").unwrap();
        assert_eq!(people.list().unwrap(), [dana(Role::Owner)]);
        assert_eq!(people.check("Dana", "correct horse", now).unwrap(), Err(Denied::Wrong));
        assert!(people.remove("Dana").unwrap() && !people.remove("Dana").unwrap());
        assert_eq!(people.check("Dana", "battery staple", now).unwrap(), Err(Denied::Wrong));
    }

    #[test]
    fn five_wrong_passwords_have_to_wait_for_a_minute() {
        let folder = tempfile::tempdir().unwrap();
        let people = People::of(folder.path(), "c17bc452");
        people.put(dana(Role::Look), "correct horse").unwrap();
        let now = Instant::now();
        for _ in 0..TRIES_MAX {
            assert_eq!(people.check("Dana", "wrong", now).unwrap(), Err(Denied::Wrong));
        }
        assert_eq!(people.check("Dana", "correct horse", now).unwrap(), Err(Denied::Wait));
        assert_eq!(people.check("Dana", "correct horse", now + WINDOW).unwrap(), Ok(dana(Role::Look)));
    }

    #[test]
    fn names_and_passwords_that_will_not_do_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let people = People::of(folder.path(), "c17bc452");
        assert!(people.put(dana(Role::Look), "short").unwrap_err().to_string().contains("10 characters"));
        for name in ["", " Dana", "a\nb", &"x".repeat(61)] {
            let person = Person { name: name.to_owned(), role: Role::Look };
            assert!(people.put(person, "long enough it is").unwrap_err().to_string().contains("one line"), "{name:?}");
        }
        assert!(people.list().unwrap().is_empty());
    }
}
