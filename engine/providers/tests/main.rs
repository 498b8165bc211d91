//! Every kind against its own example, its table of cases, and real files, processes and servers.

mod cases;
mod data;
mod examples;
mod lab;
mod life;
