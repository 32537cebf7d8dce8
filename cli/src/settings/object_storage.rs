//! How object storage is reached: `[s3]` in the settings file, and the variables that programs for S3 know.
//!
//! Secrets come from the environment, from a file of credentials, or from the service that gives a machine its role;
//! never from the command line or the settings file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use engine::store::s3::{Credentials, Limits, Pace, Patience, S3Address, S3Options, UrlStyle};
use engine::{Error, ErrorKind, Result};
use etcetera::home_dir;
use serde::{Deserialize, Serialize};

use super::place;
use super::reach::Reach;
use crate::duration::parse_duration;
use crate::environment;
use crate::global::Global;
use crate::size::parse_rate;

/// How long a writer waits for a run that must be alone, if nothing else is set.
const WAIT_FOR_OTHERS: Duration = Duration::from_secs(30 * 60);

/// The section `[s3]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct S3Settings {
    /// The URL of the server; without one it is AWS.
    pub endpoint: Option<String>,
    /// The region that requests are signed for.
    pub region: Option<String>,
    /// Where the bucket stands in a URL.
    pub bucket_in: Option<BucketIn>,
    /// The certificate authority to trust besides those of the system.
    pub ca: Option<PathBuf>,
    /// The proxy.
    pub proxy: Option<String>,
    /// How long the storage may fail before a command gives up.
    pub give_up_after: Option<String>,
    /// How long a backup waits for a prune, where the storage has no conditional writes.
    pub wait_for_others: Option<String>,
    /// How long everything that snapshots need is locked against deletion, after a backup.
    pub protect: Option<String>,
    /// The most bytes a second that are sent.
    pub limit_upload: Option<String>,
    /// The most bytes a second that are received.
    pub limit_download: Option<String>,
    /// The part of the file of credentials.
    pub profile: Option<String>,
    /// The file of credentials; `~/.aws/credentials` if none is named.
    pub credentials_file: Option<PathBuf>,
    /// Whether these are settings of one place, which go before the environment. Else the environment goes first.
    #[serde(skip)]
    pub is_of_one_place: bool,
}

/// The place in object storage that is meant: each may have settings of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// The repository: `[s3]`.
    Repository,
    /// The other repository of a copy: `[copy.s3]`.
    Copy,
    /// The repository of supplemental backups: `[supplemental.s3]`.
    Supplemental,
}

/// The section `[copy]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Copy {
    /// How object storage is reached, if the other repository is there.
    pub s3: Option<S3Settings>,
}

/// Where the bucket stands in a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BucketIn {
    /// Behind the host.
    Path,
    /// In its name.
    Host,
}

impl BucketIn {
    /// It in one word.
    pub fn name(self) -> &'static str {
        match self {
            BucketIn::Path => "path",
            BucketIn::Host => "host",
        }
    }
}

impl S3Settings {
    /// Whether the settings make sense.
    ///
    /// # Errors
    /// In words.
    pub fn check(&self) -> std::result::Result<(), String> {
        self.endpoint.as_deref().map_or(Ok(()), check_url).map_err(|why| format!("`endpoint` {why}"))?;
        self.proxy.as_deref().map_or(Ok(()), check_url).map_err(|why| format!("`proxy` {why}"))?;
        self.limit_upload.as_deref().map_or(Ok(0), parse_rate).map_err(|why| format!("`limit-upload`: {why}"))?;
        self.limit_download.as_deref().map_or(Ok(0), parse_rate).map_err(|why| format!("`limit-download`: {why}"))?;
        self.patience().map(drop).map_err(|why| format!("`give-up-after`: {why}"))?;
        self.wait_for_others().map(drop).map_err(|why| format!("`wait-for-others`: {why}"))?;
        self.protect.as_deref().map(parse_duration).transpose().map(drop).map_err(|why| format!("`protect`: {why}"))
    }

    /// How long a writer waits for a run that must be alone, where the storage has no conditional writes. Most end sooner,
    /// and the next hour brings the next backup.
    ///
    /// # Errors
    /// In words.
    pub fn wait_for_others(&self) -> std::result::Result<Duration, String> {
        self.wait_for_others.as_deref().map_or(Ok(WAIT_FOR_OTHERS), parse_duration)
    }

    /// How long objects are locked against deletion after a backup; `None` if they are not.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`].
    pub fn protect(&self) -> Result<Option<Duration>> {
        let time = self.protect.as_deref().map(parse_duration).transpose();
        time.map_err(|why| Error::new(ErrorKind::Usage, format!("`protect`: {why}")))
    }

