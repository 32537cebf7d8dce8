//! Finds out everything that a profile adds to a backup, at once before it begins.

use repo_format::database::ProfileRecord;

use super::{FoundImages, ImagePlace, PathMap, Profile, find_images, find_schema, settings};
use crate::database::Connection;
use engine_core::error::Result;

/// The findings about an application on a server.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// Its schema.
    pub schema: String,
    /// The record for the snapshot.
    pub record: ProfileRecord,
    /// Where its images are.
    pub images: FoundImages,
    /// Patterns of what need not be saved of them, for [`engine_core::files::source::exclude::ExcludeOptions::patterns`]: put them before the user's,
    /// which win then.
    pub excludes: Vec<String>,
}

/// Finds the application among `schemas`, its settings, and its images.
///
/// # Errors
/// [`engine_core::ErrorKind::Usage`] if it is not there, is there several times, or its images are not where it says. If the server refuses.
pub fn inspect(
    connection: &mut Connection,
    profile: &Profile,
    schemas: &[String],
    map: &PathMap,
) -> Result<Inspection> {
    let schema = find_schema(connection, profile, schemas)?;
    let images = find_images(connection, profile, &schema, map)?;
    let excludes = match &images.place {
        ImagePlace::Folder(folder) => profile.excludes(folder),
        ImagePlace::Database | ImagePlace::Elsewhere(_) => Vec::new(),
    };
    let record = ProfileRecord { name: profile.name.to_owned(), settings: settings(connection, profile, &schema)? };
    Ok(Inspection { schema, record, images, excludes })
}
