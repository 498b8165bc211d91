//! Values: kept in state, or read from the world.
//!
//! Nothing here changes anything outside of the state.

pub mod command;
pub mod http;
mod sensitive;
pub mod value;

pub use command::DataCommand;
pub use http::DataHttp;
pub use value::DataValue;
