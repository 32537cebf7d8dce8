//! The database: the server on this machine, the account, and the application in it.

use std::path::{Path, PathBuf};

use engine::database::{
    AccountName, Connection, GrantRules, Password, Privileges, Purpose, Reach, Server, grant_statements, list_schemas,
    missing,
};
use engine::error::chain;
use engine::profile::{
    ImagePlace, Inspection, PROFILES, PathMap, PathMapping, Profile, find_schema, image_paths, inspect,
};
use engine::{Error, ErrorKind, Result};
use zeroize::Zeroizing;

use super::file::write_private;
use super::interview::{Interview, Question};
use crate::environment::user_name;
use crate::secret::read_password_file;
use crate::settings::parse_url;

/// Where servers have their sockets.
const SOCKETS: [&str; 5] = [
    "/run/mysqld/mysqld.sock",
    "/var/run/mysqld/mysqld.sock",
    "/var/lib/mysql/mysql.sock",
    "/run/mariadb/mariadb.sock",
    "/tmp/mysql.sock",
];
/// The answer for no database.
const NONE: &str = "none";

/// The database that is saved.
#[derive(Debug, Clone, Default)]
pub struct FoundDatabase {
    /// Its address.
    pub url: Option<String>,
    /// The file with the password of the account.
    pub password_file: Option<PathBuf>,
    /// The application in it.
    pub profile: Option<String>,
    /// Where folders of other machines are.
    pub map_paths: Vec<String>,
    /// Where the server keeps its data, if that is on this machine.
    pub data_folder: Option<PathBuf>,
}

/// Answers that are known before the first question.
pub struct Known<'k> {
    /// The address, as an option or the file says.
    pub url: Option<String>,
    /// The file with the password.
    pub password_file: Option<PathBuf>,
    /// Where folders of other machines are.
    pub map_paths: Vec<String>,
    /// The folder of the settings file, in which a password is kept.
    pub folder: &'k Path,
}

/// Asks which database is saved, and looks into it.
///
/// # Errors
/// There is no answer, or nobody can get into the server.
pub fn find(interview: &Interview<'_>, known: &Known<'_>) -> Result<FoundDatabase> {
    let socket = SOCKETS.iter().find(|path| Path::new(path).exists());
    let found = socket.map(|path| format!("mysql://{}@localhost/?socket={path}", user_name()));
    if let Some(url) = found.as_ref().filter(|_| known.url.is_none()) {
        interview.say(format_args!("A database server is on this computer: {url}"));
    }
    let question = Question {
        text: "MySQL or MariaDB server to save, as mysql://USER@HOST, or none",
        default: Some(known.url.clone().or(found).unwrap_or_else(|| NONE.to_owned())),
        option: "--database",
    };
    interview.ask(&question, |answer| {
        if answer == NONE {
            return Ok(FoundDatabase::default());
        }
        let (mut connection, password_file) = enter(interview, answer, known)?;
        look(interview, &mut connection, known).map(|found| FoundDatabase {
            url: Some(answer.to_owned()),
            password_file,
            ..found
        })
    })
}

/// Connects; asks for a password if the server wants one, and keeps it in a file beside the settings.
fn enter(interview: &Interview<'_>, url: &str, known: &Known<'_>) -> Result<(Connection, Option<PathBuf>)> {
    let open = |password: Option<Password>| {
        let mut parts = parse_url(url)?;
        parts.password = password;
        Connection::open(&parts.complete()?)
    };
    if let Some(file) = known.password_file.as_ref().filter(|file| file.exists()) {
        let connection = open(Some(Password(read_password_file(file)?)))?;
        return Ok((connection, Some(file.clone())));
    }
    let refused = match open(None) {
        Ok(connection) => return Ok((connection, None)),
        Err(error) => error,
    };
    if interview.is_silent {
        return Err(refused.with_hint("Name the file with its password: --database-password-file."));
    }
    interview.say(format_args!("  {}", chain(&refused)));
    let password = interview.secret("Password of the database account (empty to name another server): ")?;
    if password.is_empty() {
        return Err(refused);
    }
    let connection = open(Some(Password(password.clone())))?;
    let file = known.folder.join("database-password");
    write_private(&file, &Zeroizing::new(format!("{}\n", *password)))?;
    interview.say(format_args!("The password is kept in {}, which only you can read.", file.display()));
    Ok((connection, Some(file)))
}

