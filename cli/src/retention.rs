//! Retention as users write it: rules on the command line or in `[retention]` of `enamel.toml`, and what keeps a
//! snapshot, in words.

use std::fmt;
use std::num::NonZeroU32;

use engine::machine;
use engine::upkeep::retention::{Age, Conditions, GroupBy, Period, Policy, Reason, Rule, TableName};
use jiff::Span;
use jiff::tz::TimeZone;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::snap::parse_tag;
use crate::ui::format;

/// Rules for snapshots to keep. They have the same names on the command line and in the settings file.
#[derive(Debug, Clone, Default, clap::Args, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Keep {
    /// Keep the newest N
    #[arg(long, value_name = "N", value_parser = parse_count)]
    keep_last: Option<NonZeroU32>,
    /// Keep the newest of each of the last N hours in which there are any
    #[arg(long, value_name = "N", value_parser = parse_count)]
    keep_hourly: Option<NonZeroU32>,
    /// Keep the newest of each of the last N days in which there are any
    #[arg(long, value_name = "N", value_parser = parse_count)]
    keep_daily: Option<NonZeroU32>,
    /// Keep the newest of each of the last N weeks, which begin on Monday
    #[arg(long, value_name = "N", value_parser = parse_count)]
    keep_weekly: Option<NonZeroU32>,
    /// Keep the newest of each of the last N months
    #[arg(long, value_name = "N", value_parser = parse_count)]
    keep_monthly: Option<NonZeroU32>,
    /// Keep the newest of each of the last N quarters
    #[arg(long, value_name = "N", value_parser = parse_count)]
    keep_quarterly: Option<NonZeroU32>,
    /// Keep the newest of each of the last N years
    #[arg(long, value_name = "N", value_parser = parse_count)]
    keep_yearly: Option<NonZeroU32>,
    /// Keep all that are at most this much older than the newest: 36h, 30d, 2w, 6mo, 1y
    #[arg(long, value_name = "AGE", value_parser = parse_age)]
    #[serde(deserialize_with = "age")]
    keep_within: Option<Age>,
    /// As --keep-within, but only the newest of each hour
    #[arg(long, value_name = "AGE", value_parser = parse_age)]
    #[serde(deserialize_with = "age")]
    keep_within_hourly: Option<Age>,
    /// As --keep-within, but only the newest of each day
    #[arg(long, value_name = "AGE", value_parser = parse_age)]
    #[serde(deserialize_with = "age")]
    keep_within_daily: Option<Age>,
    /// As --keep-within, but only the newest of each week
    #[arg(long, value_name = "AGE", value_parser = parse_age)]
    #[serde(deserialize_with = "age")]
    keep_within_weekly: Option<Age>,
    /// As --keep-within, but only the newest of each month
    #[arg(long, value_name = "AGE", value_parser = parse_age)]
    #[serde(deserialize_with = "age")]
    keep_within_monthly: Option<Age>,
    /// As --keep-within, but only the newest of each quarter
    #[arg(long, value_name = "AGE", value_parser = parse_age)]
    #[serde(deserialize_with = "age")]
    keep_within_quarterly: Option<Age>,
    /// As --keep-within, but only the newest of each year
    #[arg(long, value_name = "AGE", value_parser = parse_age)]
    #[serde(deserialize_with = "age")]
    keep_within_yearly: Option<Age>,
    /// Keep all with this tag; can be given several times
    #[arg(long, value_name = "TAG", value_parser = parse_tag)]
    #[serde(deserialize_with = "tags")]
    keep_tag: Vec<String>,
    /// Keep every moment of a database restorable that is at most this much older than its newest binary log; without it
    /// no log is ever forgotten
    #[arg(long, value_name = "AGE", value_parser = parse_age)]
    #[serde(deserialize_with = "age")]
    keep_log: Option<Age>,
    /// Apply the rules separately to snapshots that differ in these: `host`, `roots`, `tags`, with commas between, or
    /// `none` [default: host,roots]
    #[arg(long, value_name = "KEYS", value_parser = parse_grouping)]
    #[serde(deserialize_with = "grouping")]
    group_by: Option<Grouping>,
}

/// The properties that snapshots of one group share.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Grouping(Vec<GroupBy>);

