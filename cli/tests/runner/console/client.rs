//! A browser of a test: requests are written as bytes, so that each part of them can be wrong.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::harness::{Answer, Machine};

/// The settings that every machine has.
pub const SETTINGS: &str = "repository = \"repo\"\nkey-file = \"key\"\nsources = [\"source\"]\nstate-dir = \"state\"\n";
/// The table of the console, which comes last.
pub const LISTEN: &str = "[console]\nlisten = \"127.0.0.1:0\"\n";
/// Longer than any page takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// A machine whose agent serves the console. It ends with the test.
pub struct Console {
    /// The machine.
    pub machine: Machine,
    /// The port of the console.
    pub port: u16,
    agent: Child,
    link: String,
}

/// A browser that has come in.
pub struct Browser<'c> {
    console: &'c Console,
    cookie: String,
}

/// An answer.
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Its head, with the line of the status.
    pub head: String,
    /// Its body.
    pub body: String,
}

impl Console {
    /// Opens the console of a machine whose settings file says everything. `more` follows on keys of no table, and `[console]`
    /// on that. Its agent makes a backup first if one is due.
    pub fn open(machine: Machine, more: &str) -> Self {
        Self::serve(machine, &format!("{SETTINGS}{more}\n{LISTEN}"))
    }

    /// Opens the console of a machine with these settings.
    pub fn serve(machine: Machine, settings: &str) -> Self {
        machine.write("enamel.toml", settings);
        let (agent, link) = begin(&machine);
        Console { machine, port: port_of(&link), agent, link }
    }

    /// The same, by a copy of the program.
    pub fn serve_by(program: &std::path::Path, machine: Machine, settings: &str) -> Self {
        machine.write("enamel.toml", settings);
        let mut command = Command::new(program);
        let bare = machine.bare();
        let variables = bare.get_envs().filter_map(|(name, value)| Some((name, value?)));
        command.env_clear().envs(variables).current_dir(machine.path("")).stdin(Stdio::null());
        command.args(["--config", "enamel.toml", "console", "--no-browser"]);
        let (agent, link) = started(command);
        Console { machine, port: port_of(&link), agent, link }
    }

    /// Opens the console of a practice that is made up, in a folder for what is temporary.
    pub fn demo(machine: Machine) -> Self {
        machine.write("temporary/other", "");
        let mut command = machine.bare();
        command.args(["console", "--demo", "--no-browser"]).env("TMPDIR", machine.path("temporary"));
        let (agent, link) = started(command);
        Console { machine, port: port_of(&link), agent, link }
    }

    /// Starts an agent after another has ended.
    pub fn open_again(&mut self) {
        (self.agent, self.link) = begin(&self.machine);
        self.port = port_of(&self.link);
    }

    /// Kills the agent, as a power failure would, and starts another.
    pub fn kill_and_open_again(&mut self) {
        kill_process(Pid::from_child(&self.agent), Signal::KILL).unwrap();
        self.agent.wait().unwrap();
        self.open_again();
    }

    /// Runs the program with the settings of the machine.
    pub fn run(&self, args: &[&str]) -> Answer {
        let mut command = self.machine.bare();
        Answer::of(command.args(["--config", "enamel.toml"]).args(args).output().unwrap())
    }

    /// The link that the program printed first. It is good once.
    pub fn first_link(&self) -> &str {
        self.link.rsplit_once(&format!(":{}", self.port)).unwrap().1
    }

    /// A new link, without the host.
    pub fn link(&self) -> String {
        let out = self.run(&["console", "--no-browser"]).expect(0).out;
        out.trim().rsplit_once(&format!(":{}", self.port)).unwrap().1.to_owned()
    }

    /// Comes in by a new link, as the owner.
    pub fn enter(&self) -> Browser<'_> {
        self.enter_by(&self.link())
    }

    /// Comes in by this link, as the owner.
    pub fn enter_by(&self, link: &str) -> Browser<'_> {
        let entered = self.ask("GET", link, &[], "");
        assert_eq!(entered.status, 200, "{}", entered.body);
        Browser { console: self, cookie: entered.cookie() }
    }

    /// Comes in by name and password.
    pub fn log_in(&self, name: &str, password: &str) -> Browser<'_> {
        let form = form(&[("name", name), ("password", password)]);
        let entered = self.ask("POST", "/login", &[("Origin", &self.origin())], &form);
        assert_eq!(entered.status, 303, "{}", entered.body);
        Browser { console: self, cookie: entered.cookie() }
    }

    /// The address of its pages.
    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Sends a request with the right host and more headers.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        self.send(self.request(method, path, headers, body).as_bytes())
    }

    /// Sends bytes, and reads until the other side closes.
    pub fn send(&self, request: &[u8]) -> Reply {
        let mut stream = self.connect();
        stream.write_all(request).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        Reply::of(&String::from_utf8(bytes).unwrap())
    }

    /// A connection to the console.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Asks the agent to end, and waits: its exit status.
    pub fn end(&mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.agent), Signal::TERM).unwrap();
        self.agent.wait().unwrap().code()
    }

    fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n", self.port);
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        if method == "POST" {
            let length = body.len();
            request
                .push_str(&format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n"));
        }
        format!("{request}\r\n{body}")
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        // It ends its job first: nothing may still write into the folder when that goes.
        let _ = kill_process(Pid::from_child(&self.agent), Signal::TERM);
        let _ = self.agent.wait();
    }
}

