//! Changes of the settings file by the page. Comments and other lines stay, and a file that somebody has changed by hand meanwhile is
//! not overwritten.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect};
use axum::routing::post;
use axum::{Form, Router};
use engine::error::chain;
use engine::monitor::NullMonitor;
use engine::upkeep::forget;
use engine::{Error, ErrorKind, Result};
use http::StatusCode;
use toml_edit::Value;

use super::super::door::Visitor;
use super::super::view::number;
use super::remove::one;
use super::settings::kept;
use super::{Answer, House, Refusal};
use crate::agent::Ask;
use crate::context::Context;
use crate::retention::conditions;
use crate::settings::FileSettings;
use crate::settings::edit::{self, Edit, Line, SeenFile};

/// Letters of a value.
const LETTERS_MAX: usize = 400;
/// The line without which no mail is sent.
const MAIL_TO: &str = "notify.mail.to";

/// The routes.
pub fn routes() -> Router<Arc<House>> {
    Router::new().route("/settings/change", post(change))
}

/// A part of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Hours,
    Tell,
    Keep,
}

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    List,
}

/// A line that the page may change.
struct Known {
    part: Part,
    line: &'static str,
    kind: Kind,
    label: &'static str,
    hint: &'static str,
    /// The value without such a line.
    usual: &'static str,
}

/// The lines that the page may change.
const KNOWN: &[Known] = &[
    known(Part::Hours, "schedule.office-hours", "Office hours", "as in Mon-Fri 08:00-18:00, Sat 08:00-13:00")
        .usually("Mon-Sat 07:00-19:00"),
    known(Part::Hours, "schedule.backup", "A backup in office hours, every", "as in 1h, 30min, or off").usually("1h"),
    known(Part::Hours, "schedule.otherwise", "At other times, every", "as in 4h, or off").usually("4h"),
    known(
        Part::Hours,
        "schedule.copy",
        "Bring the supplemental copy up to date",
        "after-backup, daily, weekly, monthly, or off",
    )
    .usually("after-backup"),
    known(Part::Hours, "schedule.verify", "Read saved data again", "as in 5% daily, weekly, or off")
        .usually("5% daily"),
    known(Part::Hours, "schedule.drill", "Test whether it can be brought back", "daily, weekly, monthly, or off")
        .usually("weekly"),
    known(Part::Hours, "schedule.forget", "Clear out backups that are not kept", "daily, weekly, monthly, or off")
        .usually("weekly"),
    known(Part::Tell, "notify.label", "Name of the practice in notices", "not the name of a patient"),
    known(Part::Tell, MAIL_TO, "Mail to", "addresses, with commas between; none: no mail").of(Kind::List),
    known(Part::Tell, "notify.mail.server", "Mail server", "as in smtp.example.org"),
    known(Part::Tell, "notify.mail.from", "Mail from", "an address; may stay empty"),
    known(Part::Tell, "notify.mail.user", "Account at the mail server", "may stay empty"),
    known(Part::Tell, "notify.mail.password-file", "File with its password", "a password never stands in the settings"),
    known(Part::Tell, "notify.ping", "Monitor", "its address; it tells when no backup comes"),
    known(Part::Tell, "notify.nothing-for", "Tell after so many office hours without a backup", "as in 4h, or off")
        .usually("4h"),
    known(Part::Tell, "notify.summary", "Weekly summary", "as in Mon 07:00, or off").usually("Mon 07:00"),
    known(Part::Keep, "retention.keep-within", "All of the last", "as in 14d"),
    known(Part::Keep, "retention.keep-hourly", "One of each hour, for so many hours", "").of(Kind::Number),
    known(Part::Keep, "retention.keep-daily", "One of each day, for so many days", "").of(Kind::Number),
    known(Part::Keep, "retention.keep-weekly", "One of each week, for so many weeks", "").of(Kind::Number),
    known(Part::Keep, "retention.keep-monthly", "One of each month, for so many months", "").of(Kind::Number),
    known(Part::Keep, "retention.keep-yearly", "One of each year, for so many years", "").of(Kind::Number),
];

const fn known(part: Part, line: &'static str, label: &'static str, hint: &'static str) -> Known {
    Known { part, line, kind: Kind::Text, label, hint, usual: "" }
}

/// The form of a part.
pub(super) struct Card {
    pub(super) part: Part,
    /// The mark of the file that it was made from.
    pub(super) seen: String,
    pub(super) fields: Vec<Field>,
    pub(super) trouble: Option<String>,
    /// The consequences of what was filled in; a second order saves it.
    pub(super) meaning: Option<Vec<String>>,
    /// The values that these are of.
    pub(super) sure: String,
    /// It is a part of the first start.
    pub(super) is_first: bool,
}

