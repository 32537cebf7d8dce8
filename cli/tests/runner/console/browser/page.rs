//! A page of the browser: what a person does in it, and what can be asked of it.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::chromium::Chromium;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(240);
/// How often a page is asked again when nothing happens in it.
const MOMENT: Duration = Duration::from_millis(200);
/// More than a page has places that Tab goes to.
const TABS_MAX: usize = 150;

/// Another page is there than the one that was marked.
const ARRIVED: &str = "!window.leftBehind && document.readyState === 'complete'";

/// Keys, and the codes and texts that they send.
const KEYS: [(&str, u32, &str); 6] = [
    ("Tab", 9, ""),
    ("Enter", 13, "\r"),
    (" ", 32, " "),
    ("ArrowDown", 40, ""),
    ("ArrowUp", 38, ""),
    ("Escape", 27, ""),
];

/// A size of a window, and a theme.
pub type Look = (&'static str, u32, u32, &'static str);

/// A window with cookies of its own.
pub struct Page<'c> {
    chromium: &'c mut Chromium,
    context: String,
    session: String,
    /// The address that all requests must begin with.
    origin: String,
    /// Things that should not have happened.
    pub faults: Vec<String>,
}

impl<'c> Page<'c> {
    /// An empty page. `origin` is the only place that it may ask for anything.
    pub fn new(chromium: &'c mut Chromium, origin: &str) -> Self {
        let text = |answer: Value, name: &str| answer[name].as_str().unwrap().to_owned();
        let context = chromium.ask(None, "Target.createBrowserContext", &json!({})).unwrap();
        let context = text(context, "browserContextId");
        let target = json!({ "url": "about:blank", "browserContextId": context });
        let target = text(chromium.ask(None, "Target.createTarget", &target).unwrap(), "targetId");
        let attach = json!({ "targetId": target, "flatten": true });
        let session = text(chromium.ask(None, "Target.attachToTarget", &attach).unwrap(), "sessionId");
        let mut page = Page { chromium, context, session, origin: origin.to_owned(), faults: Vec::new() };
        for domain in ["Page", "Runtime", "Network", "Log"] {
            page.ask(&format!("{domain}.enable"), &json!({}));
        }
        page.look(("", 1366, 768, "light"));
        page
    }

