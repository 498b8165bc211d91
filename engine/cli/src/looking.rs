//! What is seen while something takes its time before there is a run to watch, and Ctrl-C until then.
//!
//! It must not be used for what changes the world: Ctrl-C ends the program.

use std::future::Future;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::call::Call;
use crate::screen::Screen;
use crate::stop;

/// How long nothing is said, and how long between two words of it.
const FIRST: Duration = Duration::from_millis(700);
const AGAIN: Duration = Duration::from_millis(1_800);

/// What a shell says of a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// Does what only looks, and says that it does as long as it takes. `what` is for people:
/// `shop  looks at what is there`.
pub(crate) async fn looking<T>(call: &Call, what: &str, work: impl Future<Output = T>) -> T {
    let saying = Saying::begin(&call.screen, what);
    // The work is dropped with the other branch, and what it had started ends with it.
    let result = tokio::select! {
        result = work => Some(result),
        () = stop::told() => None,
    };
    saying.end();
    let Some(result) = result else {
        // Tasks that the work had begun end with the next turn of the runtime, and their commands with them.
        tokio::time::sleep(Duration::from_millis(50)).await;
        interrupted(&call.screen)
    };
    call.interrupt.arm(&call.screen);
    result
}

#[expect(clippy::exit, reason = "whatever is under way only looks, and has nothing to finish")]
fn interrupted(screen: &Screen) -> ! {
    screen.complain("stopped: nothing was changed\n");
    std::process::exit(INTERRUPTED)
}

/// Once signals are listened for, nothing else answers them: between looking and a run, while a person
/// is asked, this does.
#[derive(Default)]
pub(crate) struct Interrupt(std::sync::Mutex<Option<tokio::task::AbortHandle>>);

impl Interrupt {
    fn arm(&self, screen: &Arc<Screen>) {
        let screen = Arc::clone(screen);
        let task = tokio::spawn(async move {
            stop::told().await;
            interrupted(&screen)
        });
        self.hold(Some(task.abort_handle()));
    }

    /// From now on a run listens by itself.
    pub(crate) fn disarm(&self) {
        self.hold(None);
    }

    fn hold(&self, next: Option<tokio::task::AbortHandle>) {
        let mut held = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(before) = std::mem::replace(&mut *held, next) {
            before.abort();
        }
    }
}

/// On a thread of its own, since planning a large stack leaves no time to anything beside it.
struct Saying {
    over: Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl Saying {
    fn begin(screen: &Arc<Screen>, what: &str) -> Self {
        let (over, hears) = channel();
        let (screen, what, begun) = (Arc::clone(screen), what.to_owned(), Instant::now());
        let say = move || {
            let (mut pause, mut said) = (FIRST, false);
            while hears.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                said = true;
                pause = if screen.live { Duration::from_millis(200) } else { AGAIN };
                tell(&screen, &what, begun.elapsed());
            }
            if said && screen.live && !screen.quiet {
                screen.paint(|out| out.write_all(b"\r\x1b[K"));
            }
        };
        let thread = thread::Builder::new().name("looking".to_owned()).spawn(say).ok();
        Self { over, thread }
    }

    fn end(self) {
        _ = self.over.send(());
        if let Some(thread) = self.thread {
            _ = thread.join();
        }
    }
}

fn tell(screen: &Screen, what: &str, took: Duration) {
    screen.event("looking", json!({ "what": what, "for_ms": took.as_millis() as u64 }));
    let text = format!("{what} … {} s", took.as_secs());
    match screen.live && !screen.quiet {
        true => screen.paint(|out| write!(out, "\r\x1b[K{text}")),
        false => screen.note(&text),
    }
}
