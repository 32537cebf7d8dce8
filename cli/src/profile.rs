//! Options of a backup about the application that a database belongs to.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use engine::database::{Address, Connection, list_schemas};
use engine::profile::{ImagePlace, Inspection, PROFILES, PathMap, PathMapping, Profile, inspect, named};
use engine::{Error, Result};

use crate::commands::backup::source_path;
use crate::settings::file::FileSettings;

/// Where `--help` shows them.
const HEADING: &str = "Database options";

/// Options of `backup` and `check` about an application.
#[derive(Debug, Default, clap::Args)]
pub struct ProfileArgs {
    /// Save the images of this application, too; its settings in the database say where they are
    ///
    /// Open Dental: the first folder of its image path (preference DocPath) that has a folder A. Enamel leaves out
    /// Thumbnails, SetupFiles and UpdateFiles. Afterwards it names each document whose file is missing. It takes a file
    /// that was deleted while the backup ran from the snapshot before.
    #[arg(long, value_name = "APPLICATION", help_heading = HEADING, value_parser = PossibleValuesParser::new(PROFILES.iter().map(|profile| profile.name)))]
    profile: Option<String>,
    /// Where a folder of another machine is here: '\\SERVER\OpenDentImages=/mnt/images'; can be given several times
    #[arg(long = "map-path", value_name = "THERE=HERE", help_heading = HEADING, value_parser = parse_mapping)]
    map_paths: Vec<PathMapping>,
}

impl ProfileArgs {
    /// Whether the command line itself names an application: then there must be a database.
    pub fn is_asked_for(&self) -> bool {
        self.profile.is_some()
    }

    /// The application that was named, else that of enamel.toml; and where folders of other machines are: these options
    /// before those of enamel.toml.
    ///
    /// # Errors
    /// A path of enamel.toml makes no sense.
    pub fn request(&self, file: &FileSettings) -> Result<Option<(&'static Profile, PathMap)>> {
        let Some(profile) = self.profile.as_ref().or(file.profile.as_ref()).and_then(|name| named(name)) else {
            return Ok(None);
        };
        let from_file = file.map_paths.iter().map(|text| text.parse());
        let mappings = self.map_paths.iter().cloned().map(Ok).chain(from_file);
        Ok(Some((profile, PathMap::new(mappings.collect::<Result<_>>()?))))
    }
}

/// Looks for the application and its images, as every backup does before it saves anything.
///
/// # Errors
/// The application is not in these schemas, or its images are in no folder of this machine.
pub fn look(
    connection: &mut Connection,
    (profile, map): (&Profile, &PathMap),
    schemas: &[String],
) -> Result<(Inspection, Option<PathBuf>)> {
    let inspection = inspect(connection, profile, schemas, map)?;
    let images = match &inspection.images.place {
        ImagePlace::Folder(folder) => Some(source_path(folder)?),
        ImagePlace::Database | ImagePlace::Elsewhere(_) => None,
    };
    Ok((inspection, images))
}

/// As [`look`], over a connection of its own: where the images of the application are, in words.
///
/// # Errors
/// As [`look`]; the server cannot be reached.
pub fn images_in_words(address: &Address, wanted: &[String], request: (&Profile, &PathMap)) -> Result<Vec<String>> {
    let mut connection = Connection::open(address)?;
    let schemas = list_schemas(&mut connection, wanted)?;
    let (inspection, _) = look(&mut connection, request, &schemas)?;
    Ok(inspection.images.notes(request.0))
}

fn parse_mapping(text: &str) -> std::result::Result<PathMapping, Error> {
    text.parse()
}