impl Browser<'_> {
    /// Asks for a page.
    pub fn get(&self, path: &str) -> Reply {
        self.console.ask("GET", path, &[("Cookie", &self.cookie)], "")
    }

    /// Asks for the head of a page.
    pub fn head(&self, path: &str) -> Reply {
        self.console.ask("HEAD", path, &[("Cookie", &self.cookie)], "")
    }

    /// Asks for a page that is there, and returns its text.
    #[track_caller]
    pub fn page(&self, path: &str) -> String {
        self.get(path).expect(200).body
    }

    /// Sends a form of a page of this session.
    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.post_signed(path, &self.token(), fields)
    }

    /// Sends a form of the first start.
    pub fn set_up(&self, step: &str, fields: &[(&str, &str)]) -> Reply {
        self.post_signed(&format!("/setup/{step}"), &self.token_of("/"), fields)
    }

    fn post_signed(&self, path: &str, token: &str, fields: &[(&str, &str)]) -> Reply {
        let fields: Vec<_> = std::iter::once(("token", token)).chain(fields.iter().copied()).collect();
        self.post_as_is(path, &[("Origin", &self.console.origin())], &fields)
    }

    /// Sends a form with these headers and fields only.
    pub fn post_as_is(&self, path: &str, headers: &[(&str, &str)], fields: &[(&str, &str)]) -> Reply {
        let headers: Vec<_> =
            std::iter::once(("Cookie", self.cookie.as_str())).chain(headers.iter().copied()).collect();
        self.console.ask("POST", path, &headers, &form(fields))
    }

    /// The cookie that it sends with each request.
    pub fn cookie(&self) -> &str {
        &self.cookie
    }

    /// The value that only pages of this session know.
    pub fn token(&self) -> String {
        self.token_of("/work")
    }

    /// The same, as this page has it.
    pub fn token_of(&self, path: &str) -> String {
        let page = self.page(path);
        let (_, rest) = page.split_once("name=\"token\" value=\"").unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    }

    /// Waits until the agent has made the backup that was due when it began.
    pub fn wait_for_first_backup(&self) {
        self.wait_for_work(|state| state["ended"].is_u64());
        self.wait_for_rest();
    }

    /// Waits until the agent has nothing to do. It looks at what is due a little after it has begun.
    pub fn wait_for_rest(&self) {
        self.wait_for_work(|state| state["headline"] == "Nothing is under way");
    }

    /// Asks for a page again and again until it says this, and returns its text.
    #[track_caller]
    pub fn wait_for_page(&self, path: &str, words: &str) -> String {
        let begun = Instant::now();
        loop {
            let page = self.page(path);
            if page.contains(words) {
                return page;
            }
            assert!(begun.elapsed() < PATIENCE, "`{words}` is not in:\n{page}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until the state of the work under way is as `is_so` says.
    pub fn wait_for_work(&self, is_so: impl Fn(&Value) -> bool) {
        let mut stream = self.console.connect();
        let headers = [("Cookie", self.cookie.as_str())];
        stream.write_all(self.console.request("GET", "/progress", &headers, "").as_bytes()).unwrap();
        let states = BufReader::new(stream).lines().map_while(Result::ok);
        let mut states = states.filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok());
        assert!(states.any(|state| is_so(&state)), "the agent has ended");
    }
}

impl Reply {
    fn of(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Reply { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// Checks the status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "\n{}\n{}", self.head, self.body);
        self
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut pairs = self.head.lines().filter_map(|line| line.split_once(": "));
        pairs.find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The cookie that it sets.
    pub fn cookie(&self) -> String {
        self.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
    }
}

/// Fields as a browser sends them.
pub fn form(fields: &[(&str, &str)]) -> String {
    let escaped = |text: &str| -> String {
        let bytes = text.bytes().map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        });
        bytes.collect()
    };
    let pairs: Vec<_> = fields.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
    pairs.join("&")
}

/// Starts an agent with its console, and reads the link.
fn begin(machine: &Machine) -> (Child, String) {
    let mut command = machine.bare();
    command.args(["--config", "enamel.toml", "console", "--no-browser"]);
    started(command)
}

/// An agent, and the link that it prints.
fn started(mut command: Command) -> (Child, String) {
    let mut agent = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut link = String::new();
    BufReader::new(agent.stdout.take().unwrap()).read_line(&mut link).unwrap();
    (agent, link.trim().to_owned())
}

fn port_of(link: &str) -> u16 {
    let host = link.strip_prefix("http://127.0.0.1:").unwrap_or_else(|| panic!("no link: {link}"));
    host.split('/').next().unwrap().parse().unwrap()
}
