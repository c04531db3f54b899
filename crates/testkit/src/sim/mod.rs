//! The world simulator: devices with the real engine, people in the office, a network that loses things, and time that
//! passes only when the simulator says so. One seed is one world, and a world runs the same every time.

mod act;
mod check;
mod clock;
mod command;
mod config;
mod device;
mod evidence;
mod life;
mod network;
mod oracle;
mod order;
mod play;
mod random;
mod run;
mod schema;
mod settle;
mod shrink;
mod store;
mod story;
mod there;
mod timeline;
mod wire;
mod world;

pub use act::{Act, Step};
pub use config::{Config, Play};
pub use life::{Ailment, Crash};
pub use network::{Link, Weather};
pub use run::{Broken, MemoryStores, Plan, Report, Stores, Violation, run};
pub use schema::Reshape;
pub use shrink::{Failure, examine};