/// A line in a form.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) hint: &'static str,
    pub(super) value: String,
    /// The line is more than one field can hold.
    pub(super) is_other: bool,
    pub(super) trouble: Option<String>,
}

/// The result of a change.
pub(super) enum Changed {
    Saved,
    /// The form once more: why it was not saved, or what it means.
    Again(Card),
}

async fn change(
    State(house): State<Arc<House>>,
    visitor: Visitor,
    Form(fields): Form<Vec<(String, String)>>,
) -> Answer {
    let part = one(&fields, "part").and_then(Part::of).ok_or(Refusal::Malformed("the part of the settings"))?;
    check(&fields)?;
    let filled = fields.clone();
    let card = house.office.look_at_settings(move |context| filled_in(context, part, &filled)).await?;
    let card = match card {
        card if part.asks_first() && card.trouble.is_none() && !card.has_trouble() => {
            if one(&fields, "sure") == Some(card.sure.as_str()) { card } else { house.with_meaning(card).await? }
        }
        card => card,
    };
    let changed = if card.meaning.is_some() || card.has_trouble() || card.trouble.is_some() {
        Changed::Again(card)
    } else {
        house.save(&visitor, card).await?
    };
    let card = match changed {
        Changed::Saved => {
            house.office.desk.settings_have_changed();
            return Ok(Redirect::to("/settings").into_response());
        }
        Changed::Again(card) => card,
    };
    let status = if card.meaning.is_some() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let mut answer = house.show_settings(&visitor, Some(card)).await?;
    *answer.status_mut() = status;
    Ok(answer)
}

/// Refuses values that no line can have.
pub(super) fn check(fields: &[(String, String)]) -> std::result::Result<(), Refusal> {
    if fields.iter().any(|(_, value)| value.chars().count() > LETTERS_MAX || value.contains(char::is_control)) {
        return Err(Refusal::Malformed("a value"));
    }
    Ok(())
}

/// Writes what somebody has filled in at the first start, or says why not.
///
/// # Errors
/// The file cannot be read or written.
pub(super) fn change_first(context: &Context<'_>, part: Part, fields: &[(String, String)]) -> Result<Changed> {
    let card = filled_in(context, part, fields)?.first();
    if card.has_trouble() || card.trouble.is_some() {
        return Ok(Changed::Again(card));
    }
    let written = edit::change_seen(&file(context)?, &card.seen, |edit| put(edit, part, &card.values()));
    Changed::of(written, card)
}

/// The form of a part at the first start.
///
/// # Errors
/// The file cannot be read.
pub(super) fn first_card(context: &Context<'_>, part: Part) -> Result<Card> {
    Ok(Card::of(part, &edit::look(&file(context)?)?).first())
}

impl Changed {
    /// The result of writing a form: values that will not do are shown in it.
    fn of(written: Result<()>, card: Card) -> Result<Self> {
        match written {
            Ok(()) => Ok(Changed::Saved),
            Err(error) if matches!(error.kind(), ErrorKind::Refused | ErrorKind::Usage) => {
                Ok(Changed::Again(Card { trouble: Some(chain(&error).to_string()), ..card }))
            }
            Err(error) => Err(error),
        }
    }
}

impl House {
    /// Says what rules of retention mean for the backups that are there.
    async fn with_meaning(self: &Arc<Self>, mut card: Card) -> std::result::Result<Card, Refusal> {
        let values = card.values();
        let part = card.part;
        let meaning = self.office.look(move |context, repository| {
            let path = file(context)?;
            let mut seen = edit::look(&path)?;
            put(&mut seen.edit, part, &values)?;
            let settings = FileSettings::parse(&seen.edit.text(), &path)?;
            let policy = settings.retention.as_ref().map(|keep| keep.policy(None));
            let Some(policy) = policy.filter(|policy| !policy.rules.is_empty()) else {
                return Ok(vec!["All backups are kept, for ever. The disk fills up slowly.".to_owned()]);
            };
            let plan = forget::plan(repository, &policy, &conditions(None, None), &NullMonitor)?;
            let (going, staying) = (plan.going().len() as u64, plan.kept_count() as u64);
            let next = match going {
                0 => format!("Of the {} of today none would go.", number::counted(staying, "backup")),
                going => format!(
                    "Of the {} of today, {} would go at the next clearing, and cannot be brought back then. {} would stay.",
                    number::counted(going + staying, "backup"),
                    number::count(going),
                    number::count(staying)
                ),
            };
            Ok(vec![kept(&policy), next])
        });
        card.meaning = Some(meaning.await?);
        Ok(card)
    }

