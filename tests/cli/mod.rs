//! Snapshots of the command line. Times, process numbers and places of this machine are covered.

pub(crate) mod project;

mod applies;
mod artifacts;
mod backups;
mod bad_files;
mod bad_world;
mod check_pipelines;
mod check_values;
mod checks;
mod cutovers;
mod followed;
mod gates;
mod handed_on;
mod leases;
mod left;
mod limits;
mod lives;
mod logs;
mod long_log;
mod looking;
mod looks;
mod matrix;
mod outputs;
mod outward;
mod parameters;
mod pipelines;
mod plans;
mod pruned;
mod results;
mod schedules;
mod shared;
mod states;
mod terminals;
mod whole_project;
