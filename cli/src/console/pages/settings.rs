//! Settings: when, how long, who is told; and the people who may come in.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect};
use axum::routing::{get, post};
use axum::{Form, Router};
use engine::upkeep::retention::{Age, Policy, Rule};
use jiff::civil::Time;
use serde::Deserialize;

use super::super::door::{Person, Role, Visitor};
use super::super::view::{Frame, Mark, Tab, Tone, number, time};
use super::settings_change::{self, Card, Part};
use super::work::{self, Shown};
use super::{Answer, House, Refusal, page};
use crate::agent::{Ask, EndedRun, Task, now};
use crate::context::Context;
use crate::schedule::{CopyRule, Period, Rules};

/// Hours of a day.
const HOURS: i8 = 24;

/// The routes.
pub fn routes() -> Router<Arc<House>> {
    Router::new()
        .route("/settings", get(show))
        .route("/settings/notify-test", post(notify_test))
        .route("/settings/people", post(put))
        .route("/settings/people/remove", post(remove))
        .merge(settings_change::routes())
}

#[derive(Template)]
#[template(path = "settings.html")]
struct Page {
    frame: Frame,
    shown: Option<Shown>,
    tried: Option<Mark>,
    tried_lines: Vec<String>,
    seen: Seen,
    people: Vec<PersonShown>,
    /// The forms that change the file, for owners; none if there is no file.
    hours_card: Option<Card>,
    tell_card: Option<Card>,
    keep_card: Option<Card>,
}

