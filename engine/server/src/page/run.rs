//! The page of one run: its steps, why it failed, and the end of what it wrote.

use std::sync::Arc;

use serde_json::Value;

use super::around;
use super::words::{ago, commit, escaped, exact, stands, tag, took, took_so_far};
use crate::api::{details, find, output_tail, results};
use crate::house::House;
use crate::http::Refusal;
use crate::records::QueuedRun;

/// Returns the page of a run.
pub(super) async fn page(
    house: &Arc<House>,
    repository: &str,
    number: &str,
) -> Result<String, Refusal> {
    let run = find(house, repository, number).await?;
    let shown = details(house, &run).await?;
    let tail = output_tail(house, &run).await;
    let mut body = head(house, &run);
    let steps = shown["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !steps.is_empty() {
        let rows: String = steps.iter().map(step).collect();
        body += &format!(
            "<h2>Steps</h2><div class=\"scroll\"><table><thead><tr><th>Step</th><th></th><th></th>\
             <th class=\"num\">Took</th></tr></thead><tbody>{rows}</tbody></table></div>"
        );
    }
    body += &tests(&results(house, &run).await?);
    if !tail.is_empty() {
        body += &format!(
            "<h2>Log <a href=\"/api/v1/runs/{}/{}/output?follow=0\">whole</a></h2><pre>{}</pre>",
            escaped(&run.repository),
            run.id,
            escaped(&tail)
        );
    }
    let title = format!("{} {} of {}", run.pipeline, run.id, run.repository);
    Ok(around(house, &title, !run.is_over(), &body))
}

fn head(house: &House, run: &QueuedRun) -> String {
    let repository = escaped(&run.repository);
    let message = run.message.as_deref();
    let why = message.map(|message| format!("<pre class=\"why\">{}</pre>", escaped(message)));
    let project = house.folder.project(&run.repository).root;
    let in_project = run.project_run.map(|number| {
        let place = escaped(&project.display().to_string());
        format!("<dt>In its folder</dt><dd><code>cd {place} &amp;&amp; windlass runs show {number}</code></dd>")
    });
    format!(
        "<h1>{} {} of <a href=\"/?repository={repository}\">{repository}</a>, run {}</h1>\
         <dl><dt>Commit</dt><dd>{}</dd><dt>Branch</dt><dd>{}</dd><dt>Started by</dt><dd>{}</dd>\
         <dt>Asked for</dt><dd>{} <span class=\"dim\">{}</span></dd><dt>Took</dt><dd>{}</dd>{}</dl>{}",
        tag(stands(run)),
        escaped(&run.pipeline),
        run.id,
        commit(run),
        escaped(&run.cause.branch),
        escaped(&run.cause.by),
        ago(house, run.queued),
        exact(run.queued),
        took_so_far(house, run),
        in_project.unwrap_or_default(),
        why.unwrap_or_default(),
    )
}

/// What tests came to, and those that did not simply pass; empty: no report tells of any.
fn tests(results: &Value) -> String {
    let count = |key: &str| results[key].as_u64().unwrap_or_default();
    let words = ["passed", "failed", "flaky", "skipped"].map(|key| (count(key), key));
    let told = words.iter().filter(|(count, _)| *count > 0);
    let told: Vec<String> = told.map(|(count, word)| format!("{count} {word}")).collect();
    if told.is_empty() {
        return String::new();
    }
    let rows: String = results["tests"].as_array().into_iter().flatten().map(test).collect();
    let table = match rows.is_empty() {
        true => String::new(),
        false => format!("<div class=\"scroll\"><table><tbody>{rows}</tbody></table></div>"),
    };
    format!("<h2>Tests</h2><p class=\"sum\">{}</p>{table}", told.join(", "))
}

fn test(test: &Value) -> String {
    let text = |key: &str| escaped(test[key].as_str().unwrap_or_default());
    format!(
        "<tr><td>{}</td><td>{}</td><td class=\"wide\">{} <span class=\"dim\">{}</span>\
         <div class=\"why\">{}</div></td></tr>",
        text("block"),
        tag(&text("verdict")),
        text("name"),
        text("suite"),
        text("message"),
    )
}

fn step(step: &Value) -> String {
    let text = |key: &str| escaped(step[key].as_str().unwrap_or_default());
    let waited = match text("waited_for") {
        by if by.is_empty() => String::new(),
        by => format!("<span class=\"dim\">waited for {by}</span>"),
    };
    let message = match text("message") {
        message if message.is_empty() => String::new(),
        message => format!("<span class=\"why\">{message}</span>"),
    };
    let state = text("state");
    let took = step["took_ms"].as_u64().filter(|took| *took > 0).map(took).unwrap_or_default();
    format!(
        "<tr><td>{}</td><td>{}</td><td class=\"wide\">{message}{waited}</td><td class=\"num\">{took}</td></tr>",
        text("step"),
        tag(&state),
    )
}
