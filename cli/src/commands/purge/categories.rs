//! The categories that can be chosen: those of applications, and those of `enamel.toml`.

use engine::profile::{self, PROFILES};
use engine::purge::{Attachments, Category, Child};
use engine::{Error, ErrorKind, Result};

use crate::settings::file::{FileSettings, OwnCategory};

/// The category of a plan that names none.
const DEFAULT: &str = "securitylog";

/// The categories with these names, or the usual one.
///
/// # Errors
/// [`ErrorKind::Usage`] for a name without a category.
pub fn chosen(names: &[String], file: &FileSettings) -> Result<Vec<Category>> {
    let all = all(file)?;
    let default = [DEFAULT.to_owned()];
    let names = if names.is_empty() { &default[..] } else { names };
    let mut chosen: Vec<Category> = Vec::new();
    for name in names {
        let Some(found) = all.iter().find(|category| category.name == *name) else {
            let known: Vec<_> = all.iter().map(|category| category.name.as_str()).collect();
            let message = format!("there is no category `{name}`; there are: {}", known.join(", "));
            return Err(Error::new(ErrorKind::Usage, message).with_hint(
                "`enamel purge plan --help` explains the categories; `[purge.NAME]` of enamel.toml adds own ones.",
            ));
        };
        if chosen.iter().all(|category| category.name != *name) {
            chosen.push(found.clone());
        }
    }
    Ok(chosen)
}

/// Has the files in `folder` go with the rows of the categories that have files.
///
/// # Errors
/// [`ErrorKind::Usage`] if no category has attachments.
pub fn with_attachments(mut categories: Vec<Category>, folder: &str) -> Result<Vec<Category>> {
    let mut chosen = 0;
    for (name, attachments) in offered() {
        for category in categories.iter_mut().filter(|category| category.name == name) {
            category.attachments = Some(Attachments::of(attachments, folder.to_owned()));
            category.note = Some(attachments.note.to_owned());
            chosen += 1;
        }
    }
    match chosen {
        0 => {
            let names: Vec<_> = offered().map(|(name, _)| format!("--category {name}")).collect();
            let message =
                format!("no category of the plan has attachments: --attachments goes with {}", names.join(", "));
            Err(Error::new(ErrorKind::Usage, message)
                .with_hint("Choose such a category with --category, or leave --attachments out."))
        }
        _ => Ok(categories),
    }
}

/// All categories that there are, with the files that could go with them: what a plan is held to.
///
/// # Errors
/// [`ErrorKind::Usage`] if the settings name one twice.
pub fn known(file: &FileSettings) -> Result<Vec<Category>> {
    let mut all = all(file)?;
    for (name, attachments) in offered() {
        for category in all.iter_mut().filter(|category| category.name == name) {
            category.attachments = Some(Attachments::of(attachments, String::new()));
        }
    }
    Ok(all)
}

/// Categories with files, and these files.
fn offered() -> impl Iterator<Item = (&'static str, &'static profile::Attachments)> {
    let removable = PROFILES.iter().flat_map(|profile| profile.removable);
    removable.filter_map(|removable| Some((removable.name, removable.attachments.as_ref()?)))
}

fn all(file: &FileSettings) -> Result<Vec<Category>> {
    let mut all: Vec<Category> = PROFILES.iter().flat_map(|profile| profile.removable).map(Category::from).collect();
    for (name, own) in &file.purge {
        if all.iter().any(|category| category.name == *name) {
            let message = format!("`[purge.{name}]` of enamel.toml has the name of a category that there is already");
            return Err(Error::new(ErrorKind::Usage, message).with_hint("Give the section another name."));
        }
        all.push(category(name, own));
    }
    Ok(all)
}

fn category(name: &str, own: &OwnCategory) -> Category {
    let children = own.children.iter();
    Category {
        name: name.to_owned(),
        table: own.table.clone(),
        date: own.date.clone(),
        children: children.map(|own| Child { table: own.table.clone(), column: own.column.clone() }).collect(),
        attachments: None,
        condition: own.condition.clone(),
        keep_years: own.keep_years,
        note: None,
    }
}
