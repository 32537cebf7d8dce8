//! The contents of a profile.

use std::path::Path;

use repo_format::database::TableRecord;

/// An application: where its settings, images and rows that name files are.
#[derive(Debug)]
pub struct Profile {
    /// Its name on the command line and in snapshots.
    pub name: &'static str,
    /// Its name in sentences.
    pub title: &'static str,
    /// The table of its settings.
    pub settings: Settings,
    /// Where it keeps images.
    pub images: ImageFolder,
    /// The rows that name files among the images.
    pub documents: Documents,
    /// A schema whose name is that of another with this and more behind it is a copy that the application has made.
    pub copy_mark: &'static str,
    /// A query in SQL for the user who may administer and logged in last, with `{schema}` for the schema.
    pub newest_administrator: Option<&'static str>,
    /// Rows whose contents another table has a hash of.
    pub hashed: Option<HashedRows>,
    /// Old rows that can be removed from the live database.
    pub removable: &'static [Removable],
}

/// Rows that nobody may change, and the table with a hash of each.
#[derive(Debug)]
pub struct HashedRows {
    /// Their table.
    pub table: &'static str,
    /// Their key, a number.
    pub key: &'static str,
    /// The table of hashes.
    pub hash_table: &'static str,
    /// The column there that has the key.
    pub hash_key: &'static str,
    /// The column of the hash: base64 of SHA-256 of the parts as UTF-16, little-endian, one after the other.
    pub hash: &'static str,
    /// The parts.
    pub parts: [HashPart; 6],
}

/// A part of what is hashed.
#[derive(Debug, Clone, Copy)]
pub enum HashPart {
    /// A column as it is; NULL is nothing.
    Column(&'static str),
    /// A date and time without fractions of a second.
    DateTime(&'static str),
    /// The same, and nothing if it is before this year.
    DateTimeSince(&'static str, u16),
}

impl HashPart {
    /// Its column.
    pub fn column(self) -> &'static str {
        match self {
            HashPart::Column(column) | HashPart::DateTime(column) | HashPart::DateTimeSince(column, _) => column,
        }
    }
}

/// A setting that has a certain value in a database that is well.
#[derive(Debug)]
pub struct Expectation {
    /// Its name.
    pub setting: &'static str,
    /// Its value.
    pub expected: Expected,
    /// The meaning of another value.
    pub otherwise: &'static str,
}

/// The value of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// A version: numbers with points between.
    Version,
    /// Not this.
    Not(&'static str),
    /// Nothing.
    Empty,
    /// Something.
    Something,
}

/// Rows that have no use when they are old: neither clinical nor financial ones.
#[derive(Debug)]
pub struct Removable {
    /// Its name on the command line.
    pub name: &'static str,
    /// The table.
    pub table: &'static str,
    /// The column that says how old a row is.
    pub date: &'static str,
    /// Tables whose rows belong to rows of the table, and go with them.
    pub children: &'static [Belonging],
    /// Years for which rows should be kept, by the cautious reading of rules that an audit may ask for.
    pub keep_years: Option<u16>,
    /// A sentence about what stays, or what the user should know.
    pub note: Option<&'static str>,
    /// Files that belong to the rows, and can go with them.
    pub attachments: Option<Attachments>,
}

/// Files in the folder of images that belong to old rows, and the rows that name them. They go only if the user wishes so.
#[derive(Debug)]
pub struct Attachments {
    /// The rows that name them.
    pub rows: Belonging,
    /// The column of the file's name: names with `/` or `\` between.
    pub file_name: &'static str,
    /// The folder of the files, in that of the images.
    pub folder: &'static str,
    /// Columns of the rows that hold 0, unless something else needs the row.
    pub unset: &'static [&'static str],
    /// Columns of other tables that name files in the same folder.
    pub named_by: &'static [TableColumn],
    /// Columns of other tables that hold keys of the rows that name files: such rows stay, and what they belong to.
    pub rows_used_by: &'static [TableColumn],
    /// Columns of other tables that hold keys of what the files belong to: it stays.
    pub owners_used_by: &'static [TableColumn],
    /// Stands in the place of the note when they go.
    pub note: &'static str,
}

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub struct TableColumn {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
}

/// A table whose rows belong to rows of another.
#[derive(Debug)]
pub struct Belonging {
    /// The table.
    pub table: &'static str,
    /// The column that holds the key of the row it belongs to.
    pub column: &'static str,
}

/// A table with a name and a value in each row.
#[derive(Debug)]
pub struct Settings {
    /// The table.
    pub table: &'static str,
    /// The column of names.
    pub name: &'static str,
    /// The column of values.
    pub value: &'static str,
    /// The settings that a snapshot records.
    pub recorded: &'static [&'static str],
    /// Values that they have in a database that is well.
    pub expected: &'static [Expectation],
}