    /// The limits of the rates. The command line goes before the file. All stores of this process share them.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if a rate makes no sense.
    pub fn limits(&self, global: &Global) -> Result<Limits> {
        let pace = |flag: Option<u64>, setting: &Option<String>| {
            let rate = flag.map_or_else(|| setting.as_deref().map(parse_rate).transpose(), |rate| Ok(Some(rate)));
            rate.map(|rate| rate.map(Pace::new)).map_err(|why| {
                Error::new(ErrorKind::Usage, why)
                    .with_hint("As `limit-upload = \"2M\"` in `[s3]` of enamel.toml: bytes for each second.")
            })
        };
        Ok(Limits {
            upload: pace(global.limit_upload, &self.limit_upload)?,
            download: pace(global.limit_download, &self.limit_download)?,
        })
    }

    fn patience(&self) -> std::result::Result<Patience, String> {
        let outage = self.give_up_after.as_deref().map(parse_duration).transpose()?;
        let usual = Patience::default();
        Ok(Patience { outage: outage.unwrap_or(usual.outage), ..usual })
    }

    /// Options for a store at `address`. The environment goes before the file.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if a variable makes no sense, or credentials are half there; a file that cannot be read.
    pub fn options(&self, address: &S3Address, limits: &Limits) -> Result<S3Options> {
        let profile = self.profile()?;
        let reach = self.reach_with(profile.as_ref())?;
        // This variable is for servers with `https`.
        let is_plain = reach.endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("http://"));
        let proxy = if is_plain { None } else { first(&["HTTPS_PROXY", "https_proxy"])? };
        Ok(S3Options {
            endpoint: reach.endpoint,
            region: reach.region,
            style: match reach.bucket_in {
                None => UrlStyle::Automatic,
                Some(BucketIn::Path) => UrlStyle::Path,
                Some(BucketIn::Host) => UrlStyle::Host,
            },
            authority: reach.ca.as_deref().map(read_authority).transpose()?,
            proxy: self.chosen(proxy, self.proxy.clone()),
            proxy_exceptions: first(&["NO_PROXY", "no_proxy"])?.unwrap_or_default(),
            limits: limits.clone(),
            patience: self.patience().map_err(|why| Error::new(ErrorKind::Usage, why))?,
            ..S3Options::new(address.clone(), self.credentials(profile)?)
        })
    }

    /// How the place is reached, as another computer may be told. The environment goes before the file, as for [`S3Settings::options`].
    ///
    /// # Errors
    /// As of [`S3Settings::options`].
    pub fn reach(&self) -> Result<Reach> {
        self.reach_with(self.profile()?.as_ref())
    }

    fn reach_with(&self, profile: Option<&Profile>) -> Result<Reach> {
        let endpoint = self.chosen(first(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"])?, self.endpoint.clone());
        if let Some(endpoint) = &endpoint {
            check_url(endpoint).map_err(|why| {
                Error::new(ErrorKind::Usage, format!("the endpoint {why}")).with_hint(
                    "As `endpoint = \"https://s3.example.org\"` in `[s3]` of enamel.toml, or AWS_ENDPOINT_URL.",
                )
            })?;
        }
        let region = self.chosen(first(&["AWS_REGION", "AWS_DEFAULT_REGION"])?, self.region.clone());
        Ok(Reach {
            endpoint,
            region: region.or_else(|| profile.and_then(|profile| profile.region.clone())),
            bucket_in: self.bucket_in,
            ca: self.chosen(environment::variable("AWS_CA_BUNDLE").map(PathBuf::from), self.ca.clone()),
        })
    }

    /// The value of the environment or of the file, whichever goes first.
    fn chosen<T>(&self, environment: Option<T>, file: Option<T>) -> Option<T> {
        if self.is_of_one_place { file.or(environment) } else { environment.or(file) }
    }

    /// The account that asks. A part of a file that the settings of one place name goes before the environment, which may be about
    /// another place.
    fn credentials(&self, profile: Option<Profile>) -> Result<Credentials> {
        let is_named = self.profile.is_some() || self.credentials_file.is_some();
        match profile {
            Some(Profile { id: Some(id), secret: Some(secret), token, .. }) if self.is_of_one_place && is_named => {
                Ok(Credentials::Key { id, secret, token })
            }
            profile => credentials(profile),
        }
    }

    /// The part of the file of credentials, if there is one.
    fn profile(&self) -> Result<Option<Profile>> {
        let named = environment::variable("AWS_SHARED_CREDENTIALS_FILE").map(PathBuf::from);
        let named = self.chosen(named, self.credentials_file.clone());
        let profile = self.chosen(first(&["AWS_PROFILE"])?, self.profile.clone());
        let path = match (&named, home_dir()) {
            (Some(path), _) => path.clone(),
            (None, Ok(home)) => home.join(".aws/credentials"),
            (None, Err(_)) => return Ok(None),
        };
        if named.is_none() && profile.is_none() && !path.exists() {
            return Ok(None);
        }
        let what = format!("cannot use the credentials in {}", path.display());
        let text = place::read(&path).map_err(|e| Error::caused(ErrorKind::Usage, what.as_str(), e))?;
        let section = profile.as_deref().unwrap_or("default");
        match Profile::find(&text, section) {
            None if profile.is_none() && named.is_none() => Ok(None),
            None => Err(Error::new(ErrorKind::Usage, format!("{what}: there is no [{section}]"))
                .with_hint("AWS_PROFILE and `profile` in `[s3]` of enamel.toml name a section of this file.")),
            found => Ok(found),
        }
    }
}

/// The first variable of these that is set.
fn first(names: &[&str]) -> Result<Option<String>> {
    let set = names.iter().find_map(|name| environment::variable(name).map(|value| (name, value)));
    let Some((name, value)) = set else { return Ok(None) };
    let text = value.into_string();
    text.map(Some).map_err(|_| Error::new(ErrorKind::Usage, format!("{name} is not UTF-8 text")))
}

fn check_url(url: &str) -> std::result::Result<(), &'static str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    match rest {
        None => Err("must begin with `https://` or `http://`"),
        Some(rest) if rest.contains('@') => Err("must not hold a user or a password"),
        Some("") => Err("names no server"),
        Some(_) => Ok(()),
    }
}

