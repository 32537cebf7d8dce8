//! `enamel evidence`: what people say about evidence, and who did what.

mod actions;

use engine::error::chain;
use engine::evidence::{self, Piece};
use engine::repository::Repository;
use engine::{Error, ErrorKind, Result, machine};
use repo_format::config::Access;
use repo_format::evidence::{Evidence, EvidenceKind, EvidenceNote, EvidenceNoteKind, EvidenceResult, EvidenceStep};
use repo_format::id::RepositoryId;
use repo_format::limits;
use repo_format::manifest::SeenManifest;

use super::drill::choose_evidence;
use crate::commands::accept::author;
use crate::context::Context;
use crate::exit::Exit;
use crate::ui::format;

pub use actions::{Known, known as known_actions, words as action_end};

/// Say that somebody has reviewed drills and checks, and list who did what.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel evidence sign --by 'Dr. Dana Doe'
  enamel evidence actions

Exit status: 0 done, 3 done, but something cannot be read, 1 failed, 2 usage, 10 no repository, 12 wrong password")]
pub struct EvidenceArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Sign(SignArgs),
    Actions(actions::ActionsArgs),
}

/// Record that somebody has reviewed evidence.
///
/// Without an id it is about every drill and check that nobody has reviewed yet. The review is evidence itself, and stands
/// on the certificate.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel evidence sign --by 'Dr. Dana Doe'
  enamel evidence sign --by 'Dr. Dana Doe' 3f9a12bc

Exit status: 0 done, 1 failed, 2 usage, 10 no repository, 12 wrong password")]
struct SignArgs {
    /// The person who has reviewed it
    #[arg(long, value_name = "NAME")]
    by: String,
    /// The evidence, by the beginning of its id
    #[arg(value_name = "EVIDENCE")]
    ids: Vec<String>,
}

/// Something that somebody did or found, as evidence has it.
#[derive(Debug, Clone)]
pub struct Deed {
    /// Its kind.
    pub kind: EvidenceKind,
    /// How it went.
    pub result: EvidenceResult,
    /// In a few words.
    pub step: &'static str,
    /// The thing that was used, or why it was done.
    pub text: String,
    /// Facts to know besides. If it failed they are faults.
    pub notes: Vec<String>,
    /// The snapshot that it is about.
    pub snapshot: Option<SeenManifest>,
    /// The other repository that it is about.
    pub copy: Option<RepositoryId>,
}

impl Deed {
    /// Without notes, and about no snapshot and no other repository.
    pub fn new(kind: EvidenceKind, step: &'static str, text: String) -> Self {
        let (notes, snapshot, copy) = (Vec::new(), None, None);
        Deed { kind, result: EvidenceResult::Passed, step, text, notes, snapshot, copy }
    }

    /// Puts it into the repository as evidence. That it cannot be put is told: the deed itself is done.
    pub fn leave(self, repository: &Repository, context: &Context<'_>) {
        let what = self.step;
        if let Err(error) = evidence::put(repository, &author(), machine::now(), self.evidence(repository)) {
            context.tell_incomplete(format_args!("no evidence of this ({what}) could be put: {}", chain(&error)));
        }
    }

    fn evidence(self, repository: &Repository) -> Evidence {
        let Deed { kind, result, step, text, notes, snapshot, copy } = self;
        let note_kind = if result == EvidenceResult::Failed { EvidenceNoteKind::Fault } else { EvidenceNoteKind::Note };
        let step = EvidenceStep {
            name: step.to_owned(),
            result,
            milliseconds: 0,
            figures: Vec::new(),
            text: Some(text).filter(|text| !text.is_empty()),
        };
        let notes = notes.into_iter().map(|text| EvidenceNote { kind: note_kind, step: 0, text });
        Evidence {
            place: repository.location(),
            steps: vec![step],
            notes: notes.collect(),
            snapshot,
            copy,
            ..Evidence::new(kind, result)
        }
    }
}

/// Signs or lists.
///
/// # Errors
/// There is nothing to sign, or it cannot be put; the repository cannot be read.
pub fn run(args: &EvidenceArgs, context: &Context<'_>) -> Result<Exit> {
    match &args.action {
        Action::Sign(args) => sign(args, context),
        Action::Actions(args) => actions::run(args, context),
    }
}

fn sign(args: &SignArgs, context: &Context<'_>) -> Result<Exit> {
    let by = args.by.trim();
    if by.is_empty() {
        return Err(Error::new(ErrorKind::Usage, "nobody is named: --by needs a name")
            .with_hint("`enamel evidence sign --by 'Dr. Dana Example'` names the person."));
    }
    let repo = context.open(Access::Write)?;
    let pieces = evidence::list(&repo)?;
    let mut chosen: Vec<&Piece> = Vec::new();
    for id in &args.ids {
        chosen.push(choose_evidence(&pieces, Some(id))?);
    }
    if args.ids.is_empty() {
        let is_new = |piece: &&Piece| {
            matches!(piece.evidence.kind, EvidenceKind::Drill | EvidenceKind::Verify)
                && !piece.is_continuation()
                && pieces.reviews_of(piece).next().is_none()
        };
        chosen.extend(pieces.pieces.iter().filter(is_new));
    }
    chosen.truncate(usize::try_from(limits::REVIEWED_COUNT).unwrap_or(usize::MAX));
    if chosen.is_empty() {
        return Err(Error::new(ErrorKind::NotFound, "there is no evidence that nobody has reviewed yet"));
    }
    let review = Evidence {
        place: repo.location(),
        by: Some(by.to_owned()),
        reviewed: Some(chosen.iter().map(|piece| piece.reference()).collect()),
        ..Evidence::new(EvidenceKind::Review, EvidenceResult::Passed)
    };
    let put = evidence::put(&repo, &author(), machine::now(), review)?;
    context.ui.prose(format_args!(
        "{} has reviewed {}: evidence {}",
        format::message(by),
        format::counted(chosen.len() as u64, "record"),
        format::short(put.manifest.id)
    ))?;
    Ok(Exit::Done)
}
