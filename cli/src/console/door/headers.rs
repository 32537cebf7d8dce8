//! The heads of requests and answers.

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use super::super::tls::Entrance;

/// Only what this program sends is shown, run or asked for; nobody frames it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// On every answer. `same-origin` and not `no-referrer`: with that Chromium sends `Origin: null` with a form.
const ALWAYS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// A browser that has come in over TLS never comes otherwise.
const STRICT: &str = "max-age=31536000";

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Sets what every answer has, where the page has not set it.
pub fn close(headers: &mut HeaderMap) {
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    // Pages name patients.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// Sets what an answer over TLS has besides: its cookie goes over TLS only.
pub fn seal(headers: &mut HeaderMap) {
    headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(STRICT));
    let cookies: Vec<_> =
        headers.get_all(header::SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok()).collect();
    let sealed: Vec<_> =
        cookies.iter().filter_map(|cookie| HeaderValue::from_str(&format!("{cookie}; Secure")).ok()).collect();
    headers.remove(header::SET_COOKIE);
    for cookie in sealed {
        headers.append(header::SET_COOKIE, cookie);
    }
}

/// Why a request is refused before anybody looks who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stranger {
    /// It is for a proxy, or for another host.
    Misdirected,
    /// Another site sent it.
    CrossSite,
}

/// Checks that a request is for this program, and that no other site sent it.
///
/// # Errors
/// Why it is refused.
pub fn check(parts: &Parts, entrance: &Entrance) -> Result<(), Stranger> {
    // A browser names the host in a header only. The whole address is for proxies, and would go round the check below.
    if parts.uri.authority().is_some() || parts.uri.scheme().is_some() {
        return Err(Stranger::Misdirected);
    }
    let host = only(&parts.headers, &header::HOST).ok_or(Stranger::Misdirected)?;
    if !entrance.names.iter().any(|own| own == host) {
        return Err(Stranger::Misdirected);
    }
    let site = match parts.headers.contains_key(FETCH_SITE) {
        true => only(&parts.headers, &FETCH_SITE).ok_or(Stranger::CrossSite)?,
        // Not a browser, or an old one: forms have their token.
        false => "none",
    };
    let is_form = !matches!(parts.method, Method::GET | Method::HEAD);
    let is_link = parts.uri.path() == "/enter";
    if !matches!(site, "same-origin" | "none") && (is_form || !is_link) {
        return Err(Stranger::CrossSite);
    }
    if is_form && only(&parts.headers, &header::ORIGIN) != Some(&format!("{}://{host}", entrance.scheme)) {
        return Err(Stranger::CrossSite);
    }
    Ok(())
}

/// The cookie of this name.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|line| line.split(';')).find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// The value of a header that is there once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut all = headers.get_all(name).iter();
    let first = all.next()?;
    if all.next().is_some() { None } else { first.to_str().ok() }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn checked(method: &str, uri: &str, headers: &[(&str, &str)]) -> Result<(), Stranger> {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        check(&request.body(()).unwrap().into_parts().0, &Entrance::of_this_computer(7717))
    }

    #[test]
    fn only_the_names_of_this_computer_are_answered() {
        for own in ["127.0.0.1:7717", "localhost:7717", "[::1]:7717"] {
            assert_eq!(checked("GET", "/", &[("host", own)]), Ok(()), "{own}");
        }
        for foreign in
            ["localhost.evil.example:7717", "evil.example", "127.0.0.1:80", "localhost", "", "LOCALHOST:7717 "]
        {
            assert_eq!(checked("GET", "/", &[("host", foreign)]), Err(Stranger::Misdirected), "{foreign}");
        }
        assert_eq!(checked("GET", "/", &[]), Err(Stranger::Misdirected));
        let twice = [("host", "localhost:7717"), ("host", "localhost:7717")];
        assert_eq!(checked("GET", "/", &twice), Err(Stranger::Misdirected));
        let whole = "http://localhost:7717/";
        assert_eq!(checked("GET", whole, &[("host", "localhost:7717")]), Err(Stranger::Misdirected));
    }

    #[test]
    fn a_form_comes_from_this_page_only() {
        let host = ("host", "localhost:7717");
        let own = ("origin", "http://localhost:7717");
        assert_eq!(checked("POST", "/backup", &[host, own]), Ok(()));
        assert_eq!(checked("POST", "/backup", &[host, own, ("sec-fetch-site", "same-origin")]), Ok(()));
        let origins =
            ["null", "http://evil.example", "http://localhost:80", "http://127.0.0.1:7717", "https://localhost:7717"];
        for origin in origins {
            assert_eq!(checked("POST", "/backup", &[host, ("origin", origin)]), Err(Stranger::CrossSite), "{origin}");
        }
        assert_eq!(checked("POST", "/backup", &[host]), Err(Stranger::CrossSite));
        assert_eq!(checked("POST", "/backup", &[host, own, own]), Err(Stranger::CrossSite));
        for site in ["cross-site", "same-site"] {
            let site = ("sec-fetch-site", site);
            assert_eq!(checked("POST", "/backup", &[host, own, site]), Err(Stranger::CrossSite));
            assert_eq!(checked("GET", "/", &[host, site]), Err(Stranger::CrossSite));
            assert_eq!(checked("GET", "/enter", &[host, site]), Ok(()), "a link in a mail");
        }
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static("xenamel-1=a; enamel-12=b; enamel-1=c"));
        assert_eq!(cookie(&headers, "enamel-1"), Some("c"));
        assert_eq!(cookie(&headers, "enamel"), None);
    }
}
