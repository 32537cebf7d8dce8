//! Trouble: what happened, what to do step by step, and what is still safe, in plain words. And the answer to a hold.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect};
use axum::routing::{get, post};
use axum::{Form, Router};
use engine::ErrorKind;
use engine::error::chain;
use engine::health::State as Health;
use engine::health::{Check, Question};
use engine::hold::{self, Hold};
use repo_format::id::LeaseId;
use serde::Deserialize;

use super::super::door::Visitor;
use super::super::office::Overview;
use super::super::view::{Frame, Tab, Tone, number, time};
use super::{Answer, House, Refusal, page, work};
use crate::agent::{Ask, EndedRun, Task, now};
use crate::ui::format;

/// Letters of a reason.
const REASON_MAX: usize = 400;

/// The routes.
pub fn routes() -> Router<Arc<House>> {
    Router::new().route("/trouble", get(show)).route("/trouble/answer", post(answer))
}

#[derive(Template)]
#[template(path = "trouble.html")]
struct Page {
    frame: Frame,
    troubles: Vec<Trouble>,
    holds: Vec<Held>,
    /// The words of the program about the last backup that failed.
    said: Vec<String>,
}

/// Something that needs a person.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Trouble {
    tone: Tone,
    happened: String,
    advice: Advice,
    remedy: Option<&'static str>,
}

/// Steps, and what is still safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Advice {
    steps: &'static [&'static str],
    safe: &'static str,
}

/// A snapshot that looks like one made after an attack.
struct Held {
    id: String,
    when: time::Moment,
    words: Vec<String>,
}

#[derive(Deserialize)]
struct Answered {
    snapshot: String,
    verdict: String,
    reason: String,
}

async fn show(State(house): State<Arc<House>>, visitor: Visitor) -> Answer {
    let frame = house.frame(&visitor, Tab::Backup).await;
    let overview = house.office.overview().await;
    let failed = house.office.desk.ended().into_iter().rfind(|run| run.run.task == Task::Backup).filter(has_failed);
    let looked = house.office.look(|_, repository| hold::list(repository)).await;
    let closed = looked.as_ref().err().map(|error| (error.kind(), chain(error).to_string()));
    let holds = looked.unwrap_or_default();
    page(&Page {
        frame,
        troubles: troubles(overview.as_deref(), closed.as_ref(), failed.as_ref()),
        holds: holds.iter().filter(|hold| hold.answer.is_none()).map(Held::of).collect(),
        said: failed.map(|run| work::failure(&run.run.messages)).unwrap_or_default(),
    })
}

/// Says what it was. Old backups may be cleared out again then.
async fn answer(State(house): State<Arc<House>>, visitor: Visitor, Form(form): Form<Answered>) -> Answer {
    let snapshot: LeaseId = form.snapshot.parse().map_err(|_| Refusal::Malformed("the backup"))?;
    let reason = form.reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON_MAX {
        return Err(Refusal::WillNotDo(format!("Say in at most {REASON_MAX} letters what it was. Nothing was done.")));
    }
    let (what, option) = match form.verdict.as_str() {
        "ours" => ("say that an unusual change was ours", "ours"),
        "over" => ("say that an attack is over", "over"),
        _ => return Err(Refusal::Malformed("the answer")),
    };
    let words =
        vec!["hold".into(), "answer".into(), snapshot.to_string().into(), format!("--{option}={reason}").into()];
    house.order(&visitor, Ask::about(what, format!("backup {}", format::short(snapshot))), Task::Other, words).await?;
    Ok(Redirect::to("/work").into_response())
}

fn has_failed(run: &EndedRun) -> bool {
    !matches!(run.exit, Some(0 | 3 | 130))
}

/// Everything that needs a person, the worst first.
fn troubles(
    overview: Option<&Overview>,
    closed: Option<&(ErrorKind, String)>,
    failed: Option<&EndedRun>,
) -> Vec<Trouble> {
    let kind = failed.and_then(|run| run.message("exit_error")).and_then(|error| error["kind"].as_str());
    let mut troubles: Vec<_> = closed.map(|(kind, why)| closed_trouble(*kind, why)).into_iter().collect();
    if closed.is_none()
        && let Some(kind) = kind
    {
        troubles.push(Trouble {
            tone: Tone::BAD,
            happened: "The last backup failed".to_owned(),
            advice: of_cause(kind),
            remedy: None,
        });
    }
    let checks = overview.filter(|_| closed.is_none()).map(|overview| &overview.health.checks[..]).unwrap_or_default();
    troubles.extend(checks.iter().filter(|check| check.state > Health::Good).map(of_check));
    troubles.sort_by_key(|trouble| std::cmp::Reverse(trouble.tone));
    troubles
}

