//! SNAP and SNAP:PATH: how a user names a snapshot, and a place in it.
//!
//! `SNAP` is an id's first digits, or `latest`, then `:TAG`, `@TIME` and `~NUMBER` if wanted; `@TIME` alone is
//! `latest@TIME`. After it `:PATH` may follow. After `latest:` a word with a slash is a path, a word without one is a
//! tag; `latest::PATH` says that no tag is meant. Tags hold no colon, slash, `@` or `~`. A time is as long as it can be,
//! and means its end: a day, a minute, a second.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use engine::machine;
use engine::snapshots::Selector;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use repo_format::entry::Time;

/// Nobody looks further back than so many of a unit.
const MANY: i64 = 5_000;

/// A snapshot as the user named it, and perhaps a path in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snap {
    name: Name,
    /// The path, without slashes at its end; `None` if there was none.
    pub path: Option<Vec<u8>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    IdPrefix(String),
    /// The newest with this tag, from this time or before; or the one so many steps before it.
    Latest {
        tag: Option<String>,
        until: Option<Time>,
        steps: u32,
    },
}

impl Snap {
    /// Reads `SNAP` or `SNAP:PATH`, times without a zone in this machine's.
    ///
    /// # Errors
    /// The fault, in words.
    pub fn parse(text: OsString) -> Result<Self, String> {
        Self::parse_in(&text.into_vec(), &TimeZone::system())
    }

    /// Reads `SNAP`, which no path may follow.
    ///
    /// # Errors
    /// The fault, in words.
    pub fn parse_whole(text: OsString) -> Result<Self, String> {
        let snap = Self::parse(text)?;
        match &snap.path {
            None => Ok(snap),
            Some(path) => Err(format!("give a snapshot here, without the path `{}`", String::from_utf8_lossy(path))),
        }
    }

    /// The selector for the engine.
    pub fn selector(&self) -> Selector {
        match self.name.clone() {
            Name::IdPrefix(prefix) => Selector::IdPrefix(prefix),
            Name::Latest { tag, until, steps: 0 } => Selector::Latest { tag, until },
            Name::Latest { tag, until, steps } => Selector::Earlier { steps, tag, until },
        }
    }

    fn parse_in(text: &[u8], zone: &TimeZone) -> Result<Self, String> {
        match text.strip_prefix(b"latest") {
            Some(rest) => parse_latest(rest, zone),
            None if text.starts_with(b"@") => parse_latest(text, zone),
            None => parse_id(text),
        }
    }
}

/// Checks a tag: one that could not be written after `latest:` is refused.
///
/// # Errors
/// The fault, in words.
pub fn parse_tag(text: &str) -> Result<String, String> {
    if text.is_empty()
        || text.contains([':', '@', '/', '~'])
        || text.chars().any(|c| c.is_control() || c.is_whitespace())
    {
        return Err("a tag is a word without `:`, `@`, `/`, `~` and spaces".into());
    }
    Ok(text.to_owned())
}

fn parse_id(text: &[u8]) -> Result<Snap, String> {
    let (id, path) = split_path(text);
    let is_id = (1..=32).contains(&id.len()) && id.iter().all(u8::is_ascii_hexdigit);
    if is_id {
        Ok(Snap { name: Name::IdPrefix(String::from_utf8_lossy(id).to_ascii_lowercase()), path: path.map(trim_path) })
    } else {
        Err(format!(
            "`{}` is neither an id nor `latest`, `latest~1`, `latest:TAG`, `@yesterday`, `@2026-11-20T14:00`",
            String::from_utf8_lossy(id)
        ))
    }
}

fn parse_latest(rest: &[u8], zone: &TimeZone) -> Result<Snap, String> {
    let (mut tag, mut until, mut rest) = (None, None, rest);
    if let [b':', value @ ..] = rest {
        let end = value.iter().position(|b| b":@/~".contains(b)).unwrap_or(value.len());
        if value.get(end) == Some(&b'/') {
            return Ok(latest(None, None, 0, Some(value)));
        }
        (tag, rest) = (tag_of(&value[..end])?, &value[end..]);
    }
    if let [b'@', when @ ..] = rest {
        let time;
        (time, rest) = split_time(when, zone)?;
        until = Some(time);
    }
    let mut steps = 0;
    if let [b'~', number @ ..] = rest {
        let end = number.iter().position(|b| !b.is_ascii_digit()).unwrap_or(number.len());
        let text = std::str::from_utf8(&number[..end]).unwrap_or_default();
        steps =
            text.parse().map_err(|_| "after `~` comes a number: `latest~1` is the one before the newest".to_owned())?;
        rest = &number[end..];
    }
    match rest {
        [] => Ok(latest(tag, until, steps, None)),
        [b':', path @ ..] => Ok(latest(tag, until, steps, Some(path))),
        _ => Err("after `latest` comes `:TAG`, `@TIME`, `~NUMBER`, `:/PATH` or nothing".into()),
    }
}