fn read_authority(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|e| Error::io(format!("cannot read the certificates in {}", path.display()), e))
}

/// A key from the environment, then one of a file, then what gives a container or a machine its role.
fn credentials(profile: Option<Profile>) -> Result<Credentials> {
    let secret = first(&["AWS_SECRET_ACCESS_KEY"])?;
    match (first(&["AWS_ACCESS_KEY_ID"])?, secret) {
        (Some(id), Some(secret)) => {
            return Ok(Credentials::Key { id, secret, token: first(&["AWS_SESSION_TOKEN"])? });
        }
        (None, None) => {}
        _ => {
            let message = "one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set without the other";
            return Err(Error::new(ErrorKind::Usage, message)
                .with_hint("Set both, or neither: the file of credentials is read then."));
        }
    }
    if let Some(Profile { id: Some(id), secret: Some(secret), token, .. }) = profile {
        return Ok(Credentials::Key { id, secret, token });
    }
    if let (Some(token_file), Some(role)) = (first(&["AWS_WEB_IDENTITY_TOKEN_FILE"])?, first(&["AWS_ROLE_ARN"])?) {
        return Ok(Credentials::WebIdentity { token_file, role });
    }
    if let Some(path) = first(&["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"])? {
        return Ok(Credentials::Container(path));
    }
    let pod = (first(&["AWS_CONTAINER_CREDENTIALS_FULL_URI"])?, first(&["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"])?);
    Ok(match pod {
        (Some(uri), Some(token_file)) => Credentials::Pod { uri, token_file },
        _ => Credentials::Instance,
    })
}

/// A part of a file of credentials, as the programs of AWS write it.
#[derive(Default, PartialEq, Eq)]
struct Profile {
    id: Option<String>,
    secret: Option<String>,
    token: Option<String>,
    region: Option<String>,
}

impl Profile {
    /// The part `[name]` of `text`.
    fn find(text: &str, name: &str) -> Option<Self> {
        let mut profile = None;
        let mut is_inside = false;
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
            if let Some(section) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                is_inside = section.trim() == name;
                if is_inside {
                    profile.get_or_insert_with(Profile::default);
                }
                continue;
            }
            let (Some(profile), Some((key, value))) = (profile.as_mut().filter(|_| is_inside), line.split_once('='))
            else {
                continue;
            };
            let value = Some(value.trim().to_owned());
            match key.trim() {
                "aws_access_key_id" => profile.id = value,
                "aws_secret_access_key" => profile.secret = value,
                "aws_session_token" => profile.token = value,
                "region" => profile.region = value,
                _ => {}
            }
        }
        profile
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_found_among_others() {
        let text = "[default]\naws_access_key_id = A\n# no\naws_secret_access_key=B=\n\n[ office ]\nregion = eu\nx\n";
        let default = Profile::find(text, "default").unwrap();
        assert_eq!((default.id.as_deref(), default.secret.as_deref(), default.token), (Some("A"), Some("B="), None));
        assert_eq!(Profile::find(text, "office").unwrap().region.as_deref(), Some("eu"));
        assert!(Profile::find(text, "other").is_none());
    }

    #[test]
    fn an_endpoint_is_a_url_without_secrets() {
        assert!(check_url("https://s3.example.org").is_ok() && check_url("http://127.0.0.1:9000/").is_ok());
        for url in ["s3.example.org", "https://", "https://user:secret@host", "ftp://host"] {
            assert!(!check_url(url).unwrap_err().contains("secret"), "{url}");
        }
    }
}