impl Keep {
    /// The rules, those that count first.
    fn rules(&self) -> Vec<Rule> {
        use Period as P;
        let last = self.keep_last.map(|count| Rule::Last(count.get()));
        let each = [
            (P::Hour, self.keep_hourly),
            (P::Day, self.keep_daily),
            (P::Week, self.keep_weekly),
            (P::Month, self.keep_monthly),
            (P::Quarter, self.keep_quarterly),
            (P::Year, self.keep_yearly),
        ];
        let within = [
            (P::Hour, self.keep_within_hourly),
            (P::Day, self.keep_within_daily),
            (P::Week, self.keep_within_weekly),
            (P::Month, self.keep_within_monthly),
            (P::Quarter, self.keep_within_quarterly),
            (P::Year, self.keep_within_yearly),
        ];
        let each = each.into_iter().filter_map(|(period, count)| Some(Rule::Each(period, count?.get())));
        let within = within.into_iter().filter_map(|(period, age)| Some(Rule::EachWithin(period, age?)));
        let tags = self.keep_tag.iter().cloned().map(Rule::Tag);
        last.into_iter().chain(each).chain(self.keep_within.map(Rule::Within)).chain(within).chain(tags).collect()
    }

    /// How far back logs are kept, by these options or the settings file; none if no log is to go.
    pub fn log(&self, file: Option<&Keep>) -> Option<Age> {
        self.keep_log.or_else(|| file?.keep_log)
    }

    /// The policy of these options and the settings file. A rule among the options replaces all rules of the file.
    pub fn policy(&self, file: Option<&Keep>) -> Policy {
        let own = self.rules();
        let rules = if own.is_empty() { file.map(Keep::rules).unwrap_or_default() } else { own };
        let grouping = self.group_by.as_ref().or_else(|| file?.group_by.as_ref());
        let group_by = grouping.map_or_else(|| vec![GroupBy::Host, GroupBy::Roots], |grouping| grouping.0.clone());
        Policy { rules, group_by }
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let log = self.keep_log.map(|age| format!("log {age}"));
        let rules: Vec<_> = self.rules().iter().map(rule_text).chain(log).collect();
        write!(f, "keep {}", if rules.is_empty() { "nothing".to_owned() } else { rules.join(", ") })?;
        match &self.group_by {
            Some(Grouping(keys)) => write!(f, "; grouped by {}", keys_text(keys)),
            None => Ok(()),
        }
    }
}

/// The conditions of now and here, for snapshots of this host and with this tag, if they are named.
pub fn conditions(host: Option<&str>, tag: Option<&str>) -> Conditions {
    let (host, tag) = (host.map(str::to_owned), tag.map(str::to_owned));
    Conditions { now: machine::now(), zone: TimeZone::system(), host, tag }
}

/// The rule that keeps a snapshot, in a few words: `daily 2 of 7`.
pub fn reason_text(reason: &Reason) -> String {
    match reason {
        Reason::Counted(Rule::Last(count), place) => format!("last {place} of {count}"),
        Reason::Counted(Rule::Each(period, count), place) => format!("{} {place} of {count}", period_text(*period)),
        Reason::Counted(rule, _) | Reason::Fits(rule) => rule_text(rule),
        Reason::Oldest(Rule::Each(period, count)) => {
            format!("kept until there are {}", format::counted(u64::from(*count), period_noun(*period)))
        }
        Reason::Oldest(rule) => format!("oldest ({})", rule_text(rule)),
        Reason::OnlyCopy(tables) => format!("only copy of {}", tables_text(tables)),
        Reason::NewestWhole => "newest whole".to_owned(),
        Reason::BaseOfLog => "base of the log".to_owned(),
        Reason::FromTheFuture => "from the future".to_owned(),
        Reason::PutBack => "forgotten, and there again".to_owned(),
    }
}

/// Names of tables, as they are in SQL.
pub fn tables_text(tables: &[TableName]) -> String {
    tables.iter().map(|name| format!("{}.{}", name.schema, name.table)).collect::<Vec<_>>().join(", ")
}

fn rule_text(rule: &Rule) -> String {
    match rule {
        Rule::Last(count) => format!("last {count}"),
        Rule::Each(period, count) => format!("{} {count}", period_text(*period)),
        Rule::Within(age) => format!("within {age}"),
        Rule::EachWithin(period, age) => format!("{} within {age}", period_text(*period)),
        Rule::Tag(tag) => format!("tag {tag}"),
    }
}

fn period_noun(period: Period) -> &'static str {
    match period {
        Period::Hour => "hour",
        Period::Day => "day",
        Period::Week => "week",
        Period::Month => "month",
        Period::Quarter => "quarter",
        Period::Year => "year",
    }
}

