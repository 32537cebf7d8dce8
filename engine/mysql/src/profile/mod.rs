//! Profiles describe applications whose database and images belong together.
//!
//! A profile is data. It says which rows locate the images, which images are not worth saving, and which rows name
//! files. The code is the same for every profile. Backup, restore and verify know nothing of profiles; their callers
//! ask here first.
//!
//! ```text
//! before a backup:  inspect          ->  a folder to save, patterns, a record for the snapshot
//! after it:         missing_files    ->  rows whose file the snapshot lacks
//! after a restore:  path_statements  ->  the copy points at no live images
//! ```

mod cells;
mod companion;
mod definition;
mod expected;
mod hashed;
mod image_tree;
mod images;
mod inspect;
mod missing;
mod opendental;
mod path_map;
mod settings;

use repo_format::database::{ServerRecord, TableRecord};

pub use companion::{FoundApplication, missing_in};
pub use definition::{
    Attachments, Belonging, Documents, Elsewhere, Expectation, Expected, HashPart, HashedRows, ImageFolder, Owners,
    PathColumn, Profile, Removable, Settings, TableColumn,
};
pub use expected::{Surprise, surprises};
pub use hashed::{HashCheck, HashFault, check_hashes};
pub use images::{FoundImages, ImagePlace, Override, Tried, find_images, image_paths};
pub use inspect::{Inspection, inspect};
pub use missing::{FileCheck, MissingFile, SavedPractice, missing_files};
pub use path_map::{PathMap, PathMapping};
pub use settings::{find_schema, newest_administrator, path_statements, settings};

/// All profiles.
pub const PROFILES: &[&Profile] = &[&opendental::OPEN_DENTAL];

/// The profile of this name.
pub fn named(name: &str) -> Option<&'static Profile> {
    PROFILES.iter().copied().find(|profile| profile.name == name)
}

/// The profile that a snapshot was made with.
pub fn for_snapshot(server: &ServerRecord) -> Option<&'static Profile> {
    server.profile.as_ref().and_then(|record| named(&record.name))
}

/// The profile whose tables and columns are among `tables`, those of one schema: so that a copy is kept from live images also
/// when the snapshot was made without a profile.
pub fn of_schema(tables: &[TableRecord]) -> Option<&'static Profile> {
    PROFILES.iter().copied().find(|profile| profile.marks().iter().all(|column| column.is_among(tables)))
}
