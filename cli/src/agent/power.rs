//! The battery: on a battery that is nearly empty jobs wait, though not for ever.

use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

/// Where Linux describes batteries and mains.
const SUPPLIES: &str = "/sys/class/power_supply";
/// Jobs wait when all batteries together have less, in percent.
const LOW: u64 = 30;
/// They wait so long at most: a laptop that is never plugged in has backups, too.
const LONGEST: SignedDuration = SignedDuration::from_hours(4);

/// The supply of power, and since when jobs wait for it.
#[derive(Debug, Clone)]
pub struct Power {
    supplies: PathBuf,
    since: Option<Timestamp>,
}

impl Power {
    /// That of this computer.
    pub fn of_computer() -> Self {
        Power { supplies: SUPPLIES.into(), since: None }
    }

    /// Whether jobs wait at `now`.
    pub fn makes_wait(&mut self, now: Timestamp) -> bool {
        if !is_low(&self.supplies) {
            self.since = None;
            return false;
        }
        // A time from the future says nothing: the clock was set back.
        let since = self.since.filter(|since| *since <= now).unwrap_or(now);
        self.since = Some(since);
        now.duration_since(since) < LONGEST
    }
}

/// Whether this computer runs on batteries that are nearly empty. A supply that cannot be read counts as enough.
fn is_low(supplies: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(supplies) else { return false };
    let supplies: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    let is = |supply: &Path, file: &str, value: &str| read(supply, file).is_some_and(|found| found == value);
    // A mouse has a battery, too.
    let of_computer = |supply: &&PathBuf| !is(supply, "scope", "Device");
    let batteries = || supplies.iter().filter(of_computer).filter(|supply| is(supply, "type", "Battery"));
    let is_plugged = supplies.iter().any(|supply| !is(supply, "type", "Battery") && is(supply, "online", "1"));
    let drains = batteries().any(|battery| is(battery, "status", "Discharging"));
    let charges: Vec<u64> = batteries().filter_map(|battery| read(battery, "capacity")?.parse().ok()).collect();
    let charge = charges.iter().sum::<u64>().checked_div(charges.len() as u64);
    drains && !is_plugged && charge.is_some_and(|charge| charge < LOW)
}

fn read(supply: &Path, file: &str) -> Option<String> {
    Some(std::fs::read_to_string(supply.join(file)).ok()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The folder of a supply, and its files.
    type Supply<'s> = (&'s str, &'s [(&'s str, &'s str)]);

    /// A computer with these supplies.
    fn computer(supplies: &[Supply<'_>]) -> (tempfile::TempDir, Power) {
        let folder = tempfile::tempdir().unwrap();
        for (name, files) in supplies {
            std::fs::create_dir(folder.path().join(name)).unwrap();
            for (file, text) in *files {
                std::fs::write(folder.path().join(name).join(file), format!("{text}\n")).unwrap();
            }
        }
        let supplies = folder.path().to_owned();
        (folder, Power { supplies, since: None })
    }

    fn waits(supplies: &[Supply<'_>]) -> bool {
        computer(supplies).1.makes_wait(Timestamp::UNIX_EPOCH)
    }

    const EMPTY: Supply<'_> = ("BAT0", &[("type", "Battery"), ("status", "Discharging"), ("capacity", "29")]);

    #[test]
    fn a_battery_that_is_nearly_empty_makes_jobs_wait_unless_it_charges() {
        assert!(waits(&[EMPTY]));
        assert!(waits(&[EMPTY, ("AC", &[("type", "Mains"), ("online", "0")])]));
        let full: Supply<'_> = ("BAT1", &[("type", "Battery"), ("status", "Full"), ("capacity", "90")]);
        let mouse: Supply<'_> =
            ("hid", &[("type", "Battery"), ("scope", "Device"), ("status", "Discharging"), ("capacity", "5")]);
        let enough: [&[Supply<'_>]; 8] = [
            &[],
            &[("AC", &[("type", "Mains"), ("online", "1")])],
            &[EMPTY, ("AC", &[("type", "Mains"), ("online", "1")])],
            &[EMPTY, full],
            &[mouse],
            &[("BAT0", &[("type", "Battery"), ("status", "Charging"), ("capacity", "3")])],
            &[("BAT0", &[("type", "Battery"), ("status", "Discharging"), ("capacity", "30")])],
            &[("BAT0", &[("type", "Battery"), ("status", "Discharging")])],
        ];
        for supplies in enough {
            assert!(!waits(supplies), "{supplies:?}");
        }
        let mut nowhere = Power { supplies: "/nowhere/at/all".into(), since: None };
        assert!(!nowhere.makes_wait(Timestamp::UNIX_EPOCH));
    }

    #[test]
    fn jobs_wait_for_four_hours_at_most_and_again_after_it_was_charged() {
        let (folder, mut power) = computer(&[EMPTY]);
        let at = |hour: i64| Timestamp::from_second(1_800_000_000 + hour * 3600).unwrap();
        assert_eq!([0, 3, 4, 9].map(|hour| power.makes_wait(at(hour))), [true, true, false, false]);
        std::fs::write(folder.path().join("BAT0/capacity"), "80").unwrap();
        assert!(!power.makes_wait(at(10)));
        std::fs::write(folder.path().join("BAT0/capacity"), "20").unwrap();
        assert_eq!([11, 14, 15].map(|hour| power.makes_wait(at(hour))), [true, true, false]);
        // The clock was set back by years.
        assert!(power.makes_wait(at(-100_000)));
    }
}
