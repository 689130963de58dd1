//! Each message written and read back, and refused where it should be.

mod fixtures;
mod refusals;
mod round_trips;
