//! Every form of SNAP and SNAP:PATH, and what must be refused. Times are checked as text in a fixed zone.

use super::*;
use crate::ui::format;

fn show(text: &str) -> String {
    let zone = TimeZone::fixed(jiff::tz::offset(1));
    match Snap::parse_in(text.as_bytes(), &zone) {
        Err(_) => "refused".into(),
        Ok(snap) => {
            let name = match snap.name {
                Name::IdPrefix(prefix) => format!("id {prefix}"),
                Name::Latest { tag, until, steps } => {
                    let until = until.map(|time| format!(" until {}", format::rfc3339(time)));
                    let steps = if steps == 0 { String::new() } else { format!(" {steps} before") };
                    format!("latest {}{}{steps}", tag.unwrap_or("-".into()), until.unwrap_or_default())
                }
            };
            let path = snap.path.map(|path| format!(" path {}", String::from_utf8_lossy(&path)));
            name + &path.unwrap_or_default()
        }
    }
}

fn check(text: &str, expected: &str) {
    assert_eq!(show(text), expected, "{text}");
}

#[test]
fn ids_are_hex_digits_and_the_path_follows_the_first_colon() {
    check("3f", "id 3f");
    check("3F9A", "id 3f9a");
    check("3f9a:/srv/images", "id 3f9a path /srv/images");
    check("3f9a:C:/images/A", "id 3f9a path C:/images/A");
    check("3f9a:images/", "id 3f9a path images");
    check("3f9a:/", "id 3f9a path /");
    check("3f9a:", "id 3f9a path ");
    check("monday", "refused");
    check("", "refused");
    check(":images", "refused");
}

#[test]
fn after_latest_a_word_is_a_tag_and_anything_with_a_slash_a_path() {
    check("latest", "latest -");
    check("latest:daily", "latest daily");
    check("latest:/srv/images", "latest - path /srv/images");
    check("latest:images/A/x@y:z", "latest - path images/A/x@y:z");
    check("latest:images/", "latest - path images");
    check("latest::images", "latest - path images");
    check("latest:daily:images", "latest daily path images");
    check("latest:daily:C:/images", "latest daily path C:/images");
    check("latestdaily", "refused");
}

#[test]
fn a_time_means_its_end() {
    check("latest@2026-11-20", "latest - until 2026-11-20T22:59:59.999999999Z");
    check("latest@2026-11-20T14:00", "latest - until 2026-11-20T13:00:59.999999999Z");
    check("latest@2026-11-20 14:00", "latest - until 2026-11-20T13:00:59.999999999Z");
    check("latest@2026-11-20T14:00:07", "latest - until 2026-11-20T13:00:07.999999999Z");
    check("latest@2026-11-20T14:00:07.5", "latest - until 2026-11-20T13:00:07.5Z");
}

#[test]
fn a_time_may_name_its_zone() {
    check("latest@2026-11-20T14:00Z", "latest - until 2026-11-20T14:00:59.999999999Z");
    check("latest@2026-11-20T14:00-05:00", "latest - until 2026-11-20T19:00:59.999999999Z");
}

#[test]
fn a_time_is_as_long_as_it_can_be() {
    check("latest@2026-11-20:images", "latest - until 2026-11-20T22:59:59.999999999Z path images");
    check("latest@2026-11-20T14:00:images", "latest - until 2026-11-20T13:00:59.999999999Z path images");
    check("latest@2026-11-20T14:00:30", "latest - until 2026-11-20T13:00:30.999999999Z");
    check("latest@2026-11-20T14:00:/30", "latest - until 2026-11-20T13:00:59.999999999Z path /30");
    check("latest:daily@2026-11-20T14:00Z:images/A", "latest daily until 2026-11-20T14:00:59.999999999Z path images/A");
}

#[test]
fn a_tilde_counts_back_from_the_newest() {
    check("latest~1", "latest - 1 before");
    check("latest~0", "latest -");
    check("latest:daily~2", "latest daily 2 before");
    check("latest@2026-11-20~3", "latest - until 2026-11-20T22:59:59.999999999Z 3 before");
    check("latest~1:images/S", "latest - 1 before path images/S");
    check(
        "latest:daily@2026-11-20T14:00Z~1:x~2",
        "latest daily until 2026-11-20T14:00:59.999999999Z 1 before path x~2",
    );
    check("latest:images/x~1", "latest - path images/x~1");
    for text in ["latest~", "latest~x", "latest~-1", "latest~1x", "latest~1@2026-11-20", "latest~99999999999"] {
        check(text, "refused");
    }
}

#[test]
fn a_time_alone_means_the_newest_until_then() {
    check("@2026-11-20", "latest - until 2026-11-20T22:59:59.999999999Z");
    check("@2026-11-20T14:00:images/S", "latest - until 2026-11-20T13:00:59.999999999Z path images/S");
    check("@2026-11-20~1", "latest - until 2026-11-20T22:59:59.999999999Z 1 before");
    for text in ["@yesterday", "@2 hours ago", "@2-hours-ago:images/S", "@today~1"] {
        assert!(show(text).starts_with("latest - until 20"), "{text}: {}", show(text));
    }
    check("@", "refused");
    check("@soon", "refused");
}

#[test]
fn what_is_no_time_is_refused() {
    for text in [
        "latest@",
        "latest@tuesday",
        "latest@2026-13-01",
        "latest@2026-11-20T25:00",
        "latest@2026-11-20T14",
        "latest@2026-11-20T14:00X",
    ] {
        check(text, "refused");
    }
}

#[test]
fn tags_cannot_be_mistaken_for_anything_else() {
    assert!(parse_tag("hour-9").is_ok());
    for tag in ["", "a:b", "a@b", "a/b", "a~1", "a b"] {
        assert!(parse_tag(tag).is_err(), "{tag}");
    }
}

#[test]
fn a_moment_may_be_named_by_the_clock() {
    let zone = TimeZone::fixed(jiff::tz::offset(1));
    // 2026-11-20 23:30 in that zone.
    let now = Time { seconds: 1_795_213_800, nanoseconds: 0 };
    let seconds = |text| parse_relative(text, &zone, now).map(|time| now.seconds - time.seconds);
    assert_eq!(seconds("2 hours ago"), Some(7200));
    assert_eq!(seconds("1-hour-ago"), Some(3600));
    assert_eq!(seconds("90 minutes ago"), Some(5400));
    assert_eq!((seconds("3 days ago"), seconds("1 week ago")), (Some(3 * 86_400), Some(7 * 86_400)));
    assert_eq!((seconds("today"), seconds("yesterday")), (Some(-1799), Some(86_400 - 1799)));
    for text in ["ago", "2 ago", "-1 hours ago", "2 hours", "two hours ago", "99999999999 weeks ago", "2 moons ago"] {
        assert_eq!(seconds(text), None, "{text}");
    }
}
