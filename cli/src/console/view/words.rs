//! Sentences of the pages that depend on what was found.

use engine::health::{Question, State};
use engine::monitor::Phase;

use super::super::office::{Line, Overview};
use super::{Mark, Tone, number, time};

/// Words of the engine, and those of the pages.
const PLAIN: [(&str, &str); 14] = [
    ("snapshot", "backup"),
    ("snapshots", "backups"),
    ("snapshot’s", "backup’s"),
    ("snapshot's", "backup's"),
    ("repository", "backup store"),
    ("receipt", "record"),
    ("receipts", "records"),
    ("plan", "review"),
    ("purge", "removal"),
    ("pack", "piece"),
    ("packs", "pieces"),
    ("chunk", "piece"),
    ("chunks", "pieces"),
    ("lease", "lock"),
];
/// Digits of an id that people see.
const DIGITS_SHOWN: usize = 8;
/// A number of so many digits is an id.
const DIGITS_OF_ID: usize = 16;

/// A sentence of the engine in the words of the pages: commands and paths stay as they are, ids become short.
pub fn plain(sentence: &str) -> String {
    let parts = sentence.split('`').enumerate();
    let parts = parts.map(|(at, part)| match at % 2 {
        0 => part.split(' ').map(plain_word).collect::<Vec<_>>().join(" "),
        _ => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("`")
}

fn plain_word(word: &str) -> String {
    let core = word.trim_matches(|letter: char| !letter.is_alphanumeric());
    if core.len() >= DIGITS_OF_ID && core.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return word.replacen(core, &core[..DIGITS_SHOWN], 1);
    }
    match PLAIN.iter().find(|(own, _)| *own == core) {
        Some((own, plain)) if !word.contains('/') => word.replacen(own, plain, 1),
        _ => word.to_owned(),
    }
}

/// Whether everything is safe, in two words.
pub fn pill(overview: Option<&Overview>) -> Mark {
    let state = overview.map_or(State::Unknown, |overview| overview.health.state());
    let words = match state {
        State::Good => "All safe",
        State::Unknown => "Not known yet",
        State::Attention => "Please look",
        State::Bad => "In danger",
    };
    Mark::new(Tone(state), words)
}

/// The age of the last backup, for somebody who is not in yet.
pub fn last_backup(overview: Option<&Overview>) -> Mark {
    let Some(overview) = overview else { return Mark::new(Tone::UNKNOWN, "The backups cannot be looked at now") };
    let tone = overview.check(Question::OnTime).map_or(Tone::UNKNOWN, |check| Tone(check.state));
    match overview.newest {
        None => Mark::new(Tone::BAD, "There is no backup yet"),
        Some(newest) => Mark::new(tone, format!("Last backup {} ago", time::age(overview.age(newest)))),
    }
}

/// The headline of the first page.
pub fn headline(overview: Option<&Overview>) -> Mark {
    let Some(overview) = overview else { return Mark::new(Tone::UNKNOWN, "The backups cannot be looked at now") };
    if overview.newest.is_none() {
        return Mark::new(Tone::ATTENTION, "There is no backup yet");
    }
    let state = overview.health.state();
    let words = match state {
        State::Good => "Everything is safe",
        State::Unknown => "Backups are made; not everything is proved yet",
        State::Attention => "Backups are made, but something needs a look",
        State::Bad => "Something is wrong",
    };
    Mark::new(Tone(state), words)
}

/// A part of a run, as people call it.
pub fn stage(phase: Phase) -> &'static str {
    match phase {
        Phase::Index => "Reading the list of what is saved",
        Phase::Tables => "Reading the database",
        Phase::Backup => "Saving files",
        Phase::Restore => "Bringing files back",
        Phase::Load => "Filling tables",
        Phase::Keys => "Connecting tables",
        Phase::Compare => "Comparing rows with what was saved",
        Phase::Export => "Writing tables as text",
        Phase::Replay => "Doing again what the database noted",
        Phase::Rows => "Putting rows back",
        Phase::Prove => "Proving that each row is saved",
        Phase::Purge => "Removing rows",
        Phase::Verify => "Reading saved data again",
        Phase::Survey => "Looking what is there",
        Phase::Recover => "Bringing back what was deleted",
        Phase::Walk => "Looking for what is still needed",
        Phase::Rewrite => "Moving what is still needed",
        Phase::Delete => "Giving room back",
        Phase::Protect => "Locking against deletion",
        Phase::Copy => "Copying backups",
        _ => "",
    }
}

