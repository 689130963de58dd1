//! Driving the routes over a real desk.
