//! The end of a front: it is replaced, or it leaves; and what it counted is not lost.

use std::io;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{AFTER_CUT, Desk, Done, GLANCE, accounts};
use crate::account::Receipt;
use crate::process::command::Reply;
use crate::process::cutover::Cutover;
use crate::process::office::Office;
use crate::proxy::Stage;

/// How long idle connections have to close when everything is over.
const LAST_CALL: Duration = Duration::from_millis(50);

impl Desk {
    pub(super) fn freeze(&self) -> Done {
        let mut state = self.changing()?;
        if let Some(office) = state.offices.values().find(|office| !office.open.is_empty()) {
            let (route, term) = (&office.kept.spec.name, office.open[0].number);
            return Err(format!("term {term} of {route} is not drained: drain it first"));
        }
        let watched =
            |office: &&Office| office.kept.cutover.as_ref().is_some_and(Cutover::is_watched);
        if let Some(office) = state.offices.values().find(watched) {
            return Err(format!(
                "{} is watched after a cutover: in a moment",
                office.kept.spec.name
            ));
        }
        state.frozen = true;
        Ok(Reply::Done)
    }

    /// Adds what the predecessor counted, and takes its place.
    pub(super) fn carry(&self, receipts: Option<Vec<Receipt>>) -> io::Result<()> {
        let mut state = self.state();
        let counted = match receipts {
            Some(receipts) => accounts(receipts.into_iter(), true),
            None => self.folder.accounts()?,
        };
        for (name, office) in &state.offices {
            if let Some(term) = office.route.term() {
                term.carry(&counted.of(name, term.number));
            }
        }
        (state.frozen, state.accounts) = (false, true);
        self.write_accounts(&state, false)?;
        self.folder.take_place()
    }

    /// Leaves, and returns what was counted.
    pub(super) async fn leave(&self, deadline: Duration) -> Vec<Receipt> {
        let until = Instant::now() + deadline;
        let threads = {
            let mut state = self.state();
            state.frozen = true;
            std::mem::take(&mut state.threads)
        };
        self.outfit.shared.stage.send_replace(Stage::Leaving);
        while Instant::now() < until && !threads.iter().all(JoinHandle::is_finished) {
            sleep(GLANCE).await;
        }
        self.outfit.shared.stage.send_replace(Stage::Over);
        if !threads.iter().all(JoinHandle::is_finished) {
            sleep(LAST_CALL).await;
        }
        let receipts = self.last_receipts().await;
        self.settle(&receipts);
        receipts
    }

    /// Cuts whoever is left, and returns the accounts.
    async fn last_receipts(&self) -> Vec<Receipt> {
        let relieved = |(name, office): (&String, &mut Office)| {
            let next = office.relieved();
            let number = office.switch(next)?;
            Some((name.clone(), number))
        };
        let terms: Vec<_> = self.state().offices.iter_mut().filter_map(relieved).collect();
        let until = Instant::now() + AFTER_CUT;
        let mut receipts = vec![];
        for (route, number) in terms {
            while !self.ends(&route, number) && Instant::now() < until {
                sleep(GLANCE).await;
            }
            let receipt =
                self.state().offices.get(&route).and_then(|office| office.receipt(number));
            receipts.extend(receipt);
        }
        receipts
    }

    /// Has whoever holds a ticket of a term let go; returns whether nobody does any more.
    fn ends(&self, route: &str, number: u64) -> bool {
        let mut state = self.state();
        let Some(office) = state.offices.get_mut(route) else { return true };
        if office.open.iter().any(|term| term.number == number && term.cut()) {
            self.outfit.shared.cuts.send_modify(|cuts| *cuts += 1);
        }
        office.close(number)
    }

    /// Writes down what was counted to the end, for whoever comes next.
    fn settle(&self, receipts: &[Receipt]) {
        let mut state = self.state();
        if std::mem::take(&mut state.accounts) {
            let _ = self.folder.account(&accounts(receipts.iter().cloned(), true));
        }
    }
}