/// The contents of enamel.toml, in words.
struct Seen {
    file: String,
    trouble: Option<String>,
    hours: Vec<Hour>,
    hours_words: String,
    jobs: Vec<(&'static str, String)>,
    retention: Option<String>,
    ways: Vec<(&'static str, String)>,
}

/// An hour in the strip of today.
struct Hour {
    x: i8,
    class: &'static str,
}

struct PersonShown {
    name: String,
    role: &'static str,
}

#[derive(Deserialize)]
struct NewPerson {
    name: String,
    role: String,
    password: String,
    again: String,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

async fn show(State(house): State<Arc<House>>, visitor: Visitor) -> Answer {
    house.show_settings(&visitor, None).await
}

impl House {
    /// The page, with a form that somebody has filled in and that was not saved.
    pub(super) async fn show_settings(self: &Arc<Self>, visitor: &Visitor, filled: Option<Card>) -> Answer {
        settings_page(self, visitor, filled).await
    }
}

async fn settings_page(house: &Arc<House>, visitor: &Visitor, filled: Option<Card>) -> Answer {
    let frame = house.frame(visitor, Tab::Settings).await;
    let mut cards =
        if frame.is_owner() { house.office.look_at_settings(settings_change::cards).await? } else { Vec::new() };
    cards.retain(|card| filled.as_ref().is_none_or(|filled| filled.part != card.part));
    cards.extend(filled);
    let mut take = |part: Part| cards.iter().position(|card| card.part == part).map(|at| cards.swap_remove(at));
    let (hours_card, tell_card, keep_card) = (take(Part::Hours), take(Part::Tell), take(Part::Keep));
    let seen = house.office.look_at_settings(|context| Ok(Seen::of(context))).await?;
    let asked = house.clone();
    // Names and roles are for those who may change them.
    let people = match frame.is_owner() {
        true => house.office.think(move || asked.door.people.list()).await?,
        false => Vec::new(),
    };
    let shown = (house.office.desk.busy() == Some(Task::Other)).then(|| work::shown(house));
    let tried = house.office.desk.ended().into_iter().rfind(is_notify_test).filter(|_| shown.is_none());
    page(&Page {
        frame,
        shown,
        tried: tried.as_ref().map(|run| tried_mark(run.exit)),
        tried_lines: tried.as_ref().map(|run| problems(&run.run.messages)).unwrap_or_default(),
        seen,
        people: people.into_iter().map(PersonShown::of).collect(),
        hours_card,
        tell_card,
        keep_card,
    })
}

async fn notify_test(State(house): State<Arc<House>>, visitor: Visitor) -> Answer {
    house.order(&visitor, "send a test notice", Task::Other, vec!["notify".into(), "test".into()]).await?;
    Ok(Redirect::to("/settings").into_response())
}

/// Adds somebody, or gives them another password and role. Their open pages are locked.
async fn put(State(house): State<Arc<House>>, visitor: Visitor, Form(new): Form<NewPerson>) -> Answer {
    let role = role(&new.role).ok_or(Refusal::Malformed("the role"))?;
    if new.password != new.again {
        return Err(Refusal::WillNotDo("The two passwords differ. Nothing was changed.".to_owned()));
    }
    let person = Person { name: new.name.trim().to_owned(), role };
    let name = person.name.clone();
    let ask = Ask::about("give somebody a password", format!("{name}, {}", role.name()));
    let put = house.act(&visitor, ask, move |house| house.door.people.put(person, &new.password)).await;
    put.map_err(|error| Refusal::WillNotDo(error.to_string()))?;
    house.door.sessions.end_all_of(&name);
    Ok(Redirect::to("/settings").into_response())
}

/// Removes somebody, and locks their open pages.
async fn remove(State(house): State<Arc<House>>, visitor: Visitor, Form(Named { name }): Form<Named>) -> Answer {
    let named = name.clone();
    let ask = Ask::about("lock somebody out", name.clone());
    let was_there = house.act(&visitor, ask, move |house| house.door.people.remove(&named)).await?;
    house.door.sessions.end_all_of(&name);
    if !was_there {
        return Err(Refusal::WillNotDo("There is nobody of this name any more.".to_owned()));
    }
    Ok(Redirect::to("/settings").into_response())
}

fn role(text: &str) -> Option<Role> {
    match text {
        "look" => Some(Role::Look),
        "staff" => Some(Role::Staff),
        "owner" => Some(Role::Owner),
        _ => None,
    }
}

/// Reviews of tests are such orders, too; a test of notices says what it sent.
fn is_notify_test(run: &EndedRun) -> bool {
    run.run.task == Task::Other && run.message("notice_test").is_some()
}

/// How a test of notices ended with this status.
pub(super) fn tried_mark(exit: Option<i32>) -> Mark {
    match exit {
        Some(0) => Mark::new(Tone::GOOD, "The test was sent to everybody"),
        _ => Mark::new(Tone::BAD, "The test did not reach everybody"),
    }
}

/// The ways that failed, and why.
pub(super) fn problems(messages: &[serde_json::Value]) -> Vec<String> {
    let told = messages.iter().filter(|message| message["message_type"] == "notice_test");
    let problem = |message: &serde_json::Value| {
        let problem = message["problem"].as_str()?;
        Some(format!("{}: {problem}", message["host"].as_str().unwrap_or_default()))
    };
    told.filter_map(problem).collect()
}

impl PersonShown {
    fn of(person: Person) -> Self {
        PersonShown { name: person.name, role: person.role.name() }
    }
}

impl Seen {
    fn of(context: &Context<'_>) -> Self {
        let file = &context.settings.file;
        let rules = file.schedule.rules();
        let retention = file.retention.as_ref().map(|keep| kept(&keep.policy(None)));
        let place = context.settings.file_path.as_ref().map(|path| path.display().to_string());
        let mut ways = Vec::new();
        if let Some(mail) = &file.notify.mail {
            ways.push(("Mail", mail.to.join(", ")));
        }
        if file.notify.ping.is_some() {
            ways.push(("A monitor", "hears of each backup, and tells when none comes".to_owned()));
        }
        if !file.notify.webhook.is_empty() {
            ways.push(("Messages to other programs", file.notify.webhook.len().to_string()));
        }
        Seen {
            file: place.unwrap_or_else(|| "enamel.toml".to_owned()),
            trouble: rules.as_ref().err().cloned(),
            hours: rules.as_ref().map(hours).unwrap_or_default(),
            hours_words: rules
                .as_ref()
                .map(|rules| hours_words(rules, &file.schedule.office_hours))
                .unwrap_or_default(),
            jobs: rules.as_ref().map(jobs).unwrap_or_default(),
            retention,
            ways,
        }
    }
}

/// How long backups are kept, in words.
pub(super) fn kept(policy: &Policy) -> String {
    use engine::upkeep::retention::Period as Each;
    let unit = |period: &Each| match period {
        Each::Hour => "hour",
        Each::Day => "day",
        Each::Week => "week",
        Each::Month => "month",
        Each::Quarter => "quarter",
        Each::Year => "year",
    };
    let told = policy.rules.iter().map(|rule| match rule {
        Rule::Last(count) => format!("the newest {}", number::counted(u64::from(*count), "backup")),
        Rule::Each(period, count) => {
            format!("one of each {} for {}", unit(period), number::counted(u64::from(*count), unit(period)))
        }
        Rule::Within(age) => format!("all of the last {}", spelled(*age)),
        Rule::EachWithin(period, age) => format!("one of each {} of the last {}", unit(period), spelled(*age)),
        Rule::Tag(tag) => format!("all that are marked “{tag}”"),
    });
    let told: Vec<_> = told.collect();
    if told.is_empty() { "All backups are kept.".to_owned() } else { format!("Kept are {}.", told.join("; ")) }
}

/// An age as people say it: `14d` is 14 days.
fn spelled(age: Age) -> String {
    let part = |part: &str| {
        let (count, unit) = part.split_at(part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len()));
        let noun = match unit {
            "y" => "year",
            "mo" => "month",
            "w" => "week",
            "d" => "day",
            _ => "hour",
        };
        count.parse().map_or_else(|_| part.to_owned(), |count| number::counted(count, noun))
    };
    age.to_string().split_whitespace().map(part).collect::<Vec<_>>().join(" and ")
}

/// The hours of today: open, else, or without a backup.
fn hours(rules: &Rules) -> Vec<Hour> {
    let today = now().date();
    let hour = |hour: i8| {
        let at = today.to_datetime(Time::constant(hour, 0, 0, 0));
        let class = match rules.office_hours.contains(at) {
            true if rules.backup.is_some() => "on",
            false if rules.otherwise.is_some() => "night",
            _ => "off",
        };
        Hour { x: hour, class }
    };
    (0..HOURS).map(hour).collect()
}

fn hours_words(rules: &Rules, office_hours: &str) -> String {
    let often = |often: Option<std::time::Duration>| {
        often.map_or_else(|| "no backup".to_owned(), |often| format!("a backup every {}", time::age(often.as_secs())))
    };
    format!("In office hours ({office_hours}) {}; at other times {}.", often(rules.backup), often(rules.otherwise))
}

fn jobs(rules: &Rules) -> Vec<(&'static str, String)> {
    let off = || "not by itself".to_owned();
    let copy = rules.copy.map_or_else(off, |copy| match copy {
        CopyRule::AfterBackup => "after each backup".to_owned(),
        CopyRule::Each(period) => each(period),
    });
    let verify = rules.verify.as_ref().map_or_else(off, |verify| match &verify.share {
        Some(share) => format!("{share} of it, {}", each(verify.period)),
        None => each(verify.period),
    });
    vec![
        ("Bring the supplemental copy up to date", copy),
        ("Read saved data again", verify),
        ("Test whether it can be brought back", rules.drill.map_or_else(off, each)),
        ("Clear out backups that are not kept", rules.forget.map_or_else(off, each)),
    ]
}

fn each(period: Period) -> String {
    match period {
        Period::Daily => "each night".to_owned(),
        Period::Weekly(day) => format!("each week, on {day:?}"),
        Period::Monthly => "each month".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::ScheduleSettings;

    #[test]
    fn the_schedule_is_told_in_words() {
        let settings = ScheduleSettings { drill: "off".to_owned(), ..ScheduleSettings::default() };
        let rules = settings.rules().unwrap();
        assert_eq!(hours(&rules).len(), 24);
        let words = hours_words(&rules, &settings.office_hours);
        assert_eq!(
            words,
            "In office hours (Mon-Sat 07:00-19:00) a backup every 60 minutes; at other times a backup every 4 hours."
        );
        let jobs = jobs(&rules);
        assert_eq!(jobs[1].1, "5% of it, each night");
        assert_eq!(jobs[2].1, "not by itself");
        assert_eq!(jobs[3].1, "each week, on Sunday");
    }

    #[test]
    fn ages_are_spelled() {
        let age = |text: &str| spelled(Age::new(text.parse().unwrap()).unwrap());
        assert_eq!(age("14d"), "14 days");
        assert_eq!(age("1y6mo"), "1 year and 6 months");
    }
}
