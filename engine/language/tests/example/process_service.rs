//! `process.service`: a program that is kept running.

use std::collections::BTreeMap;
use std::num::NonZeroU16;

use language::{Duration, Keys, PortRange, Secret, Size, Spec, Text};

/// A program that is kept running and is ready when its health says so.
#[derive(Debug, Spec)]
#[spec(check = enough_ports)]
pub struct Service {
    /// The program and its arguments.
    pub command: Command,
    /// Variables of its environment.
    #[spec(default = "{}")]
    pub environment: BTreeMap<String, Text>,
    /// How to see that it works.
    pub health: Option<Health>,
    /// Ports to give it, as PORT, one for each copy.
    pub ports: Option<PortRange>,
    /// How many copies run.
    #[spec(default = "1")]
    pub copies: u16,
    /// What happens when it ends.
    #[spec(default = "on-failure")]
    pub restart: Restart,
    /// How long it may take to end before it is killed.
    #[spec(default = "30s")]
    pub stop_timeout: Duration,
    /// The most memory it may use.
    pub memory: Option<Size>,
    /// Files with secrets, by path.
    #[spec(default = "{}")]
    pub secrets: BTreeMap<String, Secret>,
}

/// What to run.
#[derive(Debug, Spec)]
pub enum Command {
    /// A line for the shell.
    Shell(Text),
    /// The program and each of its arguments; no shell.
    Program(Vec<Text>),
}

/// How to see that a service works.
#[derive(Debug, Spec)]
pub enum Health {
    /// It answers a request over HTTP.
    Http {
        /// The path to ask for.
        http: String,
        /// The port to ask, its own by default.
        port: Option<NonZeroU16>,
        /// The status that means healthy.
        #[spec(default = "200")]
        status: u16,
    },
    /// It accepts connections.
    Tcp {
        /// The port to connect to.
        tcp: NonZeroU16,
    },
    /// A command ends with 0.
    Command {
        /// The program and each of its arguments.
        command: Vec<String>,
    },
}

/// What happens when a service ends.
#[derive(Debug, PartialEq, Spec)]
pub enum Restart {
    /// Start it again, whatever its exit code.
    Always,
    /// Start it again unless its exit code is 0.
    OnFailure,
    /// Leave it.
    Never,
}

fn enough_ports(service: &Service, keys: &mut Keys<'_, '_, '_>) {
    if let Some(PortRange(range)) = &service.ports
        && range.len() < usize::from(service.copies)
    {
        keys.refuse(
            "ports",
            format!("{} copies need as many ports, and these are {}", service.copies, range.len()),
        );
    }
}