/// The backups cannot be looked at.
fn closed_trouble(kind: ErrorKind, why: &str) -> Trouble {
    let happened = format!("The backups cannot be looked at: {why}");
    let advice = match kind {
        ErrorKind::WrongPassword => KEY,
        ErrorKind::PermissionDenied => RIGHTS,
        ErrorKind::Unavailable => STORAGE,
        ErrorKind::NoRepository | ErrorKind::NotFound | ErrorKind::Io => PLACE,
        _ => OTHER,
    };
    Trouble { tone: Tone::BAD, happened, advice, remedy: None }
}

/// The advice for an error of this kind, as the program names it.
fn of_cause(kind: &str) -> Advice {
    let plain: String = kind.chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_lowercase()).collect();
    match plain.as_str() {
        "database" => SERVER,
        "nospace" => FULL,
        "norepository" | "notfound" | "io" => PLACE,
        "unavailable" => STORAGE,
        "wrongpassword" => KEY,
        "permissiondenied" => RIGHTS,
        "damaged" | "disappeared" | "notbelieved" => DAMAGE,
        _ => OTHER,
    }
}

fn of_check(check: &Check) -> Trouble {
    let figure = |name: &str| check.figures.iter().find(|figure| figure.name == name).map_or(0, |figure| figure.value);
    let advice = match check.question {
        Question::OnTime => LATE,
        Question::Whole if check.state == Health::Bad => DAMAGE,
        Question::Whole => LEFT_OUT,
        Question::NamedFiles => NAMED,
        Question::Restorable if check.state == Health::Bad => DRILL_FAILED,
        Question::Restorable => NEVER_TRIED,
        Question::ReadAgain => READ_AGAIN,
        Question::SecondCopy => NO_COPY,
        Question::Keys if figure("unreadable_keys") > 0 => DAMAGE,
        Question::Keys if figure("keys") <= 1 => ONE_KEY,
        Question::Keys => UNTRIED_KEY,
        Question::Room if figure("on_saved_disk") > 0 && check.state == Health::Attention => SHARED,
        Question::Room => FULL,
        Question::Usual => HELD,
    };
    Trouble { tone: Tone(check.state), happened: check.sentence.clone(), advice, remedy: check.remedy }
}

