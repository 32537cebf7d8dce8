//! The door lets in and refuses, by requests as no browser would send them.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use super::client::{Browser, Console, Reply, form};
use crate::harness::Machine;

/// Every page and form, and a value for each part of an address.
const PAGES: [&str; 8] = ["/", "/work", "/progress", "/find", "/elsewhere", "/trouble", "/moments", "/proof/actions"];
const FORMS: [&str; 10] = [
    "/backup",
    "/stop",
    "/find",
    "/restore/check",
    "/restore",
    "/lock",
    "/trouble/answer",
    "/moments/plan",
    "/settings/change",
    "/live",
];

fn console() -> Console {
    let machine = Machine::with_repository();
    machine.write("source/a.txt", "a");
    Console::open(machine, "")
}

/// The answer to a request with this head.
fn raw(console: &Console, head: &str) -> Reply {
    console.send(format!("{head}\r\nConnection: close\r\n\r\n").as_bytes())
}

#[test]
fn only_a_request_for_this_computer_is_answered() {
    let console = console();
    let port = console.port;
    for own in [format!("127.0.0.1:{port}"), format!("localhost:{port}"), format!("[::1]:{port}")] {
        raw(&console, &format!("GET /login HTTP/1.1\r\nHost: {own}")).expect(200);
    }
    let foreign = [
        "Host: evil.example".to_owned(),
        format!("Host: localhost.evil.example:{port}"),
        "Host: 127.0.0.1:80".to_owned(),
        format!("Host: 127.0.0.1:{port}\r\nHost: 127.0.0.1:{port}"),
        "X-Host: none".to_owned(),
    ];
    for head in foreign {
        raw(&console, &format!("GET /login HTTP/1.1\r\n{head}")).expect(421);
    }
    // As a proxy would be asked.
    let whole = format!("GET http://127.0.0.1:{port}/login HTTP/1.1\r\nHost: 127.0.0.1:{port}");
    raw(&console, &whole).expect(421);
}

#[test]
fn a_form_from_anywhere_else_is_refused() {
    let console = console();
    let browser = console.enter();
    browser.wait_for_first_backup();
    let (own, token) = (console.origin(), browser.token());
    let with =
        |origin: &str, token: &str| browser.post_as_is("/backup", &[("Origin", origin)], &[("token", token)]).status;
    for origin in ["http://evil.example", "null", "http://127.0.0.1:1", &own.replace("127.0.0.1", "localhost"), ""] {
        assert_eq!(with(origin, &token), 403, "{origin}");
    }
    assert_eq!(browser.post_as_is("/backup", &[], &[("token", &token)]).status, 403, "no origin");
    assert_eq!(with(&own, "0000"), 403);
    assert_eq!(browser.post_as_is("/backup", &[("Origin", &own)], &[]).status, 403, "no token");
    assert_eq!(with(&own, &console.enter().token()), 403, "the token of another session");
    let twice = [("token", token.as_str()), ("token", token.as_str())];
    assert_eq!(browser.post_as_is("/backup", &[("Origin", &own)], &twice).status, 403);
    let other_site = [("Origin", own.as_str()), ("Sec-Fetch-Site", "cross-site")];
    assert_eq!(browser.post_as_is("/backup", &other_site, &[("token", &token)]).status, 403);
    assert_eq!(snapshots(&console), 1, "only the agent's own");
    assert_eq!(with(&own, &token), 303);
    browser.wait_for_rest();
    assert_eq!(snapshots(&console), 2);
}

fn snapshots(console: &Console) -> usize {
    console.run(&["snapshots", "--json"]).expect(0).out.lines().filter(|line| line.contains("\"snapshot\"")).count()
}

