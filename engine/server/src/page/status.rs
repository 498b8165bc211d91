//! The first page: what runs now, what waits, what ran last.

use std::sync::Arc;

use super::words::{ago, commit, escaped, stands, tag, took_so_far};
use super::{around, outside};
use crate::house::House;
use crate::http::{Refusal, parameter};
use crate::records::{QueuedRun, State, queue};

/// So many runs that are over are shown.
const LAST: usize = 30;

/// Returns the page, of all repositories or of one.
pub(super) async fn page(house: &Arc<House>, query: Option<&str>) -> Result<String, Refusal> {
    let only = parameter(query, "repository").map(str::to_owned);
    let of = only.clone();
    let (open, last) = house
        .records
        .ask(move |records| {
            Ok((queue::open(records)?, queue::list(records, of.as_deref(), None, LAST)?))
        })
        .await?;
    let meant = |run: &&QueuedRun| only.as_ref().is_none_or(|only| *only == run.repository);
    let open: Vec<&QueuedRun> = open.iter().filter(meant).collect();
    let running: Vec<&QueuedRun> =
        open.iter().copied().filter(|run| run.state != State::Waiting).collect();
    let waiting: Vec<&QueuedRun> =
        open.iter().copied().filter(|run| run.state == State::Waiting).collect();
    let over: Vec<&QueuedRun> = last.iter().filter(|run| run.is_over()).collect();
    let mut body = head(house, &running, &waiting, &over);
    body += &outside::troubles(house);
    if !running.is_empty() {
        body += &section(house, "Now", &running);
    }
    if !waiting.is_empty() {
        body += &section(house, "Waiting", &waiting);
    }
    body += &section(house, "Last runs", &over);
    body += &outside::schedules(house, only.as_deref());
    body += &repositories(house);
    Ok(around(house, "Runs", !open.is_empty(), &body))
}

fn head(
    house: &House,
    running: &[&QueuedRun],
    waiting: &[&QueuedRun],
    over: &[&QueuedRun],
) -> String {
    let title = match (running.len(), waiting.len()) {
        (0, 0) => "Nothing runs".to_owned(),
        (now, 0) => format!("{now} under way"),
        (now, more) => format!("{now} under way, {more} waiting"),
    };
    let last =
        over.first().map(|run| format!("last: {} {}", escaped(&run.repository), stands(run)));
    let about = house.settings.file.description.as_deref().map(escaped);
    let sum: Vec<String> = about.into_iter().chain(last).collect();
    format!("<h1>{title}</h1><p class=\"sum\">{}</p>", sum.join(" · "))
}

fn section(house: &House, title: &str, runs: &[&QueuedRun]) -> String {
    let rows: String = runs.iter().map(|run| row(house, run)).collect();
    let table = match rows.is_empty() {
        true => "<p class=\"empty\">Nothing has run yet. Push a commit with a pipeline that says <code>on: { push: {} }</code>.</p>".to_owned(),
        false => format!(
            "<table><thead><tr><th class=\"num\">Run</th><th></th><th>Repository</th><th>Pipeline</th>\
             <th>Commit</th><th>By</th><th>When</th><th class=\"num\">Took</th></tr></thead>\
             <tbody>{rows}</tbody></table>"
        ),
    };
    format!("<h2>{title}</h2><div class=\"scroll\">{table}</div>\n")
}

fn row(house: &House, run: &QueuedRun) -> String {
    let repository = escaped(&run.repository);
    let message = run.message.as_deref().and_then(|message| message.lines().next());
    let why = message.map(|message| format!("<p class=\"why\">{}</p>", escaped(message)));
    format!(
        "<tr><td class=\"num\"><a href=\"/runs/{repository}/{id}\">{id}</a></td><td>{}</td>\
         <td><a href=\"/?repository={repository}\">{repository}</a></td><td>{}</td>\
         <td class=\"wide\">{}{}</td><td>{}</td><td>{}</td><td class=\"num\">{}</td></tr>",
        tag(stands(run)),
        escaped(&run.pipeline),
        commit(run),
        why.unwrap_or_default(),
        escaped(&run.cause.by),
        ago(house, run.ended.or(run.started).unwrap_or(run.queued)),
        took_so_far(house, run),
        id = run.id,
    )
}

fn repositories(house: &House) -> String {
    let row = |(name, about): (&language::Name, &model::file::server::Repository)| {
        let place = match &about.follow {
            Some(follow) => outside::follows(house, &name.0, follow),
            None => format!("<code>git push {}/{}.git main</code>", escaped(house.url()), name.0),
        };
        format!(
            "<tr><td><a href=\"/?repository={0}\">{0}</a></td><td class=\"wide\">{place}</td><td class=\"dim\">{1}</td></tr>",
            name.0,
            escaped(about.description.as_deref().unwrap_or_default())
        )
    };
    let rows: String = house.settings.file.repositories.iter().map(row).collect();
    format!("<h2>Repositories</h2><div class=\"scroll\"><table>{rows}</table></div>")
}
