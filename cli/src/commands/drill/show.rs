//! `enamel drill show`: all of one piece of evidence.

use engine::evidence::{self, Piece, Pieces};
use engine::{Error, ErrorKind, Result};
use repo_format::config::Access;

use super::{list, words};
use crate::context::Context;
use crate::exit::Exit;
use crate::ui::format;

/// Show all steps, figures and notes of a drill.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples
  enamel drill show
  enamel drill show 3f9a12bc

Exit status: 0 done, 3 done, but some evidence cannot be read, 1 failed, 10 no repository, 12 wrong password")]
pub struct ShowArgs {
    /// The evidence, by the beginning of its id [default: the newest drill]
    #[arg(value_name = "EVIDENCE")]
    id: Option<String>,
}

/// Shows.
///
/// # Errors
/// There is no such evidence.
pub fn run(args: &ShowArgs, context: &Context<'_>) -> Result<Exit> {
    let repo = context.open(Access::Read)?;
    let pieces = evidence::list(&repo)?;
    list::tell_unreadable(&pieces, context);
    let piece = choose(&pieces, args.id.as_deref())?;
    let evidence = &piece.evidence;
    let (ui, (faults, notes)) = (context.ui, words::counts(evidence));
    if ui.is_json() {
        super::print_json(ui, evidence)?;
        return Ok(Exit::Done);
    }
    let by = format!("{} on {}", piece.by(), piece.host);
    let mut fields = vec![
        ("evidence", format!("{} {}", words::kind(evidence.kind), piece.id)),
        ("digest", piece.digest.to_string()),
        ("time", format::time(piece.time)),
        ("by", format::message(&by)),
        ("program", format::message(&piece.program)),
        ("repository", format::message(&evidence.place)),
        ("result", words::verdict(evidence.result, faults, notes)),
    ];
    fields.extend(evidence.snapshot.map(|snapshot| ("snapshot", format!("{} {}", snapshot.id, snapshot.digest))));
    fields.extend(evidence.copy.map(|copy| ("from copy", copy.to_string())));
    fields.extend(evidence.sample.map(|sample| {
        let drawn = format!("{} of {}", format::count(sample.count), format::count(sample.of));
        ("sample", format!("{drawn}, seed {}, digest {}", sample.seed, sample.digest))
    }));
    let reviews = pieces.reviews_of(piece).map(|review| format!("{} at {}", review.by(), format::time(review.time)));
    fields.extend(reviews.map(|review| ("reviewed by", format::message(&review))));
    ui.fields(&fields)?;
    words::lines(evidence).iter().try_for_each(|line| ui.prose(line))?;
    Ok(Exit::Done)
}

/// The evidence whose id begins so, or the newest drill.
///
/// # Errors
/// [`ErrorKind::NotFound`]; [`ErrorKind::Usage`] if there are several.
pub fn choose<'p>(pieces: &'p Pieces, prefix: Option<&str>) -> Result<&'p Piece> {
    let Some(prefix) = prefix else {
        let newest = pieces.newest_drill();
        return newest.ok_or_else(|| Error::new(ErrorKind::NotFound, "no drill has been carried out yet"));
    };
    let found: Vec<&Piece> =
        pieces.pieces.iter().filter(|piece| piece.id.to_string().starts_with(&prefix.to_ascii_lowercase())).collect();
    match &found[..] {
        [piece] => Ok(piece),
        [] => Err(Error::new(ErrorKind::NotFound, format!("there is no evidence {prefix}"))),
        _ => {
            Err(Error::new(ErrorKind::Usage, format!("the id of more than one piece of evidence begins with {prefix}"))
                .with_hint("`enamel drill list` shows the ids: give more digits."))
        }
    }
}
