//! Work that a server does for a long time by itself, on several connections at once, told in words.

use std::sync::{Mutex, MutexGuard, PoisonError};

use engine_core::monitor::Monitor;

/// The works that go on now, in the order in which they began.
#[derive(Default)]
pub struct Building(Mutex<Vec<String>>);

impl Building {
    /// Does `work`. The monitor hears of it, and afterwards of one that still goes on.
    pub fn during<T>(&self, what: String, monitor: &dyn Monitor, work: impl FnOnce() -> T) -> T {
        {
            let mut going_on = self.lock();
            monitor.busy_with(Some(&what));
            going_on.push(what.clone());
        }
        let result = work();
        let mut going_on = self.lock();
        if let Some(place) = going_on.iter().position(|other| *other == what) {
            going_on.remove(place);
        }
        monitor.busy_with(going_on.last().map(String::as_str));
        result
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Heard(Mutex<Vec<Option<String>>>);

    impl Monitor for Heard {
        fn busy_with(&self, what: Option<&str>) {
            self.0.lock().unwrap().push(what.map(str::to_owned));
        }
    }

    #[test]
    fn what_still_goes_on_is_told_when_another_work_ends() {
        let (building, heard) = (Building::default(), Heard::default());
        let of = |name: &str| format!("building the keys of {name}");
        building.during(of("a"), &heard, || building.during(of("b"), &heard, || ()));
        assert_eq!(heard.0.into_inner().unwrap(), [Some(of("a")), Some(of("b")), Some(of("a")), None]);
    }
}
