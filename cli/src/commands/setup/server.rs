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

use super::answers::NONE;
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

/// A database server, as somebody sees it who got in.
#[derive(Debug, Clone)]
pub struct Survey {
    /// Its name and version.
    pub version: String,
    /// Its schemas.
    pub schemas: Vec<String>,
    /// The account that got in.
    pub account: String,
    /// Statements that give the account the rights that a whole backup needs, and that it lacks.
    pub grants: Vec<String>,
    /// Where the server keeps its data, if that is on this machine.
    pub data_folder: Option<PathBuf>,
    /// Applications in it; only the last one may be whole.
    pub applications: Vec<Application>,
}

/// An application in a database.
#[derive(Debug, Clone)]
pub struct Application {
    /// Its profile.
    pub profile: &'static Profile,
    /// The state of its images.
    pub found: Found,
}

/// The findings about an application.
#[derive(Debug, Clone)]
pub enum Found {
    /// It is in this schema, and its images are in this folder if they are in one.
    Whole(String, Option<PathBuf>),
    /// Its images are in a folder that has another name here: its name for other computers.
    ImagesElsewhere(String),
}

/// The address of a server on this computer, if one seems to be there.
pub fn usual_url() -> Option<String> {
    let socket = SOCKETS.iter().find(|path| Path::new(path).exists());
    socket.map(|path| format!("mysql://{}@localhost/?socket={path}", user_name()))
}

/// Gets into a server.
///
/// # Errors
/// The address is none; nobody gets in.
pub fn open(url: &str, password: Option<Password>) -> Result<Connection> {
    let mut parts = parse_url(url)?;
    parts.password = password;
    Connection::open(&parts.complete()?)
}

/// Gets into a server with the password in this file.
///
/// # Errors
/// As of [`open`]; the file cannot be read.
pub fn open_by_file(url: &str, file: Option<&Path>) -> Result<Connection> {
    open(url, file.map(|file| read_password_file(file).map(Password)).transpose()?)
}

/// Keeps the password of an account in a file beside the settings.
///
/// # Errors
/// It cannot be written.
pub fn keep_password(folder: &Path, password: &str) -> Result<PathBuf> {
    let file = folder.join("database-password");
    write_private(&file, &Zeroizing::new(format!("{password}\n")))?;
    Ok(file)
}

/// Looks for rights that are missing, and for an application, with folders of other machines at `maps`.
///
/// # Errors
/// The server refuses.
pub fn survey(connection: &mut Connection, maps: &[String]) -> Result<Survey> {
    let server = Server::detect(connection)?;
    let schemas = list_schemas(connection, &[])?;
    let account = connection.value("SELECT CURRENT_USER()")?.unwrap_or_default();
    let data_folder = connection.value("SELECT @@datadir")?.map(PathBuf::from).filter(|folder| folder.is_dir());
    let mut applications = Vec::new();
    for profile in PROFILES {
        if let Ok(inspection) = inspected(connection, profile, &schemas, maps) {
            let folder = match inspection.images.place {
                ImagePlace::Folder(folder) => Some(folder),
                ImagePlace::Database | ImagePlace::Elsewhere(_) => None,
            };
            applications.push(Application { profile, found: Found::Whole(inspection.schema, folder) });
            break;
        }
        // Without the application its reason is of no interest.
        let Ok(schema) = find_schema(connection, profile, &schemas) else { continue };
        if let Some(there) = image_paths(connection, profile, &schema)?.into_iter().next() {
            applications.push(Application { profile, found: Found::ImagesElsewhere(there) });
        }
    }
    let grants = missing_grants(connection, &server, &account)?;
    Ok(Survey { version: server.version_text.clone(), schemas, account, grants, data_folder, applications })
}

impl Survey {
    /// The schemas, in words.
    pub fn schemas(&self) -> String {
        match &self.schemas[..] {
            [] => "no schema yet".to_owned(),
            [one] => format!("the schema {one}"),
            more => format!("the schemas {}", more.join(", ")),
        }
    }
}

