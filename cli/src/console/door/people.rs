//! People who come in with a password, in a file of their own. These passwords open the console, never a repository.

use std::net::{IpAddr, Ipv6Addr};
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
use crate::fnv;
use crate::whole_file::{Unusable, read_json, write_json};

/// Tries of a password in [`WINDOW`] for one name, from one computer.
const TRIES_MAX: usize = 5;
/// The same for all names, from one computer.
const TRIES_FROM_ONE_MAX: usize = 20;
/// The same for all names, from all computers: each costs a tenth of a second of a core.
const TRIES_OF_ALL_MAX: usize = 60;
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
    tries: Mutex<Vec<Try>>,
}

/// A try of a password.
struct Try {
    at: Instant,
    from: IpAddr,
    /// Stands for the name, which may be long, or a password in the wrong field.
    name: u64,
}

/// The computer of an address. One with IPv6 has many, which differ in their second half.
fn computer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

impl Try {
    /// Whether both are for one name, from one computer.
    fn is_of_same(&self, other: &Try) -> bool {
        (self.from, self.name) == (other.from, other.name)
    }
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

    /// The person of this name and password, who is at the computer `from`. Wrong tries make their own name wait there, not others.
    ///
    /// # Errors
    /// The file cannot be read. A wrong name or password is in the result.
    pub fn check(
        &self,
        (name, password): (&str, &str),
        from: IpAddr,
        now: Instant,
    ) -> Result<std::result::Result<Person, Denied>> {
        let own = Try { at: now, from: computer(from), name: fnv::hash(name.bytes()) };
        if !self.may_try(&own) {
            return Ok(Err(Denied::Wait));
        }
        let people = self.read()?;
        let found = people.iter().find(|entry| entry.name == name);
        // A name that is not there takes as long as one that is.
        let (salt, expected) = found.map_or(([0; 16], [0; 32]), |entry| (entry.salt, entry.hash));
        let hashed = hash(password, &salt)?;
        match found.filter(|_| are_same(&hashed, &expected)) {
            None => Ok(Err(Denied::Wrong)),
            Some(entry) => {
                self.tries().retain(|other| !other.is_of_same(&own));
                Ok(Ok(Person { name: entry.name.clone(), role: entry.role }))
            }
        }
    }

    /// Counts a try, if it may be made.
    fn may_try(&self, own: &Try) -> bool {
        let mut tries = self.tries();
        tries.retain(|other| own.at.duration_since(other.at) < WINDOW);
        let count = |is_alike: &dyn Fn(&Try) -> bool| tries.iter().filter(|other| is_alike(other)).count();
        let may = tries.len() < TRIES_OF_ALL_MAX
            && count(&|other| other.from == own.from) < TRIES_FROM_ONE_MAX
            && count(&|other| other.is_of_same(own)) < TRIES_MAX;
        if may {
            tries.push(Try { ..*own });
        }
        may
    }

    fn tries(&self) -> MutexGuard<'_, Vec<Try>> {
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
    use std::net::Ipv4Addr;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn dana(role: Role) -> Person {
        Person { name: "Dana".to_owned(), role }
    }

    #[test]
    fn a_person_comes_in_with_their_password_only() {
        let folder = tempfile::tempdir().unwrap();
        let people = People::of(folder.path(), "c17bc452");
        let now = Instant::now();
        assert_eq!(people.check(("Dana", "correct horse"), HERE, now).unwrap(), Err(Denied::Wrong));
        people.put(dana(Role::Staff), "correct horse").unwrap();
        assert_eq!(people.check(("Dana", "correct horse"), HERE, now).unwrap(), Ok(dana(Role::Staff)));
        assert_eq!(people.check(("Dana", "correct horsE"), HERE, now).unwrap(), Err(Denied::Wrong));
        people.put(dana(Role::Owner), "battery staple").unwrap();
        assert_eq!(people.list().unwrap(), [dana(Role::Owner)]);
        assert_eq!(people.check(("Dana", "correct horse"), HERE, now).unwrap(), Err(Denied::Wrong));
        assert!(people.remove("Dana").unwrap() && !people.remove("Dana").unwrap());
        assert_eq!(people.check(("Dana", "battery staple"), HERE, now).unwrap(), Err(Denied::Wrong));
    }

    #[test]
    fn five_wrong_passwords_of_a_name_have_to_wait_for_a_minute() {
        let folder = tempfile::tempdir().unwrap();
        let people = People::of(folder.path(), "c17bc452");
        people.put(dana(Role::Look), "correct horse").unwrap();
        let now = Instant::now();
        for _ in 0..TRIES_MAX {
            assert_eq!(people.check(("Dana", "wrong"), HERE, now).unwrap(), Err(Denied::Wrong));
        }
        let right = |from: &str, now| people.check(("Dana", "correct horse"), from.parse().unwrap(), now).unwrap();
        assert_eq!(right("127.0.0.1", now), Err(Denied::Wait));
        assert_eq!(right("::ffff:127.0.0.1", now), Err(Denied::Wait), "the same computer");
        assert_eq!(people.check(("Bell", "wrong"), HERE, now).unwrap(), Err(Denied::Wrong), "others try here");
        assert_eq!(right("192.168.1.7", now), Ok(dana(Role::Look)), "another computer");
        assert_eq!(right("127.0.0.1", now), Err(Denied::Wait), "which changes nothing here");
        assert_eq!(right("127.0.0.1", now + WINDOW), Ok(dana(Role::Look)));
    }

    #[test]
    fn all_tries_of_a_computer_and_of_all_computers_are_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let people = People::of(folder.path(), "c17bc452");
        let now = Instant::now();
        let counted = |from: &str| {
            let own = |name| Try { at: now, from: computer(from.parse().unwrap()), name };
            (0..100).filter(|name| people.may_try(&own(*name))).count()
        };
        assert_eq!(counted("2001:db8::1"), TRIES_FROM_ONE_MAX);
        assert_eq!(counted("2001:db8::ffff:2"), 0, "another address of the same computer");
        assert_eq!((counted("2001:db8:0:1::1"), counted("10.0.0.1")), (TRIES_FROM_ONE_MAX, TRIES_FROM_ONE_MAX));
        assert_eq!(counted("10.0.0.2"), 0, "{TRIES_OF_ALL_MAX} of all");
        let later = Try { at: now + WINDOW, from: HERE, name: 0 };
        assert!(people.may_try(&later));
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
