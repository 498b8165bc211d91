//! `bar` and `admit`: whether the front may change over to an address. Whoever tests a new version says so.
//!
//! It must not know what the test is.

use ::front::Command;
use language::Spec;
use model::{Action, Conduct, Context, Fault, On, Tree};

use super::FrontRoute;
use super::spec::RouteSpec;
use crate::front::{admit, tell};

/// No route of the front changes over to an address from now on.
pub(super) struct Bar;

/// They do again.
pub(super) struct Admit;

/// What `bar` is told.
#[derive(Clone, Debug, Spec)]
pub(super) struct BarArgs {
    /// Where nobody is to be sent.
    pub address: String,
    /// Why, to go on behind "is kept away: ".
    pub why: String,
}

/// What `admit` is told.
#[derive(Clone, Debug, Spec)]
pub(super) struct AdmitArgs {
    /// Where requests may go again.
    pub address: String,
}

impl Action for Bar {
    type Kind = FrontRoute;
    const VERB: &'static str = "bar";
    const CONDUCT: Conduct = Conduct::Repeats;
    type Args = BarArgs;

    async fn perform(
        &self,
        context: &Context,
        _: On<'_, RouteSpec>,
        args: &BarArgs,
    ) -> Result<Tree, Fault> {
        // No route goes to what is no address.
        let Ok(address) = args.address.parse() else { return Ok(Tree::new()) };
        let command = Command::Bar { address, why: args.why.clone() };
        tell(context, command).await.map(|_| Tree::new())
    }
}

impl Action for Admit {
    type Kind = FrontRoute;
    const VERB: &'static str = "admit";
    const CONDUCT: Conduct = Conduct::Repeats;
    type Args = AdmitArgs;

    async fn perform(
        &self,
        context: &Context,
        _: On<'_, RouteSpec>,
        args: &AdmitArgs,
    ) -> Result<Tree, Fault> {
        if let Ok(address) = args.address.parse() {
            admit(context, &[address]).await?;
        }
        Ok(Tree::new())
    }
}