fn period_text(period: Period) -> &'static str {
    match period {
        Period::Hour => "hourly",
        Period::Day => "daily",
        Period::Week => "weekly",
        Period::Month => "monthly",
        Period::Quarter => "quarterly",
        Period::Year => "yearly",
    }
}

const KEYS: [(&str, GroupBy); 3] = [("host", GroupBy::Host), ("roots", GroupBy::Roots), ("tags", GroupBy::Tags)];

fn keys_text(keys: &[GroupBy]) -> String {
    let named = KEYS.iter().filter(|(_, key)| keys.contains(key)).map(|(name, _)| *name);
    let named: Vec<_> = named.collect();
    if named.is_empty() { "none".to_owned() } else { named.join(",") }
}

fn parse_count(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| "write a whole number from 1; to keep no snapshot by this rule, leave it out".to_owned())
}

fn parse_age(text: &str) -> Result<Age, String> {
    let age = text.trim().parse::<Span>().ok().and_then(Age::new);
    age.ok_or_else(|| {
        "write an age in whole hours or longer units: 36h, 30d, 2w, 6mo, 1y (`m` would be minutes, `mo` are months)"
            .into()
    })
}

fn parse_grouping(text: &str) -> Result<Grouping, String> {
    if text == "none" {
        return Ok(Grouping(Vec::new()));
    }
    let key = |name: &str| KEYS.iter().find(|(known, _)| *known == name.trim()).map(|(_, key)| *key);
    let keys = text.split(',').map(key).collect::<Option<Vec<_>>>();
    keys.map(Grouping).ok_or_else(|| "write `host`, `roots`, `tags`, with commas between, or `none`".into())
}

fn age<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Age>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_age(&text).map(Some).map_err(D::Error::custom)
}

fn tags<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let tags = Vec::<String>::deserialize(deserializer)?;
    tags.iter().map(|tag| parse_tag(tag).map_err(|why| D::Error::custom(format!("`{tag}`: {why}")))).collect()
}

fn grouping<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Grouping>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_grouping(&text).map(Some).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(toml: &str) -> Keep {
        toml::from_str(toml).unwrap()
    }

    #[test]
    fn ages_have_units_of_the_calendar() {
        for (text, shown) in
            [("36h", "36h"), ("30 days", "30d"), ("2w", "2w"), ("6mo", "6mo"), ("1y 6 months", "1y 6mo")]
        {
            assert_eq!(parse_age(text).unwrap().to_string(), shown);
        }
        for text in ["", "6m", "30", "-1d", "0d", "90min", "ever"] {
            assert!(parse_age(text).unwrap_err().contains("`mo` are months"), "{text}");
        }
    }

    #[test]
    fn groupings_are_lists_of_keys() {
        assert_eq!(parse_grouping("tags, host").unwrap(), Grouping(vec![GroupBy::Tags, GroupBy::Host]));
        assert_eq!(parse_grouping("none").unwrap(), Grouping(Vec::new()));
        assert!(parse_grouping("paths").is_err() && parse_grouping("").is_err());
    }

    #[test]
    fn a_rule_among_the_options_takes_the_place_of_those_of_the_file() {
        let file = keep("keep-hourly = 48\nkeep-tag = ['audit']\ngroup-by = 'tags'");
        let none = Keep::default().policy(Some(&file));
        assert_eq!(none.rules, [Rule::Each(Period::Hour, 48), Rule::Tag("audit".into())]);
        let own = keep("keep-last = 3").policy(Some(&file));
        assert_eq!((own.rules, own.group_by), (vec![Rule::Last(3)], vec![GroupBy::Tags]));
        assert_eq!(keep("").policy(None).group_by, [GroupBy::Host, GroupBy::Roots]);
    }

    #[test]
    fn rules_are_told_in_words() {
        let all =
            keep("keep-last = 3\nkeep-daily = 7\nkeep-within = '30d'\nkeep-within-yearly = '10y'\ngroup-by = 'host'");
        assert_eq!(all.to_string(), "keep last 3, daily 7, within 30d, yearly within 10y; grouped by host");
        let daily = Rule::Each(Period::Day, 7);
        assert_eq!(reason_text(&Reason::Counted(daily.clone(), 2)), "daily 2 of 7");
        assert_eq!(reason_text(&Reason::Oldest(daily)), "kept until there are 7 days");
        let tables = vec![TableName { schema: "od".into(), table: "claim".into() }];
        assert_eq!(reason_text(&Reason::OnlyCopy(tables)), "only copy of od.claim");
    }
}