    /// Writes the file.
    async fn save(self: &Arc<Self>, visitor: &Visitor, card: Card) -> std::result::Result<Changed, Refusal> {
        let path = self.office.look_at_settings(file).await?;
        let (values, part, seen) = (card.values(), card.part, card.seen.clone());
        let names: Vec<_> = card.fields.iter().filter(|field| !field.is_other).map(|field| field.name).collect();
        let ask = Ask::about("change settings", format!("{}: {}", part.name(), names.join(", ")));
        let written = self.act(visitor, ask, move |_| edit::change_seen(&path, &seen, |edit| put(edit, part, &values)));
        Ok(Changed::of(written.await, card)?)
    }
}

/// The forms as the file is now; none if there is no file.
///
/// # Errors
/// The file cannot be read.
pub(super) fn cards(context: &Context<'_>) -> Result<Vec<Card>> {
    let Some(path) = &context.settings.file_path else { return Ok(Vec::new()) };
    let seen = edit::look(path)?;
    Ok([Part::Hours, Part::Tell, Part::Keep].map(|part| Card::of(part, &seen)).into_iter().collect())
}

/// The form as somebody has filled it in, with what is wrong beside each field.
fn filled_in(context: &Context<'_>, part: Part, fields: &[(String, String)]) -> Result<Card> {
    let path = file(context)?;
    let seen = edit::look(&path)?;
    let mut card = Card::of(part, &seen);
    card.seen = one(fields, "seen").unwrap_or_default().to_owned();
    for field in card.fields.iter_mut().filter(|field| !field.is_other) {
        one(fields, field.name).unwrap_or_default().trim().clone_into(&mut field.value);
    }
    card.sure = card.values().into_iter().map(|(name, value)| format!("{name}={value};")).collect();
    if card.seen != seen.mark {
        card.trouble = Some(
            "Somebody has changed the file meanwhile, so nothing was saved. Open this page again: then it shows the file as it is now."
                .to_owned(),
        );
        return Ok(card);
    }
    let mut edit = seen.edit.clone();
    let parsed = put(&mut edit, part, &card.values()).and_then(|()| FileSettings::parse(&edit.text(), &path).map(drop));
    if let Err(error) = parsed {
        card.blame(&error, &path);
    }
    Ok(card)
}

fn file(context: &Context<'_>) -> Result<PathBuf> {
    context.settings.file_path.clone().ok_or_else(|| Error::new(ErrorKind::Usage, "there is no enamel.toml to change"))
}

