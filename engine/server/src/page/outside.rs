//! What comes from outside, as the first page shows it: what goes wrong where nobody waits for an answer,
//! repositories that are followed, and what the time starts next.

use jiff::Timestamp;
use model::file::server::Follow;

use super::words::{ago, escaped};
use crate::house::House;
use crate::schedule::Entry;

/// What goes wrong now; nothing if all goes well.
pub(super) fn troubles(house: &House) -> String {
    let row = |trouble: &crate::troubles::Trouble| {
        format!(
            "<tr><td>{}</td><td class=\"wide\"><p class=\"why\">{}</p></td><td>{}</td>\
             <td class=\"num\">{} times</td></tr>",
            escaped(&trouble.about),
            escaped(&trouble.message),
            ago(house, trouble.since),
            trouble.count
        )
    };
    let rows: String = house.troubles.list().iter().map(row).collect();
    match rows.is_empty() {
        true => rows,
        false => section("Goes wrong", &rows),
    }
}

/// What a repository follows, and when it was asked last.
pub(super) fn follows(house: &House, name: &str, follow: &Follow) -> String {
    let standing = house.follows.of(name).standing();
    let asked = match (standing.trouble, standing.answered) {
        (Some(_), _) => "<span class=\"why\">cannot be asked</span>".to_owned(),
        (None, Some(then)) => format!("asked {}", ago(house, then)),
        (None, None) => "not asked yet".to_owned(),
    };
    format!("follows <code>{}</code> · {asked}", escaped(&follow.url))
}

/// What is due next, soonest first.
pub(super) fn schedules(house: &House, only: Option<&str>) -> String {
    let now = Timestamp::try_from(house.clock().now()).unwrap_or_default();
    let mut entries = house.timetable.entries();
    entries.retain(|entry| only.is_none_or(|only| only == entry.repository));
    entries.sort_by_key(|entry| entry.next(now).unwrap_or(Timestamp::MAX));
    let rows: String = entries.iter().map(|entry| schedule(entry, now)).collect();
    match rows.is_empty() {
        true => rows,
        false => section("Due next", &rows),
    }
}

fn schedule(entry: &Entry, now: Timestamp) -> String {
    let zone = entry.schedule.zone.zone().clone();
    let next =
        entry.next(now).map(|next| next.to_zoned(zone).strftime("%Y-%m-%d %H:%M %Z").to_string());
    format!(
        "<tr><td>{}</td><td>{}</td><td>{}</td><td><code>{}</code></td></tr>",
        escaped(&next.unwrap_or_else(|| "in no four years".to_owned())),
        escaped(&entry.repository),
        escaped(&entry.pipeline),
        escaped(&entry.schedule.cron.to_string())
    )
}

fn section(title: &str, rows: &str) -> String {
    format!("<h2>{title}</h2><div class=\"scroll\"><table>{rows}</table></div>\n")
}
