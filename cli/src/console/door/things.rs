//! Things that a session was shown, by number. Addresses of pages stay in the history of a browser: they hold numbers, and no
//! names of patients.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use repo_format::id::LeaseId;

/// Things of a session; of more, the oldest are forgotten.
const THINGS_MAX: usize = 20_000;

/// Something in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Thing {
    /// The snapshot.
    pub snapshot: LeaseId,
    /// The path from the top directory; an empty one stands for everything.
    pub path: Vec<u8>,
}

/// The things that a session was shown.
#[derive(Default)]
pub struct Things(Mutex<Numbered>);

#[derive(Default)]
struct Numbered {
    first: u64,
    all: VecDeque<Thing>,
    numbers: HashMap<Thing, u64>,
}

impl Things {
    /// The number of a thing.
    pub fn number(&self, thing: Thing) -> u64 {
        let mut things = self.things();
        if let Some(number) = things.numbers.get(&thing) {
            return *number;
        }
        if things.all.len() >= THINGS_MAX
            && let Some(oldest) = things.all.pop_front()
        {
            things.numbers.remove(&oldest);
            things.first += 1;
        }
        let number = things.first + things.all.len() as u64;
        things.all.push_back(thing.clone());
        things.numbers.insert(thing, number);
        number
    }

    /// The thing of a number; `None` if it was forgotten, or never shown.
    pub fn thing(&self, number: u64) -> Option<Thing> {
        let things = self.things();
        let at = usize::try_from(number.checked_sub(things.first)?).ok()?;
        things.all.get(at).cloned()
    }

    fn things(&self) -> MutexGuard<'_, Numbered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thing(n: usize) -> Thing {
        Thing { snapshot: LeaseId([1; 16]), path: n.to_string().into_bytes() }
    }

    #[test]
    fn a_thing_keeps_its_number_until_it_is_forgotten() {
        let things = Things::default();
        let numbers: Vec<_> = (0..THINGS_MAX).map(|n| things.number(thing(n))).collect();
        assert_eq!(things.number(thing(5)), numbers[5]);
        assert_eq!(things.thing(numbers[5]), Some(thing(5)));
        let newest = things.number(thing(THINGS_MAX));
        assert_eq!((things.thing(numbers[0]), things.thing(newest)), (None, Some(thing(THINGS_MAX))));
        assert_eq!(things.thing(newest + 1), None);
        let again = things.number(thing(0));
        assert!(again > newest && things.thing(again) == Some(thing(0)));
    }
}
