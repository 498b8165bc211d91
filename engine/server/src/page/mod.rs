//! Pages for people: what runs, what waits, what ran last; one run with its steps and the end of its
//! log. They need no script, and everything that others wrote is escaped.

mod outside;
mod run;
mod status;
mod words;

use std::sync::Arc;

use hyper::StatusCode;

use crate::house::House;
use crate::http::{Answer, Refusal, html};
use words::escaped;

/// Answers with a page.
pub(crate) async fn answer(house: &Arc<House>, parts: &[&str], query: Option<&str>) -> Answer {
    let page = match parts {
        [""] => status::page(house, query).await,
        ["runs", repository, number] => run::page(house, repository, number).await,
        _ => Err(Refusal::not_found("there is no such page", "see what there is: /")),
    };
    match page {
        Ok(page) => html(StatusCode::OK, page),
        Err(refusal) => html(refusal.status, refused(house, &refusal)),
    }
}

fn refused(house: &House, refusal: &Refusal) -> String {
    let help = refusal.help.as_deref().map(|help| format!("<p>{}</p>", escaped(help)));
    let body = format!(
        "<h1>{}</h1>{}<p><a href=\"/\">All runs</a></p>",
        escaped(&refusal.message),
        help.unwrap_or_default()
    );
    around(house, &refusal.message, false, &body)
}

/// How often a page is read anew while something happens, in seconds.
const ANEW: u32 = 2;

/// Puts a page around what is shown.
fn around(house: &House, title: &str, lives: bool, body: &str) -> String {
    let name = escaped(&house.settings.file.server.0);
    let anew = match lives {
        true => format!("<meta http-equiv=\"refresh\" content=\"{ANEW}\">"),
        false => String::new(),
    };
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">{anew}\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <link rel=\"icon\" href=\"data:,\"><title>{} · {name}</title><style>{STYLE}</style></head>\n\
         <body><header><a class=\"name\" href=\"/\">{name}</a><nav><a href=\"/api/openapi.json\">API</a> \
         <a href=\"/metrics\">metrics</a></nav></header>\n<main>{body}</main></body></html>\n",
        escaped(title)
    )
}

const STYLE: &str = include_str!("style.css");
