//! Signs of life for the service manager that has started this process: `sd_notify` of systemd.

use std::os::unix::net::UnixDatagram;

use crate::environment;

/// The socket that a service manager listens on; none if nobody does.
pub struct Service(Option<UnixDatagram>);

impl Service {
    /// Connects to the socket that the environment names.
    pub fn of_environment() -> Self {
        // Without it systemd says that the service does not start: no message of ours could say more.
        Service(environment::variable("NOTIFY_SOCKET").and_then(|name| connect(&name).ok()))
    }

    /// The service is up.
    pub fn ready(&self) {
        self.tell("READY=1");
    }

    /// It is alive, and does this.
    pub fn alive(&self, doing: &str) {
        self.tell(&format!("WATCHDOG=1\nSTATUS={}", doing.replace('\n', " ")));
    }

    /// It is about to end.
    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    fn tell(&self, state: &str) {
        // A manager that does not listen any more has its own ways to find out.
        let _ = self.0.as_ref().map(|socket| socket.send(state.as_bytes()));
    }
}

fn connect(name: &std::ffi::OsStr) -> std::io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    #[cfg(target_os = "linux")]
    if let Some(name) = std::os::unix::ffi::OsStrExt::as_bytes(name).strip_prefix(b"@") {
        use std::os::linux::net::SocketAddrExt;
        socket.connect_addr(&std::os::unix::net::SocketAddr::from_abstract_name(name)?)?;
        return Ok(socket);
    }
    socket.connect(name)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manager_hears_in_one_line_what_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let service = Service(connect(path.as_os_str()).ok());
        service.ready();
        service.alive("backup\nREADY=0");
        let mut heard = [0; 100];
        let mut next = || {
            let length = manager.recv(&mut heard).unwrap();
            String::from_utf8_lossy(&heard[..length]).into_owned()
        };
        assert_eq!(next(), "READY=1");
        assert_eq!(next(), "WATCHDOG=1\nSTATUS=backup READY=0");
    }

    #[test]
    fn nobody_needs_to_listen() {
        Service(None).ready();
        let folder = tempfile::tempdir().unwrap();
        assert!(connect(folder.path().join("nobody").as_os_str()).is_err());
    }
}
