//! What tests and benchmarks share: the real program on free ports, clients with real certificates, messages as real
//! software sends them. Speaks to the program over sockets only.

pub mod catcher;
pub mod client;
pub mod corpus;
pub mod credentials;
pub mod document;
pub mod gateway;
pub mod proxy;
pub mod soap;

pub use catcher::Catcher;
pub use client::{Client, Reply};
pub use credentials::{Credentials, holder_token};
pub use document::TestDocument;
pub use gateway::{Gateway, GatewayOptions, Process};
pub use proxy::{Fault, Proxy};

/// A random UUID.
#[must_use]
pub fn uuid() -> String {
    use ambient::Rng as _;
    ambient::SystemRng.uuid().to_string()
}

/// An OID nobody else uses: a UUID under the arc of tests.
#[must_use]
pub fn oid() -> String {
    use ambient::Rng as _;
    format!("1.2.250.1.999.8.{}", ambient::SystemRng.uuid().as_u128() >> 8)
}
