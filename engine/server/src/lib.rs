//! API, live events, webhooks, schedules, the reconcile loop and the console.
//!
//! It must not plan or walk by itself: `runtime` does. (Nothing stands here yet.)

pub mod webhook;
