//! Sequences, views, routines, triggers and events as statements.

use repo_format::database::{Flavour, ObjectType, SchemaObject, SchemaRecord};

use super::script::{MadeUnder, Script};
use crate::database::{quote_name, quote_text};
use crate::dialect::{is_common, session_modes};
use engine_core::error::Result;

/// Character sets in which a byte that is a backslash or a quote in ASCII can be the second one of a character: the client must know.
const AMBIGUOUS: [&str; 5] = ["big5", "cp932", "gb18030", "gbk", "sjis"];
/// Writes a sequence, and where it stands.
pub(super) fn sequence(object: &SchemaObject, script: &mut Script<'_>) -> Result<()> {
    script.bytes(&object.create.0)?;
    script.line(";")?;
    let Some(next) = object.next_value else { return Ok(()) };
    let cycles = object.cycles.unwrap_or(0);
    script.line(&format!("DO SETVAL({}, {next}, 0, {cycles});", quote_name(&object.name)))
}

/// Writes a view with the columns of `view` and without its meaning, for other views to refer to.
pub(super) fn placeholder(view: &SchemaObject, script: &mut Script<'_>) -> Result<()> {
    let columns = view.columns.iter().flatten().map(|name| format!("1 AS {}", quote_name(name)));
    let columns: Vec<_> = columns.collect();
    script.line(&format!("CREATE VIEW {} AS SELECT {};", quote_name(&view.name), columns.join(", ")))
}

/// Whether a server makes the view: something that one refers to which has no columns is not there.
pub(super) fn is_valid(view: &SchemaObject) -> bool {
    view.columns.as_ref().is_some_and(|columns| !columns.is_empty())
}

/// Writes a view in place of the empty one.
pub(super) fn view(view: &SchemaObject, flavour: Flavour, script: &mut Script<'_>) -> Result<()> {
    script.line(&format!("DROP VIEW {};", quote_name(&view.name)))?;
    definition(view, flavour, script)
}

/// Writes a routine, trigger or event of `schema`.
pub(super) fn program(
    schema: &SchemaRecord,
    object: &SchemaObject,
    flavour: Flavour,
    script: &mut Script<'_>,
) -> Result<()> {
    // Its variables and parameters have the default that its schema had when it was made.
    let made_under = object.database_collation.as_deref().filter(|collation| *collation != schema.collation);
    let alter =
        |collation: &str| format!("ALTER DATABASE {} COLLATE {};", quote_name(&schema.name), quote_text(collation));
    if let Some(collation) = made_under {
        script.line(&alter(collation))?;
    }
    definition(object, flavour, script)?;
    made_under.map_or(Ok(()), |_| script.line(&alter(&schema.collation)))
}

/// Writes what makes `object` in a session like the one that it was made in.
fn definition(object: &SchemaObject, flavour: Flavour, script: &mut Script<'_>) -> Result<()> {
    let usual = MadeUnder::default();
    let made_under = MadeUnder {
        sql_mode: object.sql_mode.as_deref().unwrap_or(usual.sql_mode),
        client: object.client_character_set.as_deref().unwrap_or(usual.client),
        collation: object.connection_collation.as_deref().unwrap_or(usual.collation),
        time_zone: object.time_zone.as_deref().unwrap_or(usual.time_zone),
    };
    let is_ambiguous = AMBIGUOUS.contains(&made_under.client);
    if is_ambiguous {
        script.line(&format!("\\C {}", made_under.client))?;
    }
    set(&made_under, flavour, script)?;
    let delimiter = delimiter(&object.create.0);
    script.line(&format!("DELIMITER {delimiter}"))?;
    script.bytes(&object.create.0)?;
    // On a line of its own, because the last one may be a comment.
    script.line(&format!("\n{delimiter}\nDELIMITER ;"))?;
    if is_ambiguous {
        script.line(&format!("\\C {}", usual.client))?;
    }
    set(&usual, flavour, script)
}

fn set(made_under: &MadeUnder<'_>, flavour: Flavour, script: &mut Script<'_>) -> Result<()> {
    let MadeUnder { sql_mode, client, collation, time_zone } = made_under;
    let common: Vec<&str> = session_modes(sql_mode).filter(|mode| is_common(mode)).collect();
    let all: Vec<&str> = session_modes(sql_mode).collect();
    script.line(&format!(
        "SET SESSION sql_mode={}, character_set_client={}, collation_connection={}, time_zone={};",
        quote_text(&common.join(",")),
        quote_text(client),
        quote_text(collation),
        quote_text(time_zone)
    ))?;
    if all.len() > common.len() {
        let guard = if flavour == Flavour::MariaDb { "M!" } else { "!80000" };
        script.guarded(guard, &format!("SET SESSION sql_mode={}", quote_text(&all.join(","))))?;
    }
    Ok(())
}

/// A delimiter that does not stand in `text`.
fn delimiter(text: &[u8]) -> String {
    let mut delimiter = ";;".to_owned();
    while text.windows(delimiter.len()).any(|window| window == delimiter.as_bytes()) {
        delimiter.push('$');
    }
    delimiter
}

/// Whether it is called and has a body: a function, a procedure, a package.
pub(super) fn is_routine(kind: ObjectType) -> bool {
    use ObjectType as T;
    matches!(kind, T::Function | T::Procedure | T::Package | T::PackageBody)
}