#[test]
fn a_link_lets_in_once_and_a_lock_lets_out() {
    let console = console();
    let link = console.first_link().to_owned();
    let entered = console.ask("GET", &link, &[], "").expect(200);
    let set = entered.header("set-cookie").unwrap();
    assert!(set.starts_with(&format!("enamel-{}=", console.port)), "{set}");
    assert!(set.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{set}");
    console.ask("GET", &link, &[], "").expect(400);
    let browser: Browser<'_> = console.enter();
    browser.get("/").expect(200);
    browser.post("/lock", &[]).expect(303);
    let out = browser.get("/");
    assert_eq!((out.status, out.header("location")), (303, Some("/login")));
}

#[test]
fn nobody_sees_or_does_anything_before_they_have_come_in() {
    let console = console();
    for page in PAGES {
        let reply = console.ask("GET", page, &[("Cookie", "enamel-1=a; enamel=b")], "");
        assert_eq!((reply.status, reply.header("location")), (303, Some("/login")), "{page}");
    }
    for form in FORMS {
        let reply = console.ask("POST", form, &[("Origin", &console.origin())], "token=0");
        assert_eq!(reply.status, 403, "{form}");
    }
    assert_eq!(console.ask("GET", "/nothing", &[], "").status, 303, "nobody is told what is not there");
    assert_eq!(console.enter().get("/nothing").status, 404);
    let login = console.ask("GET", "/login", &[], "").expect(200).body;
    assert!(!login.contains("source"), "the door names nothing that is saved: {login}");
}

#[test]
fn every_answer_lets_a_browser_run_and_keep_nothing() {
    let console = console();
    let browser = console.enter();
    let strange = raw(&console, "GET / HTTP/1.1\r\nHost: evil.example");
    for reply in [browser.get("/"), browser.get("/nothing"), browser.get("/login"), strange] {
        let policy = reply.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        // With `no-referrer` a browser sends `Origin: null` with each form.
        assert_eq!(reply.header("referrer-policy"), Some("same-origin"));
        assert!(!reply.body.contains(" style=") && !reply.body.contains("<script>"), "{}", reply.body);
    }
}

#[test]
fn a_form_that_no_command_could_take_is_refused_and_the_agent_goes_on() {
    let console = console();
    let browser = console.enter();
    browser.wait_for_first_backup();
    for (path, name) in
        [("/remove/look", "schema"), ("/restore", "folder"), ("/remove/run", "reason"), ("/find", "words")]
    {
        browser.post(path, &[("through", "2020-01-01"), (name, "a\0b")]).expect(400);
    }
    browser.post("/find", &[("a\0b", "")]).expect(400);
    browser.post("/backup", &[]).expect(303);
    browser.wait_for_rest();
    assert!(browser.page("/work").contains("name=\"token\""), "the agent goes on");
}

#[test]
fn requests_that_are_too_large_or_malformed_are_refused() {
    let console = console();
    let browser = console.enter();
    let long = "x".repeat(64 * 1024);
    let reply = browser.post("/find", &[("words", &long)]);
    assert_eq!(reply.status, 413);
    let head = format!("GET / HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nX-Long: {long}", console.port);
    let mut stream = console.connect();
    // The other side may close before it has read all.
    let _ = stream.write_all(format!("{head}\r\n\r\n").as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
    for (path, status) in
        [("/things/x", 400), ("/things/99999999", 400), ("/backups/zz", 400), ("/?day=2026-13-01", 400)]
    {
        assert_eq!(browser.get(path).status, status, "{path}");
    }
    assert_eq!(browser.post("/restore", &[("thing", "x")]).status, 422);
    let escaped = browser.post("/find", &[("words", "<script>\"'&")]).expect(200).body;
    assert!(escaped.contains("&#60;script&#62;") && !escaped.contains("<script>\""), "{escaped}");
}

#[test]
fn many_idle_connections_keep_nobody_out_for_long() {
    let console = console();
    let idle: Vec<_> = (0..1000).map(|_| console.connect()).collect();
    let begun = Instant::now();
    drop(idle);
    loop {
        let mut stream = console.connect();
        let request = format!("GET /login HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n", console.port);
        let mut answer = Vec::new();
        if stream.write_all(request.as_bytes()).is_ok()
            && stream.read_to_end(&mut answer).is_ok()
            && answer.starts_with(b"HTTP/1.1 200")
        {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "nobody is answered");
    }
}

#[test]
fn an_agent_ends_though_a_page_is_open() {
    let mut console = console();
    {
        let browser = console.enter();
        browser.wait_for_rest();
    }
    let link = console.run(&["console", "--no-browser"]).expect(0).says("within a minute: it is good once").out;
    let (_, path) = link.trim().split_once(&format!(":{}", console.port)).unwrap();
    let cookie = console.ask("GET", path, &[], "").cookie();
    let mut stream = console.connect();
    let request = format!("GET /progress HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nCookie: {cookie}\r\n\r\n", console.port);
    stream.write_all(request.as_bytes()).unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    let begun = Instant::now();
    assert_eq!(console.end(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[test]
fn wrong_passwords_of_one_keep_nobody_else_out() {
    let console = console();
    let owner = console.enter();
    for name in ["Dana", "Bell"] {
        let password = [("password", "correct horse"), ("again", "correct horse")];
        owner.post("/settings/people", &[&password[..], &[("name", name), ("role", "staff")]].concat()).expect(303);
    }
    let origin = console.origin();
    let tried = |password: &str| {
        let form = form(&[("name", "Dana"), ("password", password)]);
        console.ask("POST", "/login", &[("Origin", &origin)], &form).expect(403).body
    };
    for _ in 0..5 {
        assert!(tried("wrong").contains("Name or password is wrong."));
    }
    assert!(tried("correct horse").contains("Wait a minute"));
    console.log_in("Bell", "correct horse");
}
