//! Whether the categories of a plan are what their names stand for today.

use super::attachments::Attachments;
use super::category::Category;
use engine_core::error::{Error, ErrorKind, Result};

/// Checks each category of a plan against the `known` one of its name.
///
/// # Errors
/// [`ErrorKind::Refused`] if there is none, or it is another one than in the plan.
pub(in crate::purge) fn check_known(planned: &[Category], known: &[Category]) -> Result<()> {
    for category in planned {
        let name = &category.name;
        let refused =
            |why: &str| Err(Error::new(ErrorKind::Refused, format!("the category `{name}` of the plan {why}")));
        match known.iter().find(|known| known.name == *name) {
            None => return refused("is not known here: if it stands in the settings, run the plan with them"),
            Some(known) if !is_as(category, known) => return refused("is not what it is today: make a new plan"),
            Some(_) => {}
        }
    }
    Ok(())
}

/// Whether a category has the tables, columns and condition of another. Files need not go, though they could.
fn is_as(planned: &Category, known: &Category) -> bool {
    let attachments = match (&planned.attachments, &known.attachments) {
        (None, _) => true,
        (Some(planned), Some(known)) => *planned == in_folder_of(known, planned),
        (Some(_), None) => false,
    };
    attachments
        && planned.table == known.table
        && planned.date == known.date
        && planned.children == known.children
        && planned.condition == known.condition
}

/// `known`, of the folder that the plan names: which it is, only the user can say.
fn in_folder_of(known: &Attachments, planned: &Attachments) -> Attachments {
    let Attachments { folder, saved_folder, .. } = planned.clone();
    Attachments { folder, saved_folder, ..known.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::PROFILES;
    use crate::purge::Child;

    fn known() -> Vec<Category> {
        let removable = PROFILES.iter().flat_map(|profile| profile.removable);
        removable
            .map(|removable| {
                let attachments = removable.attachments.as_ref();
                let attachments = attachments.map(|attachments| Attachments::of(attachments, String::new()));
                Category { attachments, ..Category::from(removable) }
            })
            .collect()
    }

    #[test]
    fn a_category_is_known_with_its_files_or_without_them_in_any_folder() {
        let mut planned = known();
        assert!(check_known(&planned, &known()).is_ok());
        for attachments in planned.iter_mut().filter_map(|category| category.attachments.as_mut()) {
            "/srv/images".clone_into(&mut attachments.folder);
            "images".clone_into(&mut attachments.saved_folder);
        }
        assert!(check_known(&planned, &known()).is_ok());
        planned.iter_mut().for_each(|category| category.attachments = None);
        assert!(check_known(&planned, &known()).is_ok());
    }

    #[test]
    fn a_category_that_would_touch_something_else_is_refused() {
        let with_files = known().iter().position(|category| category.attachments.is_some()).unwrap();
        let changes: [fn(&mut Category); 8] = [
            |category| "other".clone_into(&mut category.name),
            |category| "patient".clone_into(&mut category.table),
            |category| "DateTStamp".clone_into(&mut category.date),
            |category| category.children.push(Child { table: "patient".to_owned(), column: "PatNum".to_owned() }),
            |category| category.condition = Some("PatNum = 1".to_owned()),
            |category| category.attachments.as_mut().unwrap().named_by.clear(),
            |category| "/".clone_into(&mut category.attachments.as_mut().unwrap().sub_folder),
            |category| "patient".clone_into(&mut category.attachments.as_mut().unwrap().rows.table),
        ];
        for (at, change) in changes.iter().enumerate() {
            let mut planned = known();
            change(&mut planned[with_files]);
            assert_eq!(check_known(&planned, &known()).unwrap_err().kind(), ErrorKind::Refused, "change {at}");
        }
    }
}
