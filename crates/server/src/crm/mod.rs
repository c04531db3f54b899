//! The built-in CRM schema: 21 entities that field teams take offline, what they need around them, and every kind
//! of activity over one base entity.

mod activities;
mod build;
mod commands;
mod declare;
mod directory;
mod sales;
mod service;

pub use build::schema;

#[cfg(test)]
mod tests;