fn latest(tag: Option<String>, until: Option<Time>, steps: u32, path: Option<&[u8]>) -> Snap {
    Snap { name: Name::Latest { tag, until, steps }, path: path.map(trim_path) }
}

fn tag_of(text: &[u8]) -> Result<Option<String>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let text = std::str::from_utf8(text).map_err(|_| "a tag is text".to_owned())?;
    parse_tag(text).map(Some)
}

fn split_path(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|b| *b == b':') {
        Some(colon) => (&text[..colon], Some(&text[colon + 1..])),
        None => (text, None),
    }
}

fn trim_path(path: &[u8]) -> Vec<u8> {
    let end = path.iter().rposition(|b| *b != b'/').map_or(path.len().min(1), |last| last + 1);
    path[..end].to_vec()
}

/// The longest time at the beginning of `text` that ends before a colon or `~`, or with the text, and the rest.
fn split_time<'t>(text: &'t [u8], zone: &TimeZone) -> Result<(Time, &'t [u8]), String> {
    let marks = text.iter().enumerate().filter(|(_, b)| b":~".contains(b)).map(|(at, _)| at);
    let ends: Vec<_> = marks.chain([text.len()]).collect();
    for end in ends.into_iter().rev() {
        if let Some(time) = std::str::from_utf8(&text[..end]).ok().and_then(|time| parse_until(time, zone)) {
            return Ok((time, &text[end..]));
        }
    }
    Err(format!(
        "`{}` is not a time; write 2026-11-20, 2026-11-20T14:00, 2026-11-20T14:00+01:00, yesterday or \"2 hours ago\"",
        String::from_utf8_lossy(text)
    ))
}

/// The moment that `text` names by the clock: `today`, `yesterday`, `2 hours ago`; days mean their end.
fn parse_relative(text: &str, zone: &TimeZone, now: Time) -> Option<Time> {
    let now = Timestamp::new(now.seconds, i32::try_from(now.nanoseconds).ok()?).ok()?;
    let today = now.to_zoned(zone.clone()).date();
    match text {
        "today" => return end_of(today, zone),
        "yesterday" => return end_of(today.yesterday().ok()?, zone),
        _ => {}
    }
    let words: Vec<&str> = text.split([' ', '-']).collect();
    let [number, unit, "ago"] = words[..] else { return None };
    let number: i64 = number.parse().ok().filter(|number| (0..=MANY).contains(number))?;
    let minutes = match unit.strip_suffix('s').unwrap_or(unit) {
        "minute" => 1,
        "hour" => 60,
        "day" => 24 * 60,
        "week" => 7 * 24 * 60,
        _ => return None,
    };
    Some(time_of(now.checked_sub((number * minutes).minutes()).ok()?))
}

/// The last nanosecond of a day.
fn end_of(day: Date, zone: &TimeZone) -> Option<Time> {
    let end = day.tomorrow().ok()?.to_zoned(zone.clone()).ok()?.timestamp();
    Some(time_of(end - 1.nanosecond()))
}

/// The last nanosecond of the day, minute or second that `text` names.
fn parse_until(text: &str, zone: &TimeZone) -> Option<Time> {
    if let Some(time) = parse_relative(text, zone, machine::now()) {
        return Some(time);
    }
    if text.len() == "2026-11-20".len() {
        return end_of(text.parse::<Date>().ok()?, zone);
    }
    let clock = text.get("2026-11-20T".len()..)?;
    let clock = &clock[..clock.find(['Z', 'z', '+', '-', '[']).unwrap_or(clock.len())];
    let start = match text.parse::<Timestamp>() {
        Ok(time) => time,
        Err(_) if text.len() > "2026-11-20T".len() + clock.len() => return None,
        Err(_) => zone.to_ambiguous_timestamp(text.parse::<DateTime>().ok()?).later().ok()?,
    };
    let digits = clock.bytes().filter(u8::is_ascii_digit).count();
    let unit = match digits {
        // An hour alone is refused: a slip in the minutes would pass for a path.
        0..4 => return None,
        4 => 1.minute(),
        6 => 1.second(),
        _ => return Some(time_of(start)),
    };
    let end = start.checked_add(unit).ok()?;
    Some(time_of(end - 1.nanosecond()))
}

fn time_of(time: Timestamp) -> Time {
    let nanoseconds = time.as_nanosecond();
    let (seconds, rest) = (nanoseconds.div_euclid(1_000_000_000), nanoseconds.rem_euclid(1_000_000_000));
    Time { seconds: i64::try_from(seconds).unwrap_or(i64::MAX), nanoseconds: u32::try_from(rest).unwrap_or(0) }
}

#[cfg(test)]
mod tests;
