//! `enamel accept`: somebody answers for what has disappeared, or is older than it was.

use engine::monitor::Monitor;
use engine::repository::{Acceptance, Author, Repository, Unanswered};
use engine::{Error, ErrorKind, Result};
use repo_format::config::Access;
use repo_format::evidence::{EvidenceKind, EvidenceResult};
use repo_format::id::LeaseId;
use serde::Serialize;

use super::evidence::Deed;
use super::init::host_name;
use crate::context::Context;
use crate::effect::Effect;
use crate::environment::program;
use crate::environment::user_name;
use crate::exit::Exit;
use crate::ui::Ui;

/// Accept that snapshots are gone, or that the repository is older than before.
///
/// This computer remembers what it has seen of a repository. Snapshots may disappear though nobody forgot them, or
/// somebody may put an older state back. Then every command says so, and `enamel forget` and `enamel prune` delete
/// nothing. It may be an attack, a disk that was restored, or a copy of the repository that is used in turn with
/// another. If you know why, say so here. The repository records who accepted what, and why. Enamel never accepts
/// anything without you.
///
/// A snapshot that was forgotten and is there again, as from an old copy of the repository, does not count until you
/// say that it stays.
///
/// If the newest keys and their second copy are damaged, --all continues with the keys from before. Data that was saved
/// with lost keys stays lost. Add keys again that were added with them, and remove keys again that were removed.
///
/// Accept a disk of a rotation, or a copy that goes its own way, once. From then on this computer remembers for each what
/// it has seen there. A copy that is only behind needs no answer: copy again. If one disk is a copy of the whole other and
/// both are mounted in the same folder, the system cannot tell them apart. Then say --another-disk, once for each disk after
/// the first, and Enamel recognises each by its snapshots. Say it only if you hold both disks in your hands.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel accept --all --reason \"disk B of the rotation, a copy of disk A\"
  enamel accept --all --another-disk --reason \"disk B takes turns with disk A\"
  enamel accept 3f9a12bc --reason \"deleted by hand on Monday\"

Exit status: 0 done, or there was nothing to accept; 1 failed, or a snapshot is neither missing nor there again; 2 usage, 10 no repository, 12 wrong password")]
pub struct AcceptArgs {
    /// The snapshots that are missing, or there again: their ids, or the first digits
    #[arg(value_name = "SNAPSHOT", required_unless_present = "all", conflicts_with = "all")]
    snapshots: Vec<String>,
    /// Everything: from now on the repository is right as it is
    #[arg(long)]
    all: bool,
    /// With --all: this is another disk than the one that was in this place before, and both go on in turn
    #[arg(long, requires = "all")]
    another_disk: bool,
    /// Why, in words, for the record
    #[arg(long, value_name = "TEXT", required = true)]
    reason: String,
}

/// `unanswered`: something that has disappeared, or is older.
#[derive(Serialize)]
struct Message<'m> {
    message: &'m str,
}

/// Accepts.
///
/// # Errors
/// The repository cannot be read or written, or one of the snapshots is not missing.
pub fn run(args: &AcceptArgs, context: &Context<'_>) -> Result<Exit> {
    let repo = context.open_to_answer(Access::Write)?;
    let acceptance = match (args.another_disk, args.all) {
        (true, _) => Acceptance::AnotherDisk,
        (_, true) => Acceptance::All,
        _ => Acceptance::These(chosen(&repo, &args.snapshots)?),
    };
    accept(&repo, &acceptance, &args.reason, context)?;
    Ok(Exit::Done)
}

/// Accepts, says what, and leaves evidence of it.
///
/// # Errors
/// As [`Repository::accept`].
pub fn accept(repo: &Repository, acceptance: &Acceptance, reason: &str, context: &Context<'_>) -> Result<()> {
    let ui = context.ui;
    let accepted = repo.accept(acceptance, reason, &author(), ui)?;
    if accepted.is_empty() {
        ui.say("there is nothing to accept: everything that this computer has seen is there");
    } else {
        let deed = Deed::new(EvidenceKind::Acceptance, "accept", reason.to_owned());
        let result = EvidenceResult::PassedWithNotes;
        Deed { result, notes: accepted.sentences(), ..deed }.leave(repo, context);
    }
    for sentence in accepted.sentences() {
        if ui.is_json() {
            ui.message("accepted", Message { message: &sentence })?
        } else {
            ui.say(format!("accepted: {sentence}"))
        }
    }
    Ok(())
}

/// Warns of all that nobody has answered for; gives it.
///
/// # Errors
/// The repository cannot be read.
pub fn tell(repo: &Repository, ui: &Ui) -> Result<Unanswered> {
    let unanswered = repo.unanswered()?;
    tell_of(repo, &unanswered, ui);
    Ok(unanswered)
}

/// Warns of `unanswered`.
pub fn tell_of(repo: &Repository, unanswered: &Unanswered, ui: &Ui) {
    let missing = Unanswered { older: Vec::new(), memory: Vec::new(), ..unanswered.clone() };
    missing.sentences().iter().for_each(|sentence| ui.warn(sentence));
    tell_rest(repo, unanswered, ui);
}

/// As [`tell`], for who has named all that is missing: whether something is older, or the memory was lost.
///
/// # Errors
/// The repository cannot be read.
pub fn tell_older(repo: &Repository, ui: &Ui) -> Result<bool> {
    let unanswered = repo.unanswered()?;
    tell_rest(repo, &unanswered, ui);
    Ok(!unanswered.older.is_empty() || !unanswered.memory.is_empty())
}

fn tell_rest(repo: &Repository, unanswered: &Unanswered, ui: &Ui) {
    // The rest has been said when the repository was opened.
    let is_news = |sentence: &&String| !repo.warnings().contains(sentence);
    unanswered.older.iter().filter(is_news).for_each(|sentence| ui.warn(sentence));
    if !unanswered.is_empty() {
        ui.note(HOW);
    }
}

/// Deletes nothing while something that this computer has seen has disappeared; a dry run only tells.
///
/// # Errors
/// [`ErrorKind::Disappeared`].
pub fn before_deleting(repo: &Repository, ui: &Ui, effect: Effect) -> Result<()> {
    if effect.is_dry() { tell(repo, ui).map(drop) } else { repo.refuse_unanswered() }
}

/// The author of an answer or a record: this user, with this program, on this machine.
pub fn author() -> Author {
    Author { host: host_name(), user: user_name(), program: program() }
}

/// Said where something that this computer has seen is not there.
pub const HOW: &str = "`enamel accept --help` says what this may be; if you know why, answer with `enamel accept`";

fn chosen(repo: &Repository, prefixes: &[String]) -> Result<Vec<LeaseId>> {
    let Unanswered { mut missing, put_back, .. } = repo.unanswered()?;
    missing.extend(put_back);
    let one = |prefix: &String| {
        let wanted = prefix.to_ascii_lowercase();
        let fits: Vec<_> = missing.iter().filter(|manifest| manifest.id.to_string().starts_with(&wanted)).collect();
        match fits[..] {
            [one] => Ok(one.id),
            [] => Err(Error::new(ErrorKind::NotFound, format!("no snapshot {prefix} is missing, or there again"))),
            _ => Err(Error::new(ErrorKind::Usage, format!("several missing snapshots begin with {prefix}"))
                .with_hint("`enamel verify` names them: give more digits.")),
        }
    };
    prefixes.iter().map(one).collect()
}