/// Puts values into the file. Lines that say the same as before stay as they are written.
fn put(edit: &mut Edit, part: Part, values: &[(&'static str, String)]) -> Result<()> {
    let lines = KNOWN.iter().filter(|known| known.part == part);
    for known in lines {
        let Some((_, value)) = values.iter().find(|(name, _)| *name == known.name()) else { continue };
        if *value != known.shown(edit) {
            edit.set(known.line, known.kind.value(value)?)?;
        }
    }
    let is_without_mail = values.iter().any(|(name, value)| *name == "to" && value.is_empty());
    if part == Part::Tell && is_without_mail {
        edit.set("notify.mail", None)?;
    }
    if part == Part::Keep && edit.is_empty("retention") {
        edit.set("retention", None)?;
    }
    Ok(())
}

impl Known {
    const fn usually(mut self, usual: &'static str) -> Self {
        self.usual = usual;
        self
    }

    const fn of(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// The last part of its name, as the form has it.
    fn name(&self) -> &'static str {
        self.line.rsplit('.').next().unwrap_or(self.line)
    }

    /// The value as the form shows it.
    fn shown(&self, edit: &Edit) -> String {
        match edit.line(self.line) {
            Some(Line::Text(text)) => text,
            Some(Line::Other) => String::new(),
            None => self.usual.to_owned(),
        }
    }
}

impl Kind {
    fn value(self, text: &str) -> Result<Option<Value>> {
        if text.is_empty() {
            return Ok(None);
        }
        Ok(match self {
            Kind::Text => Some(text.into()),
            Kind::List => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                edit::list(parts.map(Value::from).collect())
            }
            // A text is refused with the name of its line.
            Kind::Number => Some(text.parse::<i64>().map_or_else(|_| text.into(), Value::from)),
        })
    }
}

impl Part {
    fn of(name: &str) -> Option<Self> {
        [Part::Hours, Part::Tell, Part::Keep].into_iter().find(|part| part.name() == name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Part::Hours => "hours",
            Part::Tell => "notices",
            Part::Keep => "retention",
        }
    }

    /// Whether the consequences are shown before it is saved.
    pub(super) fn asks_first(self) -> bool {
        self == Part::Keep
    }
}

impl Card {
    fn of(part: Part, seen: &SeenFile) -> Self {
        let field = |known: &Known| Field {
            name: known.name(),
            label: known.label,
            hint: known.hint,
            value: known.shown(&seen.edit),
            is_other: seen.edit.line(known.line) == Some(Line::Other),
            trouble: None,
        };
        Card {
            part,
            seen: seen.mark.clone(),
            fields: KNOWN.iter().filter(|known| known.part == part).map(field).collect(),
            trouble: None,
            meaning: None,
            sure: String::new(),
            is_first: false,
        }
    }

    /// The same as a part of the first start.
    fn first(self) -> Self {
        Card { is_first: true, ..self }
    }

    /// Where the form is sent.
    pub(super) fn action(&self) -> &'static str {
        if self.is_first { "/setup/tell" } else { "/settings/change" }
    }

    fn values(&self) -> Vec<(&'static str, String)> {
        let own = self.fields.iter().filter(|field| !field.is_other);
        own.map(|field| (field.name, field.value.clone())).collect()
    }

    fn has_trouble(&self) -> bool {
        self.fields.iter().any(|field| field.trouble.is_some())
    }

    pub(super) fn is_open(&self) -> bool {
        self.is_first || self.trouble.is_some() || self.meaning.is_some() || self.has_trouble()
    }

    /// Says beside the field that an error names what is wrong, or above all fields.
    fn blame(&mut self, error: &Error, path: &Path) {
        let whole = chain(error).to_string();
        let why = whole.rsplit_once(&path.display().to_string()).map_or(whole.as_str(), |(_, why)| why);
        let why = why.trim_start_matches([':', ' ']);
        let named = self.fields.iter_mut().find(|field| {
            !field.is_other
                && (why.contains(&format!("`{}`", field.name)) || why.contains(&format!("{} =", field.name)))
        });
        match named {
            Some(field) => field.trouble = Some(why.to_owned()),
            None => self.trouble = Some(why.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str =
        "repository = \"/mnt\"\n# When.\n[schedule]\nbackup = \"2h\"  # enough\n[retention]\nkeep-daily = 7\n";

    fn put_into(text: &str, part: Part, values: &[(&'static str, &str)]) -> String {
        let mut edit = Edit::of(text).unwrap();
        let values: Vec<_> = values.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        put(&mut edit, part, &values).unwrap();
        edit.text()
    }

    #[test]
    fn only_lines_that_say_something_else_are_written() {
        let same = [("office-hours", "Mon-Sat 07:00-19:00"), ("backup", "2h"), ("otherwise", "4h")];
        assert_eq!(put_into(BEFORE, Part::Hours, &same), BEFORE);
        let after = put_into(BEFORE, Part::Hours, &[("backup", "30min"), ("otherwise", "off")]);
        assert!(after.contains("backup = \"30min\"  # enough\notherwise = \"off\"\n"), "{after}");
    }

    #[test]
    fn mail_to_nobody_is_no_mail_and_no_rule_is_no_retention() {
        let mail = "[notify.mail]\nto = [\"a@b.example\"]\nserver = \"smtp.b.example\"\n";
        let after = put_into(mail, Part::Tell, &[("to", "a@b.example, c@d.example"), ("server", "smtp.b.example")]);
        assert!(after.contains("to = [\"a@b.example\", \"c@d.example\"]"), "{after}");
        assert!(!put_into(mail, Part::Tell, &[("to", ""), ("server", "smtp.b.example")]).contains("mail"));
        assert!(!put_into(BEFORE, Part::Keep, &[("keep-daily", "")]).contains("retention"));
        assert!(put_into(BEFORE, Part::Keep, &[("keep-daily", "90")]).contains("keep-daily = 90"));
    }

    #[test]
    fn every_field_has_a_name_of_its_own() {
        for (place, known) in KNOWN.iter().enumerate() {
            let others = KNOWN.iter().skip(place + 1).filter(|other| other.part == known.part);
            others.for_each(|other| assert_ne!(other.name(), known.name()));
        }
    }
}