/// The noun of the things that a part of a run counts, for one.
pub fn unit(phase: Phase) -> &'static str {
    match phase.noun() {
        "snapshot" => "backup",
        "pack" | "object" => "piece",
        noun => noun,
    }
}

/// The question of a check, in the words of the page.
pub fn question(question: Question) -> &'static str {
    match question {
        Question::OnTime => "Are backups made on time?",
        Question::Whole => "Is everything in them?",
        Question::NamedFiles => "Is every image there that a chart names?",
        Question::Restorable => "Was it proved that it can be brought back?",
        Question::ReadAgain => "Was all saved data read again?",
        Question::SecondCopy => "Is there a copy in another place?",
        Question::Keys => "Who holds a key?",
        Question::Room => "Is there room?",
        Question::Usual => "Does anything look like an attack?",
    }
}

/// The sentence under the headline of the first page.
pub fn next_backup(overview: Option<&Overview>) -> String {
    let Some(overview) = overview else {
        return "The disk of the backups may be away, or nobody may read it. Each backup that is due is still tried."
            .to_owned();
    };
    match overview.newest {
        None => "Press “Back up now”: the first backup takes the longest.".to_owned(),
        Some(newest) => format!("The last backup was {} ago.", time::age(overview.age(newest))),
    }
}

/// The name of a database server: its computer, and its port if that is not the usual one.
pub fn server(address: &str) -> String {
    let rest = address.strip_prefix("mysql://").unwrap_or(address);
    let host = rest.split('/').next().unwrap_or(rest);
    host.strip_suffix(":3306").unwrap_or(host).to_owned()
}

/// The changes that a backup brought, in a few words.
pub fn changes(line: &Line) -> String {
    let parts = [(line.new_files, "new file"), (line.changed_files, "changed file")];
    let mut told: Vec<_> =
        parts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| number::counted(count, what)).collect();
    if !line.source.databases.is_empty() {
        told.push("database".to_owned());
    }
    match (told.is_empty(), line.stored_bytes) {
        (true, 0) => "nothing changed".to_owned(),
        (true, bytes) => format!("{} new", number::bytes(bytes)),
        (false, _) => told.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_called_by_its_computer() {
        assert_eq!(server("mysql://localhost/?socket=/run/mysqld/mysqld.sock"), "localhost");
        assert_eq!(server("mysql://db.example.org:3306"), "db.example.org");
        assert_eq!(server("mysql://[::1]:3307"), "[::1]:3307");
        assert_eq!(server("Database"), "Database");
    }

    #[test]
    fn sentences_of_the_engine_are_said_in_the_words_of_the_pages() {
        let long = "3f9a12bc00000000000000000000000000000000000000000000000000000000";
        let told = [
            (
                "the plan does not fit this snapshot: make a new one",
                "the review does not fit this backup: make a new one",
            ),
            ("run `enamel purge plan` again", "run `enamel purge plan` again"),
            (
                "cannot use the plan /srv/plan/old.plan: it is old",
                "cannot use the review /srv/plan/old.plan: it is old",
            ),
            ("“packs” are planned", "“pieces” are planned"),
        ];
        for (sentence, words) in told {
            assert_eq!(plain(sentence), words);
        }
        assert_eq!(plain(&format!("snapshot {long} (plan {long})")), "backup 3f9a12bc (review 3f9a12bc)");
    }
}
