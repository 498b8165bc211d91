//! Values: kept in state, or read from the world.
//!
//! Nothing here changes anything outside of the state.

pub mod value;

pub use value::DataValue;
