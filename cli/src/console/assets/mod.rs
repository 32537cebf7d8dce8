//! Stylesheet and script, as they are sent.

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header;

use crate::commands::drill::certificate;

const STYLE: &str = include_str!("console.css");
const ICON: &str = include_str!("icon.svg");
const SCRIPT: &str = include_str!("console.js");

/// The routes.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/assets/console.css", get(|| async { asset("text/css; charset=utf-8", STYLE) }))
        .route("/assets/icon.svg", get(|| async { asset("image/svg+xml", ICON) }))
        .route("/assets/certificate.css", get(|| async { asset("text/css; charset=utf-8", certificate::STYLE) }))
        .route("/assets/console.js", get(|| async { asset("text/javascript; charset=utf-8", SCRIPT) }))
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    // The next version of the program has others under the same names.
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_small_and_nothing_comes_from_elsewhere() {
        assert!(SCRIPT.len() < 10 * 1024, "{} bytes", SCRIPT.len());
        for text in [STYLE, SCRIPT] {
            assert!(!text.contains("http:") && !text.contains("https:") && !text.contains("@import"), "{text}");
        }
        assert!(!SCRIPT.contains("eval(") && !SCRIPT.contains("innerHTML"));
    }
}