/// The mapping that an answer about a folder of images stands for; none if they are left out.
///
/// # Errors
/// The folder is not there.
pub fn mapping(there: &str, answer: &str) -> Result<Option<String>> {
    match answer {
        NONE => Ok(None),
        folder if Path::new(folder).is_dir() => Ok(Some(format!("{there}={folder}"))),
        folder => Err(Error::new(ErrorKind::NotFound, format!("{folder} is no folder of this computer"))),
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

/// The statements that the account lacks.
fn missing_grants(connection: &mut Connection, server: &Server, account: &str) -> Result<Vec<String>> {
    let privileges = Privileges::read(connection, server)?;
    let reach = Reach::unknown(&[]);
    if missing(&privileges, server, Purpose::Backup, &reach).is_empty() {
        return Ok(Vec::new());
    }
    let (user, host) = account.rsplit_once('@').unwrap_or((account, "%"));
    let rules = GrantRules::read(connection, server)?;
    Ok(grant_statements(server, &rules, Purpose::Backup, &reach, AccountName { user, host }))
}

/// Asks which database is saved, and looks into it.
///
/// # Errors
/// There is no answer, or nobody can get into the server.
pub fn find(interview: &Interview<'_>, known: &Known<'_>) -> Result<FoundDatabase> {
    let found = usual_url();
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
        let survey = survey(&mut connection, &known.map_paths)?;
        tell(interview, &survey);
        let mut found = FoundDatabase {
            url: Some(answer.to_owned()),
            password_file,
            data_folder: survey.data_folder,
            map_paths: known.map_paths.clone(),
            profile: None,
        };
        for application in survey.applications {
            if take(interview, &application, &mut found)? {
                break;
            }
        }
        Ok(found)
    })
}

/// Connects; asks for a password if the server wants one, and keeps it in a file beside the settings.
fn enter(interview: &Interview<'_>, url: &str, known: &Known<'_>) -> Result<(Connection, Option<PathBuf>)> {
    if let Some(file) = known.password_file.as_ref().filter(|file| file.exists()) {
        return Ok((open_by_file(url, Some(file))?, Some(file.clone())));
    }
    let refused = match open(url, None) {
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
    let connection = open(url, Some(Password(password.clone())))?;
    let file = keep_password(known.folder, &password)?;
    interview.say(format_args!("The password is kept in {}, which only you can read.", file.display()));
    Ok((connection, Some(file)))
}

/// Says what is in the server, and which rights are missing.
fn tell(interview: &Interview<'_>, survey: &Survey) {
    interview.say(format_args!("{}, with {}", survey.version, survey.schemas()));
    if !survey.grants.is_empty() {
        let account = &survey.account;
        interview
            .ui
            .warn(format_args!("{account} lacks rights that a whole backup needs; an administrator can give them:"));
        for statement in &survey.grants {
            interview.say(format_args!("  {statement};"));
        }
    }
}

/// Whether the application is saved with its images, which may be in a folder that has another name here.
fn take(interview: &Interview<'_>, application: &Application, found: &mut FoundDatabase) -> Result<bool> {
    let profile = application.profile;
    match &application.found {
        Found::Whole(schema, folder) => {
            interview.say(format_args!("{} is in the schema {schema}", profile.title));
            if let Some(folder) = folder {
                interview.say(format_args!("Its images are in {}, and are saved with it.", folder.display()));
            }
        }
        Found::ImagesElsewhere(there) => match ask_for_images(interview, profile, there)? {
            Some(mapping) => found.map_paths.push(mapping),
            None => return Ok(false),
        },
    }
    found.profile = Some(profile.name.to_owned());
    Ok(true)
}

fn ask_for_images(interview: &Interview<'_>, profile: &Profile, there: &str) -> Result<Option<String>> {
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
    interview.ask(&question, |answer| mapping(there, answer))
}
