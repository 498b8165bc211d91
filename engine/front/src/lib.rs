//! The embedded web front: routes, terms of office, an exact account of every request.
//!
//! It must know nothing of stacks. (Nothing stands here yet: it comes with delivery on one machine.)
