//! launchd of macOS: a daemon of the computer, or an agent of a user.

use std::fmt::Write;
use std::path::Path;

use engine::Result;

use super::{Installation, MARK, Service, ServiceFile, words};

const LABEL: &str = "com.enamel.agent";
const FOLDER: &str = "/Library/LaunchDaemons";
const FOLDER_OF_USER: &str = "Library/LaunchAgents";

/// The daemon, or the agent of the user with this home folder.
///
/// # Errors
/// A path is not text.
pub fn installation(service: &Service, home: Option<&Path>) -> Result<Installation> {
    let folder = home.map_or_else(|| FOLDER.into(), |home| home.join(FOLDER_OF_USER));
    let path = folder.join(format!("{LABEL}.plist"));
    let domain =
        if home.is_some() { format!("gui/{}", rustix::process::getuid().as_raw()) } else { "system".to_owned() };
    let mut bootstrap = words(&format!("launchctl bootstrap {domain}"));
    bootstrap.push(path.clone().into());
    Ok(Installation {
        files: vec![ServiceFile { path, text: text(&service.words(&["agent"])?) }],
        start: vec![bootstrap],
        linger: None,
        stop: vec![words(&format!("launchctl bootout {domain}/{LABEL}"))],
        forget: Vec::new(),
        is_running: Some(words(&format!("launchctl print {domain}/{LABEL}"))),
        notes: vec!["macOS may ask for Full Disk Access for `enamel`: System Settings, Privacy & Security"],
    })
}

fn text(command: &[String]) -> String {
    let mut arguments = String::new();
    for word in command {
        // Writing to a string cannot fail.
        let _ = writeln!(arguments, "    <string>{}</string>", escaped(word));
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!-- {MARK}. -->\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <plist version=\"1.0\">\n\
         <dict>\n\
         \x20 <key>Label</key>\n\
         \x20 <string>{LABEL}</string>\n\
         \x20 <key>ProgramArguments</key>\n\
         \x20 <array>\n\
         {arguments}\
         \x20 </array>\n\
         \x20 <key>KeepAlive</key>\n\
         \x20 <true/>\n\
         \x20 <key>ExitTimeOut</key>\n\
         \x20 <integer>120</integer>\n\
         \x20 <key>Umask</key>\n\
         \x20 <integer>63</integer>\n\
         </dict>\n\
         </plist>\n"
    )
}

fn escaped(word: &str) -> String {
    word.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