const PLACE: Advice = Advice {
    steps: &[
        "Look whether the disk of the backups is plugged in, and switched on. That is the cause in most cases.",
        "If the backups are on another computer, look whether that one is on, and whether the network works.",
        "Then press “Back up now” on the first page. If it fails again, call the person who looks after your computers.",
    ],
    safe: "Backups that were made before are on that disk, and nothing happens to them. The work since the last one exists only on this computer.",
};
const STORAGE: Advice = Advice {
    steps: &[
        "Look whether the internet works: open any page.",
        "If it does, wait an hour: Enamel tries again by itself.",
        "If it fails until the evening, call the person who looks after your computers: the storage may be down, or unpaid.",
    ],
    safe: "Backups that were made before are in the storage. No answer is not a loss.",
};
const KEY: Advice = Advice {
    steps: &[
        "Do not make new backups elsewhere, and delete nothing.",
        "Ask who has changed the file with the key, or the password. The old one still opens the backups if it was not removed.",
        "If nobody knows: take the paper from the safe, and call the person who looks after your computers.",
    ],
    safe: "The backups are whole, and closed. Any key that still opens them opens all of them.",
};
const RIGHTS: Advice = Advice {
    steps: &[
        "Somebody has changed who may write to the folder of the backups.",
        "Call the person who looks after your computers, and show them the words below.",
    ],
    safe: "Backups that were made before are there.",
};
const FULL: Advice = Advice {
    steps: &[
        "Look under Settings how long backups are kept. Fewer kept backups give room back at the next clearing.",
        "Delete nothing from the folder of the backups by hand: other backups need what is in it.",
        "Or get a larger disk: the person who looks after your computers can copy everything to it.",
    ],
    safe: "Backups that were made before stay whole when the disk is full. New ones may fail.",
};
const SERVER: Advice = Advice {
    steps: &[
        "Look whether your practice program works on another computer. If not, the database server is off: start it, or the computer that it is on.",
        "If it works, somebody may have changed the password of the account for backups.",
        "Press “Back up now”. If it fails again, call the person who looks after your computers, and show them the words below.",
    ],
    safe: "Backups that were made before are there. Work since the last one is only in the database.",
};
const LATE: Advice = Advice {
    steps: &[
        "Press “Back up now” on the first page, and wait until it says that it is done.",
        "If this computer was off or asleep at that time, nothing else is needed.",
        "If it fails, come back to this page: it says why.",
    ],
    safe: "Backups that were made before are there. The work since the last one exists only on this computer.",
};
const DAMAGE: Advice = Advice {
    steps: &[
        "Delete nothing, and let nobody clear out old backups.",
        "Press “Back up now” on the first page: what is still here is saved once more, and may heal what is damaged.",
        "Call the person who looks after your computers: the disk may be dying. The command below says what is affected.",
    ],
    safe: "Each backup says itself what it lacks: everything else in it can be brought back. A copy in another place is not affected.",
};
const LEFT_OUT: Advice = Advice {
    steps: &[
        "Open the newest backup on the first page: it names what was left out.",
        "A file that was open, or that Enamel may not read, is often the reason. Close the program that uses it.",
        "If it is there again tomorrow, call the person who looks after your computers.",
    ],
    safe: "Everything else was saved. The rest may be in an older backup.",
};
const NAMED: Advice = Advice {
    steps: &[
        "Charts name images that are not in the folder of the images.",
        "Look for them under Find & restore: they may be in an older backup. Bring them back from there.",
        "If many are missing, the folder may have moved: call the person who looks after your computers.",
    ],
    safe: "All images that are in the folder are saved.",
};
const DRILL_FAILED: Advice = Advice {
    steps: &[
        "Look under Proof at the last test: it names the step that failed.",
        "Press “Run a test now” there. If it fails again, call the person who looks after your computers today.",
        "Until then delete nothing, and keep the copy in the other place.",
    ],
    safe: "The live database is not touched by a test. Older backups that passed a test can be brought back.",
};
const NEVER_TRIED: Advice = Advice {
    steps: &["Press “Run a test now” under Proof. It takes some minutes, and touches nobody’s work."],
    safe: "Backups are made. Whether they come back is only known when it was tried.",
};
const READ_AGAIN: Advice = Advice {
    steps: &[
        "Leave this computer on at night: a part of the saved data is read again each night.",
        "If it is on, look under Settings whether “Read saved data again” is off.",
    ],
    safe: "No damage was found. It is only some time since all of it was looked at.",
};
const NO_COPY: Advice = Advice {
    steps: &[
        "If this building burns, the backups burn with it. A copy in another place is needed.",
        "Look under Supplemental backups: it says how to begin, or why the last copy was not made.",
    ],
    safe: "The backups in this place are not affected.",
};
const ONE_KEY: Advice = Advice {
    steps: &[
        "If the only key is lost, nobody can open the backups, and nobody can help.",
        "Make a second one on paper, with the command below. Put the paper into the safe, or give it to somebody you trust.",
    ],
    safe: "The backups are whole as long as the key is there.",
};
const UNTRIED_KEY: Advice = Advice {
    steps: &[
        "Take the paper with the second key from the safe, and try it with the command below.",
        "Put it back. A key that opens is written down under Proof.",
    ],
    safe: "The key that this computer uses opens the backups.",
};
const SHARED: Advice = Advice {
    steps: &[
        "Backups and practice data are on the same disk. If it dies, both are gone.",
        "Put the backups on a disk of their own, or make a copy in another place.",
    ],
    safe: "A file that somebody deletes or changes can still be brought back.",
};
const HELD: Advice = Advice {
    steps: &[
        "Look at some of the files. Can they be opened? Do their names look as always?",
        "If a program of yours has changed them, answer below “It was us”.",
        "If nobody knows why, pull the network cable of the server, switch nothing off, and call for help. Answer nothing yet.",
    ],
    safe: "No old backup is deleted until somebody has answered. Everything from before the change can be brought back.",
};
const OTHER: Advice = Advice {
    steps: &[
        "Press “Back up now” on the first page. Some things pass by themselves.",
        "If it fails again, call the person who looks after your computers, and show them the words below.",
    ],
    safe: "Backups that were made before are there.",
};

impl Held {
    fn of(hold: &Hold) -> Self {
        Held { id: hold.snapshot.to_string(), when: time::moment(hold.time.seconds, &now()), words: hold.words.clone() }
    }
}

impl Page {
    fn headline(&self) -> String {
        match self.troubles.len() as u64 {
            0 => "Nothing needs you now".to_owned(),
            1 => "This needs a look".to_owned(),
            count => format!("{} need a look", number::counted(count, "thing")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [&Advice; 17] = [
        &PLACE,
        &STORAGE,
        &KEY,
        &RIGHTS,
        &FULL,
        &SERVER,
        &LATE,
        &DAMAGE,
        &LEFT_OUT,
        &NAMED,
        &DRILL_FAILED,
        &NEVER_TRIED,
        &READ_AGAIN,
        &NO_COPY,
        &ONE_KEY,
        &UNTRIED_KEY,
        &HELD,
    ];

    #[test]
    fn every_trouble_has_steps_and_says_what_is_safe() {
        for advice in ALL {
            assert!(!advice.steps.is_empty() && advice.safe.ends_with('.'), "{advice:?}");
            assert!(advice.steps.iter().all(|step| step.ends_with(['.', '?'])), "{advice:?}");
        }
    }

    #[test]
    fn the_cause_decides_what_to_do() {
        for (kind, advice) in [
            ("database", SERVER),
            ("Database", SERVER),
            ("no-space", FULL),
            ("NoRepository", PLACE),
            ("wrong_password", KEY),
            ("something new", OTHER),
        ] {
            assert_eq!(of_cause(kind), advice, "{kind}");
        }
        assert_eq!(closed_trouble(ErrorKind::Unavailable, "no answer").advice, STORAGE);
    }
}
