//! Driving the routes over a real desk on a folder of its own, with credentials that a test names in a header.

mod deposit;
mod refusals;
mod search;
mod world;
