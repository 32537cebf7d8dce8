//! The first page: whether everything is safe, the calendar, a day's backups, and one button.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect};
use axum::routing::{get, post};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, Zoned};
use repo_format::id::LeaseId;
use serde::Deserialize;

use super::super::door::Visitor;
use super::super::office::{Line, Overview};
use super::super::view::{Frame, Mark, Tab, Tone, number, time, words};
use super::{Answer, House, Refusal, page};
use crate::agent::{Task, now};
use crate::ui::format;

/// The widest bar of a day: 24 backups and more.
const BAR_MAX: usize = 12;

/// The routes.
pub fn routes() -> Router<Arc<House>> {
    Router::new().route("/", get(show)).route("/backup", post(begin))
}

#[derive(Deserialize)]
struct Wanted {
    month: Option<String>,
    day: Option<String>,
}

#[derive(Template)]
#[template(path = "backup.html")]
struct Page {
    frame: Frame,
    headline: Mark,
    sentence: String,
    places: Vec<Place>,
    calendar: Calendar,
    day: DayShown,
    checks: Vec<CheckShown>,
}

/// Something that is saved, or somewhere that it is saved to.
struct Place {
    kind: PlaceKind,
    name: &'static str,
    what: String,
    small: String,
    state: Option<Mark>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum PlaceKind {
    Database,
    Folder,
    Repository,
    Copy,
}

struct CheckShown {
    tone: Tone,
    question: &'static str,
    sentence: String,
    remedy: Option<&'static str>,
    age: Option<String>,
}

/// A month with its days.
struct Calendar {
    name: String,
    before: Link,
    after: Option<Link>,
    weeks: Vec<[Option<Day>; 7]>,
}

struct Link {
    href: String,
    name: String,
}

/// A day in the calendar.
struct Day {
    number: i8,
    date: String,
    label: String,
    /// The width of its bar, in twelfths.
    bar: usize,
    has_trouble: bool,
    is_today: bool,
    is_shown: bool,
    is_future: bool,
}

/// The backups of one day.
struct DayShown {
    name: String,
    count: String,
    backups: Vec<Backup>,
}

struct Backup {
    id: String,
    at: time::Moment,
    clock: String,
    what: String,
    note: Option<Mark>,
    /// There is none before it to compare with.
    is_first: bool,
}

async fn show(State(house): State<Arc<House>>, visitor: Visitor, Query(wanted): Query<Wanted>) -> Answer {
    let now = now();
    let frame = house.frame(&visitor, Tab::Backup).await;
    let overview = house.office.overview().await;
    let overview = overview.as_deref();
    // Without a repository the page says what is wrong.
    let lines = house.office.lines().await.unwrap_or_default();
    let day = wanted.day.as_deref().map(parse_day).transpose()?;
    let month = wanted.month.as_deref().map(|month| parse_day(&format!("{month}-01"))).transpose()?;
    let newest = lines.last().map(|line| time::here(line.seconds).date());
    let day = day.or(month.is_none().then_some(newest).flatten()).unwrap_or(now.date());
    let days = by_day(&lines);
    page(&Page {
        frame,
        headline: words::headline(overview),
        sentence: words::next_backup(overview),
        places: overview.map(places).unwrap_or_default(),
        calendar: Calendar::of(month.unwrap_or(day).first_of_month(), day, &days, &now),
        day: DayShown::of(day, days.get(&day).map_or(&[], Vec::as_slice), lines.first().map(|line| line.id), &now),
        checks: overview.map(checks).unwrap_or_default(),
    })
}

async fn begin(State(house): State<Arc<House>>, visitor: Visitor) -> Answer {
    house.order(&visitor, "make a backup", Task::Backup, vec!["backup".into()]).await?;
    Ok(Redirect::to("/work").into_response())
}

fn parse_day(text: &str) -> Result<Date, Refusal> {
    text.parse().map_err(|_| Refusal::Malformed("the date"))
}

fn by_day(lines: &[Arc<Line>]) -> BTreeMap<Date, Vec<Arc<Line>>> {
    let mut days: BTreeMap<Date, Vec<Arc<Line>>> = BTreeMap::new();
    for line in lines {
        days.entry(time::here(line.seconds).date()).or_default().push(line.clone());
    }
    days
}

fn checks(overview: &Overview) -> Vec<CheckShown> {
    let shown = overview.health.checks.iter().map(|check| CheckShown {
        tone: Tone(check.state),
        question: words::question(check.question),
        sentence: check.sentence.clone(),
        remedy: check.remedy,
        age: check.age_seconds.map(time::age),
    });
    shown.collect()
}

fn places(overview: &Overview) -> Vec<Place> {
    use engine::health::Question;
    use repo_format::manifest::RootKind;

    let mark = |question| overview.check(question).map(|check| Mark::new(Tone(check.state), check.sentence.clone()));
    let mut places = Vec::new();
    for source in &overview.status.sources {
        for root in &source.newest.manifest.roots {
            let path = format::path(&root.path.0);
            let (kind, name, small) = match root.kind {
                RootKind::Database => (PlaceKind::Database, "Database", words::server(&path)),
                _ => (PlaceKind::Folder, "Folder", path),
            };
            let what = Some(format::path(&root.name.0)).filter(|what| !what.eq_ignore_ascii_case(name));
            places.push(Place { kind, name, what: what.unwrap_or_default(), small, state: None });
        }
    }
    let room = overview.check(Question::Room).map_or_else(String::new, |check| check.sentence.clone());
    let state = overview.newest.map(|newest| {
        let tone = overview.check(Question::OnTime).map_or(Tone::UNKNOWN, |check| Tone(check.state));
        Mark::new(tone, format!("{} ago", time::age(overview.age(newest))))
    });
    places.push(Place { kind: PlaceKind::Repository, name: "Backups", what: String::new(), small: room, state });
    let copy = mark(Question::SecondCopy);
    places.push(Place {
        kind: PlaceKind::Copy,
        name: "Copy in another place",
        what: String::new(),
        small: String::new(),
        state: copy,
    });
    places
}

impl Page {
    fn places_of(&self, is_source: bool) -> impl Iterator<Item = &Place> {
        self.places
            .iter()
            .filter(move |place| matches!(place.kind, PlaceKind::Database | PlaceKind::Folder) == is_source)
    }
}

impl Place {
    fn is_database(&self) -> bool {
        self.kind == PlaceKind::Database
    }