/// Where images are.
#[derive(Debug)]
pub struct ImageFolder {
    /// The setting that holds the folder, or several.
    pub setting: &'static str,
    /// The separator between several.
    pub separator: char,
    /// A folder that is in the right one.
    pub mark: &'static str,
    /// The setting that says how images are kept.
    pub mode_setting: &'static str,
    /// Its values for which there is no folder. Any other value means that there is one.
    pub elsewhere: &'static [Elsewhere],
    /// Columns that name another folder, for some machines.
    pub overrides: &'static [PathColumn],
    /// Patterns, from the folder of images, of what can be made again.
    pub excludes: &'static [&'static str],
}

/// A way to keep images other than in a folder.
#[derive(Debug)]
pub struct Elsewhere {
    /// The value of the setting.
    pub value: &'static str,
    /// Where they are, in words.
    pub place: &'static str,
    /// Whether a backup of the database has them.
    pub in_database: bool,
}

/// A column that holds paths of folders.
#[derive(Debug, Clone, Copy)]
pub struct PathColumn {
    /// Its table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The column that says whose path it is.
    pub whose: &'static str,
}

/// Rows that name files: each in the folder of the row that owns it.
#[derive(Debug)]
pub struct Documents {
    /// Their table.
    pub table: &'static str,
    /// The column that tells one from another.
    pub key: &'static str,
    /// The column of the file's name.
    pub file_name: &'static str,
    /// The column that names the owner.
    pub owner: &'static str,
    /// The rows that own them.
    pub owners: Owners,
}

/// Rows with a folder each, in a folder that is named by its first letter, upper case.
#[derive(Debug)]
pub struct Owners {
    /// Their table.
    pub table: &'static str,
    /// The column that tells one from another.
    pub key: &'static str,
    /// The column of the folder's name.
    pub folder: &'static str,
    /// The columns of a person's name, the last one first.
    pub names: [&'static str; 2],
}

/// A column that is looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark(&'static str, &'static str);

impl Mark {
    /// Whether one of `tables` has the column.
    pub fn is_among(self, tables: &[TableRecord]) -> bool {
        has_column(tables, self.0, self.1)
    }
}

/// Whether `column` of `table` is among `tables`; servers on Windows may have changed the case of names.
pub(super) fn has_column(tables: &[TableRecord], table: &str, column: &str) -> bool {
    let same_table = |record: &&TableRecord| record.name.eq_ignore_ascii_case(table);
    let mut columns = tables.iter().filter(same_table).flat_map(|record| &record.columns);
    columns.any(|found| found.name.eq_ignore_ascii_case(column))
}

impl Profile {
    /// Tables that every schema of the application has.
    pub fn tables(&self) -> [&'static str; 2] {
        [self.settings.table, self.documents.table]
    }

    /// Columns by which a schema of the application is known.
    pub(super) fn marks(&self) -> [Mark; 3] {
        let (settings, documents) = (&self.settings, &self.documents);
        [
            Mark(settings.table, settings.name),
            Mark(settings.table, settings.value),
            Mark(documents.table, documents.file_name),
        ]
    }

    /// The patterns of what can be made again, for the folder `images` only; from any source where its path is not UTF-8.
    pub fn excludes(&self, images: &Path) -> Vec<String> {
        let folder = images.components().as_path().to_str().unwrap_or_default().trim_end_matches('/');
        let folder: String = folder.chars().flat_map(escaped).collect();
        self.images.excludes.iter().map(|pattern| format!("{folder}{pattern}")).collect()
    }
}

/// A character of a path in a pattern.
fn escaped(c: char) -> impl Iterator<Item = char> {
    let backslash = r"\*?[]{}!#".contains(c).then_some('\\');
    backslash.into_iter().chain([c])
}

#[cfg(test)]
mod tests {
    use super::super::named;
    use super::*;

    #[test]
    fn patterns_are_for_the_images_only() {
        let profile = named("opendental").unwrap();
        let patterns = profile.excludes(Path::new("/srv/Open [Dent]/"));
        assert!(patterns.contains(&r"/srv/Open \[Dent\]/SetupFiles/".to_owned()), "{patterns:?}");
        assert!(patterns.contains(&r"/srv/Open \[Dent\]/*/*/Thumbnails/".to_owned()), "{patterns:?}");
    }
}