/// Looks for rights that are missing, and for an application.
fn look(interview: &Interview<'_>, connection: &mut Connection, known: &Known<'_>) -> Result<FoundDatabase> {
    let server = Server::detect(connection)?;
    let schemas = list_schemas(connection, &[])?;
    interview.say(format_args!("{}, with {}", server.version_text, named(&schemas)));
    tell_rights(interview, connection, &server)?;
    let data_folder = connection.value("SELECT @@datadir")?.map(PathBuf::from).filter(|folder| folder.is_dir());
    let mut found = FoundDatabase { data_folder, map_paths: known.map_paths.clone(), ..FoundDatabase::default() };
    for profile in PROFILES {
        if let Ok(inspection) = inspected(connection, profile, &schemas, &found.map_paths) {
            interview.say(format_args!("{} is in the schema {}", profile.title, inspection.schema));
            found.profile = Some(profile.name.to_owned());
            if let ImagePlace::Folder(folder) = &inspection.images.place {
                interview.say(format_args!("Its images are in {}, and are saved with it.", folder.display()));
            }
            return Ok(found);
        }
        if let Some(mapping) = ask_for_images(interview, connection, profile, &schemas)? {
            found.map_paths.push(mapping);
            found.profile = Some(profile.name.to_owned());
            return Ok(found);
        }
    }
    Ok(found)
}

fn named(schemas: &[String]) -> String {
    match schemas {
        [] => "no schema yet".to_owned(),
        [one] => format!("the schema {one}"),
        more => format!("the schemas {}", more.join(", ")),
    }
}

fn inspected(
    connection: &mut Connection,
    profile: &Profile,
    schemas: &[String],
    maps: &[String],
) -> Result<Inspection> {
    let maps = maps.iter().map(|text| text.parse::<PathMapping>()).collect::<std::result::Result<_, _>>()?;
    inspect(connection, profile, schemas, &PathMap::new(maps))
}

/// The application may be there, and its images in a folder that has another name here.
fn ask_for_images(
    interview: &Interview<'_>,
    connection: &mut Connection,
    profile: &Profile,
    schemas: &[String],
) -> Result<Option<String>> {
    let Ok(schema) = find_schema(connection, profile, schemas) else { return Ok(None) };
    let paths = image_paths(connection, profile, &schema)?;
    let Some(there) = paths.first() else { return Ok(None) };
    if interview.is_silent {
        interview.ui.warn(format_args!("the images of {} are not saved: `{there}` is not on this computer; --map-path '{there}=HERE' says where it is", profile.title));
        return Ok(None);
    }
    interview.say(format_args!("{} is there, and its images are in `{there}` for other computers.", profile.title));
    let question = Question {
        text: "The same folder on this computer, or none to leave the images out",
        default: Some(NONE.to_owned()),
        option: "--map-path",
    };
    interview.ask(&question, |answer| match answer {
        NONE => Ok(None),
        folder if Path::new(folder).is_dir() => Ok(Some(format!("{there}={folder}"))),
        folder => Err(Error::new(ErrorKind::NotFound, format!("{folder} is no folder of this computer"))),
    })
}

/// Prints the statements that the account lacks.
fn tell_rights(interview: &Interview<'_>, connection: &mut Connection, server: &Server) -> Result<()> {
    let privileges = Privileges::read(connection, server)?;
    let reach = Reach::unknown(&[]);
    if missing(&privileges, server, Purpose::Backup, &reach).is_empty() {
        return Ok(());
    }
    let account = connection.value("SELECT CURRENT_USER()")?.unwrap_or_default();
    let (user, host) = account.rsplit_once('@').unwrap_or((&account, "%"));
    interview
        .ui
        .warn(format_args!("{account} lacks rights that a whole backup needs; an administrator can give them:"));
    let rules = GrantRules::read(connection, server)?;
    for statement in grant_statements(server, &rules, Purpose::Backup, &reach, AccountName { user, host }) {
        interview.say(format_args!("  {statement};"));
    }
    Ok(())
}