    fn is_copy(&self) -> bool {
        self.kind == PlaceKind::Copy
    }
}

impl Calendar {
    fn of(month: Date, shown: Date, days: &BTreeMap<Date, Vec<Arc<Line>>>, now: &Zoned) -> Self {
        let today = now.date();
        let link = |date: Date| Link {
            href: format!("/?month={}", date.strftime("%Y-%m")),
            name: date.strftime("%B %Y").to_string(),
        };
        let next = month.checked_add(1.month()).unwrap_or(month);
        let mut weeks = Vec::new();
        let mut week: [Option<Day>; 7] = Default::default();
        for number in 1..=month.days_in_month() {
            // The day is in the month.
            let Ok(date) = Date::new(month.year(), month.month(), number) else { continue };
            let column = usize::try_from(date.weekday().to_monday_zero_offset()).unwrap_or(0);
            if column == 0 && number > 1 {
                weeks.push(std::mem::take(&mut week));
            }
            week[column] = Some(Day::of(date, shown, days.get(&date).map_or(&[], Vec::as_slice), today));
        }
        weeks.push(week);
        Calendar {
            name: month.strftime("%B %Y").to_string(),
            before: link(month.checked_sub(1.month()).unwrap_or(month)),
            after: (next <= today && next != month).then(|| link(next)),
            weeks,
        }
    }
}

impl Day {
    fn of(date: Date, shown: Date, backups: &[Arc<Line>], today: Date) -> Self {
        let has_trouble = backups.iter().any(|line| line.is_held || line.problems > 0);
        let trouble = if has_trouble { ", something needs a look" } else { "" };
        let count = backups.len() as u64;
        let called = if count == 0 { "no backup".to_owned() } else { number::counted(count, "backup") };
        Day {
            number: date.day(),
            date: date.to_string(),
            label: format!("{}: {called}{trouble}", date.strftime("%-d %B")),
            bar: backups.len().div_ceil(2).min(BAR_MAX),
            has_trouble,
            is_today: date == today,
            is_shown: date == shown,
            is_future: date > today,
        }
    }
}

impl DayShown {
    fn of(date: Date, backups: &[Arc<Line>], first: Option<LeaseId>, now: &Zoned) -> Self {
        let backups: Vec<_> = backups.iter().rev().map(|line| Backup::of(line, first, now)).collect();
        DayShown {
            name: format!("{}, {}", time::day(date, now.date()), date.strftime("%A %-d %B")),
            count: number::counted(backups.len() as u64, "backup"),
            backups,
        }
    }
}

impl Backup {
    fn of(line: &Line, first: Option<LeaseId>, now: &Zoned) -> Self {
        let note = if line.is_held {
            Some(Mark::new(Tone::BAD, "looks like an attack: held"))
        } else {
            let problems = (line.problems > 0).then(|| format!("{} left out", number::counted(line.problems, "thing")));
            problems.map(|words| Mark::new(Tone::ATTENTION, words))
        };
        let at = Timestamp::from_second(line.seconds).unwrap_or(Timestamp::MIN).to_zoned(now.time_zone().clone());
        Backup {
            id: line.id.to_string(),
            at: time::moment(line.seconds, now),
            clock: at.strftime("%H:%M").to_string(),
            what: words::changes(line),
            note,
            is_first: first == Some(line.id),
        }
    }
}
