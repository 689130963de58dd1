//! The real program over real sockets. One module for each face or promise; each test starts a gateway of its own.

mod spine;
