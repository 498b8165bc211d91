//! The only place that prints: text for people, or one JSON event a line.
//!
//! A reader that went away is no error: nothing more is written, and the work goes on. It goes on too
//! when the answer cannot be written, but then that is told at the end, and is a failure.

use std::io::{self, Read, Write};
use std::sync::OnceLock;

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use serde_json::{Value, json};

use crate::render::style::Style;

/// Where everything is written to.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact about who reads")]
pub(crate) struct Screen {
    /// Events instead of text.
    pub(crate) json: bool,
    /// Only answers and errors.
    pub(crate) quiet: bool,
    /// Somebody looks at standard output now: it may be painted over.
    pub(crate) live: bool,
    /// Somebody can be asked.
    pub(crate) asks: bool,
    /// What text is drawn for.
    pub(crate) style: Style,
    /// Why nothing can be written any more.
    pub(crate) broken: OnceLock<io::Error>,
}

impl Screen {
    /// Writes the answer to what was asked: text that ends with a line end if it is not empty.
    pub(crate) fn answer(&self, text: &str) {
        if !self.json {
            self.write(text);
        }
    }

    /// Writes a line that only accompanies the work.
    pub(crate) fn note(&self, text: &str) {
        if !self.json && !self.quiet {
            self.write(&format!("{text}\n"));
        }
    }

    /// Writes a page that is an answer by itself: a manual, a graph, a script for a shell.
    pub(crate) fn page(&self, name: &str, text: &str) {
        self.event("page", json!({ "name": name, "text": text }));
        self.answer(text);
    }

    /// Writes an event, where events are asked for. `what` is a map; its `type` comes first.
    pub(crate) fn event(&self, kind: &str, what: Value) {
        if !self.json {
            return;
        }
        let mut event = json!({ "type": kind });
        if let (Some(event), Value::Object(what)) = (event.as_object_mut(), what) {
            event.extend(what);
        }
        self.write(&format!("{event}\n"));
    }

    /// Writes why something was not done.
    #[expect(clippy::unused_self, reason = "whatever is printed goes through a screen")]
    pub(crate) fn complain(&self, text: &str) {
        // Nobody is left to be told of an error here.
        _ = io::stderr().lock().write_all(text.as_bytes());
    }

    /// Asks a person, and returns the answer; None: nobody answered.
    #[expect(clippy::unused_self, reason = "whatever is printed goes through a screen")]
    pub(crate) fn ask(&self, question: &str) -> Option<String> {
        let mut stderr = io::stderr().lock();
        stderr.write_all(question.as_bytes()).ok()?;
        stderr.flush().ok()?;
        drop(stderr);
        let mut line = String::new();
        match io::stdin().read_line(&mut line) {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(line.trim().to_owned()),
        }
    }

    /// Asks a person for what nobody may see: nothing of it is shown. None: Ctrl-C, or nothing.
    pub(crate) fn ask_unseen(&self, question: &str) -> Option<String> {
        let terminal = io::stdin();
        let before = tcgetattr(&terminal).ok()?;
        let mut silent = before.clone();
        // Ctrl-C is read too: ending here would leave the terminal silent.
        silent.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        tcsetattr(&terminal, OptionalActions::Flush, &silent).ok()?;
        self.complain(question);
        let typed = typed(&mut terminal.lock());
        _ = tcsetattr(&terminal, OptionalActions::Now, &before);
        self.complain("\n");
        typed.filter(|text| !text.is_empty())
    }

    /// Returns whether nobody can be reached any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.broken.get().is_some()
    }

    /// Returns why not everything could be written, unless the reader just went away.
    pub(crate) fn failure(&self) -> Option<&io::Error> {
        self.broken.get().filter(|error| error.kind() != io::ErrorKind::BrokenPipe)
    }

    /// Lets somebody paint on it.
    pub(crate) fn paint(&self, with: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
        if self.is_closed() {
            return;
        }
        let mut out = io::stdout().lock();
        if let Err(error) = with(&mut out).and_then(|()| out.flush()) {
            _ = self.broken.set(error);
        }
    }

    fn write(&self, text: &str) {
        self.paint(|out| out.write_all(text.as_bytes()));
    }
}

/// Reads a line as a terminal hands it over key by key.
fn typed(keys: &mut impl Read) -> Option<String> {
    let mut bytes = Vec::new();
    let mut key = [0];
    loop {
        keys.read_exact(&mut key).ok()?;
        match key[0] {
            b'\r' | b'\n' => return String::from_utf8(bytes).ok(),
            CTRL_C | CTRL_D => return None,
            BACKSPACE | DELETE => {
                // A character may have several bytes: those after the first begin with 10.
                while bytes.pop().is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000) {}
            }
            byte => bytes.push(byte),
        }
    }
}

const CTRL_C: u8 = 3;
const CTRL_D: u8 = 4;
const BACKSPACE: u8 = 8;
const DELETE: u8 = 127;

#[cfg(test)]
mod tests {
    use super::typed;

    #[test]
    fn what_is_typed_ends_with_enter_and_can_be_corrected() {
        assert_eq!(typed(&mut &b"secrt\x7fet\rrest"[..]).as_deref(), Some("secret"));
        assert_eq!(typed(&mut "größe\x7f\x7f\x7fün\n".as_bytes()).as_deref(), Some("grün"));
        assert_eq!(typed(&mut &b"sec\x03"[..]), None);
        assert_eq!(typed(&mut &b"no end"[..]), None);
    }
}