    /// Lets the page have another size and theme.
    pub fn look(&mut self, (_, width, height, theme): Look) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.ask("Emulation.setDeviceMetricsOverride", &size);
        let features = json!([{ "name": "prefers-color-scheme", "value": theme },
            { "name": "prefers-reduced-motion", "value": "reduce" }]);
        self.ask("Emulation.setEmulatedMedia", &json!({ "media": "", "features": features }));
    }

    /// Switches its scripts off.
    pub fn switch_script_off(&mut self) {
        self.ask("Emulation.setScriptExecutionDisabled", &json!({ "value": true }));
    }

    /// Opens an address of the console.
    pub fn open(&mut self, path: &str) {
        let url = format!("{}{path}", self.origin);
        self.evaluate("window.leftBehind = true");
        let answer = self.ask("Page.navigate", &json!({ "url": url }));
        assert!(answer["errorText"].is_null(), "{url}: {answer}");
        self.until("another page", ARRIVED);
    }

    /// Waits until the heading of the page has these words.
    #[track_caller]
    pub fn arrives_at(&mut self, heading: &str) {
        let heading = json!(heading);
        let is_there = format!(
            "document.readyState === 'complete' && (document.querySelector('h1')?.innerText ?? '').includes({heading})"
        );
        self.until(&format!("the page {heading}"), &is_there);
    }

    /// Waits until a condition is met.
    #[track_caller]
    pub fn until(&mut self, what: &str, condition: &str) {
        let begun = Instant::now();
        loop {
            let happened = self.chromium.happened;
            if self.try_evaluate(condition) == Ok(Value::Bool(true)) {
                return;
            }
            if begun.elapsed() > PATIENCE {
                let shown = self.try_evaluate("location.href + '\\n' + document.body.innerText");
                panic!("{what} did not come: {shown:?}");
            }
            if self.chromium.happened == happened {
                self.chromium.wait(MOMENT);
            }
        }
    }

    /// The value of an expression in the page.
    #[track_caller]
    pub fn evaluate(&mut self, expression: &str) -> Value {
        self.try_evaluate(expression).unwrap_or_else(|why| panic!("{why}"))
    }

    /// The text of an expression.
    #[track_caller]
    pub fn text(&mut self, expression: &str) -> String {
        self.evaluate(expression).as_str().unwrap_or_default().to_owned()
    }

    /// Everything that can be read in the page.
    #[track_caller]
    pub fn words(&mut self) -> String {
        self.text("document.body.innerText")
    }

    /// Presses a key.
    pub fn press(&mut self, key: &str) {
        let (_, code, text) = KEYS.iter().find(|(name, _, _)| *name == key).unwrap();
        let name = if key == " " { "Space" } else { key };
        self.key(json!({ "key": key, "code": name, "windowsVirtualKeyCode": code, "text": text }));
    }

    /// Presses a key that leads to another page, and waits for that: what is asked next is not answered by the page that is left.
    #[track_caller]
    pub fn leaves_with(&mut self, key: &str) {
        self.evaluate("window.leftBehind = true");
        self.press(key);
        self.until("another page", ARRIVED);
    }

    /// Types a text. It takes the place of what is in the field, if Tab has led there.
    pub fn types(&mut self, text: &str) {
        for letter in text.chars() {
            // The codes of other letters are those of other keys: a dot would be Delete.
            let code = if letter.is_ascii_alphanumeric() { u32::from(letter.to_ascii_uppercase()) } else { 0 };
            self.key(json!({ "key": letter, "windowsVirtualKeyCode": code, "text": letter }));
        }
    }

    fn key(&mut self, mut key: Value) {
        let is_text = key["text"] != "";
        key["type"] = if is_text { "keyDown" } else { "rawKeyDown" }.into();
        self.ask("Input.dispatchKeyEvent", &key);
        key["type"] = "keyUp".into();
        key["text"] = "".into();
        self.ask("Input.dispatchKeyEvent", &key);
    }

    /// Presses Tab until the focus is on something that is called so. Each place on the way shows that it has the focus.
    #[track_caller]
    pub fn tab_to(&mut self, name: &str) {
        let mut seen = Vec::new();
        for _ in 0..TABS_MAX {
            self.press("Tab");
            let focus = self.evaluate(FOCUS);
            let called = focus["name"].as_str().unwrap_or_default().to_owned();
            assert!(called.is_empty() || focus["is_shown"] == true, "nobody sees that `{called}` has the focus");
            if called.contains(name) {
                return;
            }
            seen.push(called);
        }
        panic!("Tab never comes to `{name}`, but to {seen:#?}");
    }

    /// Follows the first link, or presses the first button, with these words.
    #[track_caller]
    pub fn follow(&mut self, words: &str) {
        let words = json!(words);
        let clicked = self.evaluate(&format!(
            "(() => {{ const all = [...document.querySelectorAll('main a, main button')]; \
             const found = all.find(one => (one.innerText + ' ' + (one.getAttribute('aria-label') ?? '')).includes({words})); \
             if (found) {{ window.leftBehind = true; found.click(); }} return !!found; }})()"
        ));
        assert_eq!(clicked, true, "there is no {words} in:\n{}", self.words());
        self.until("another page", ARRIVED);
    }

    /// Writes the page as a picture, all of it.
    pub fn shoot(&mut self, file: &Path) {
        let metrics = self.ask("Page.getLayoutMetrics", &json!({}));
        let mut clip = metrics["cssContentSize"].clone();
        clip["scale"] = 1.into();
        let shot = self.ask("Page.captureScreenshot", &json!({ "captureBeyondViewport": true, "clip": clip }));
        fs::write(file, decoded(shot["data"].as_str().unwrap())).unwrap();
    }

    /// Prints the page into a file.
    pub fn print(&mut self, file: &Path) {
        let printed = self.ask("Page.printToPDF", &json!({ "preferCSSPageSize": true }));
        fs::write(file, decoded(printed["data"].as_str().unwrap())).unwrap();
    }

    /// Notes what should not have happened since the last look: requests to elsewhere, messages of the browser.
    pub fn look_back(&mut self) {
        for event in self.chromium.take_events(&self.session) {
            let of = &event["params"];
            let fault = match event["method"].as_str().unwrap_or_default() {
                "Network.requestWillBeSent" => {
                    let url = of["request"]["url"].as_str().unwrap_or_default();
                    // The browser draws its own fields with the latter.
                    let is_own = url.starts_with(&format!("{}/", self.origin)) || url.starts_with("data:");
                    (!is_own).then(|| format!("asked for {url}"))
                }
                "Log.entryAdded" => Some(format!("said {}", of["entry"])),
                "Runtime.consoleAPICalled" => Some(format!("said {}", of["args"])),
                "Runtime.exceptionThrown" => Some(format!("failed: {}", of["exceptionDetails"])),
                _ => None,
            };
            self.faults.extend(fault);
        }
    }

    #[track_caller]
    fn ask(&mut self, method: &str, parameters: &Value) -> Value {
        self.chromium.ask(Some(&self.session), method, parameters).unwrap_or_else(|why| panic!("{why}"))
    }

    fn try_evaluate(&mut self, expression: &str) -> Result<Value, String> {
        let asked = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let answer = self.chromium.ask(Some(&self.session), "Runtime.evaluate", &asked)?;
        match &answer["exceptionDetails"] {
            Value::Null => Ok(answer["result"]["value"].clone()),
            thrown => Err(format!("{thrown}")),
        }
    }
}

impl Drop for Page<'_> {
    fn drop(&mut self) {
        // The browser ends with all pages.
        let _ = self.chromium.ask(None, "Target.disposeBrowserContext", &json!({ "browserContextId": self.context }));
    }
}

/// The name of what has the focus, and whether anybody sees it.
const FOCUS: &str = "(() => {
    const one = document.activeElement;
    if (!one || one === document.body) return { name: '', is_shown: true };
    const text = one.matches('a, button, summary') ? one.innerText : '';
    const names = [one.getAttribute('aria-label'), one.labels?.[0]?.innerText, text, one.placeholder, one.value];
    const style = getComputedStyle(one);
    return { name: names.filter(Boolean).join(' | '), is_shown: style.outlineStyle !== 'none' && style.outlineWidth !== '0px' };
})()";

/// The bytes of a text in base 64.
fn decoded(text: &str) -> Vec<u8> {
    let value = |letter: u8| match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let letters: Vec<u8> = text.bytes().filter(|letter| *letter != b'=').collect();
    let groups = letters.chunks(4).flat_map(|group| {
        let bits = group.iter().fold(0_u32, |bits, letter| bits << 6 | u32::from(value(*letter)));
        let bits = bits << (6 * (4 - group.len()));
        bits.to_be_bytes()[1..group.len()].to_vec()
    });
    groups.collect()
}
